"""Through the whole product: what a prompt names is found, listed and said."""

from __future__ import annotations

import io
import urllib.request

from PIL import Image

from tests.product import Product


def test_a_video_says_what_was_understood(product: Product) -> None:
    token = product.sign_up()
    body = {"prompt": "the animal with a long trunk and a T-Rex dance in the city at night", "seed": 4}
    status, video = product.call("POST", "/v1/videos", body, token)
    assert status == 200, video
    understood = video["recipe"]["understood"]
    assert [each["name"] for each in understood["subjects"]] == ["elephant", "T-Rex"]
    assert understood["subjects"][0]["score"] < 1.0 == understood["subjects"][1]["score"]
    assert (understood["place"], understood["time"], understood["motion"]) == ("city", "night", "dance")
    assert product.wait(video["id"], token)["status"] == "completed"


def test_subjects_are_listed_for_everybody(product: Product) -> None:
    _, models = product.call("GET", "/v1/models")
    model = models["data"][0]
    assert model["subjects"] > 1000
    status, page = product.call("GET", f"/v1/models/{model['id']}/subjects?q=dinosaur&limit=4")
    assert status == 200
    assert {"T-Rex", "long-necked dinosaur"} <= {each["name"] for each in page["data"]}
    assert page["data"][0]["picture"].startswith("data:image/webp;base64,")
    _, more = product.call("GET", f"/v1/models/{model['id']}/subjects?limit=2")
    assert more["has_more"]
    after = more["last_id"]
    _, rest = product.call("GET", f"/v1/models/{model['id']}/subjects?limit=2&after={after}")
    assert not {each["id"] for each in more["data"]} & {each["id"] for each in rest["data"]}
    assert product.call("GET", f"/v1/models/{model['id']}/subjects?after=nobody")[0] == 404
    assert product.call("GET", f"/v1/models/{model['id']}/subjects?limit=0")[0] == 400


def test_a_prompt_is_read_and_its_pictures_are_shown_before_it_is_drawn(product: Product) -> None:
    token = product.sign_up()
    body = {"prompt": "the animal with a long trunk and a woman with dark skin in the city"}
    status, said = product.call("POST", "/v1/prompts/understand", body, token)
    assert status == 200, said
    elephant, woman = said["understood"]["subjects"]
    assert (elephant["name"], said["understood"]["place"]) == ("elephant", "city")
    model = product.call("GET", "/v1/models")[1]["data"][0]["id"]
    status, card = product.call("GET", f"/v1/models/{model}/subjects/{woman['picture']}")
    assert status == 200, card
    assert card["name"] == "woman"
    assert woman["picture"] in card["tones"]
    address = f"{product.url}/v1/models/{model}/subjects/{woman['picture']}/picture"
    with urllib.request.urlopen(address, timeout=10) as reply:
        small = Image.open(io.BytesIO(reply.read()))
    assert (small.format, small.size) == ("WEBP", (96, 96))
    for what in ("", "/picture"):
        assert product.call("GET", f"/v1/models/{model}/subjects/nobody{what}")[0] == 404
