"""Videos made of others, over the real product: what of it the model can draw, it must show."""

from __future__ import annotations

import io
import urllib.request
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from openai import OpenAI
from PIL import Image

from tests.product import Product
from tests.test_product import frames_of

# What is repeated of a source is decoded from its latents once more: near, and never nearer to another video.
NEAR = 0.5


class Person:
    """Somebody who makes videos and looks at them."""

    def __init__(self, product: Product) -> None:
        self.product, self.token = product, product.sign_up()
        self._client = OpenAI(api_key=self.token, base_url=product.url + "/v1")

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The reply to a call that must succeed."""
        status, reply = self.product.call(method, path, body, self.token)
        assert status < 300, reply
        return reply

    def draw(self, prompt: str, **payload: Any) -> dict[str, Any]:
        """A finished video."""
        made = self.call("POST", "/v1/videos", {"prompt": prompt, **payload})
        return self.finished(made["id"])

    def finished(self, video_id: str) -> dict[str, Any]:
        """A video once it is completed."""
        done = self.product.wait(video_id, self.token, within_s=300)
        assert done["status"] == "completed", done
        return done

    def frames(self, video: dict[str, Any]) -> NDArray[np.float64]:
        """Frames as they play, [F, H, W, 3]."""
        return frames_of(self._client.videos.download_content(video["id"]).read()).astype(float)

    def needs(self, condition: str) -> None:
        """Skip where the model says that it can't be shown this."""
        card = self.call("GET", "/v1/models")["data"][0]
        if condition not in card["conditions"]:
            pytest.skip(f"{card['id']} can't be shown its {condition}")


@pytest.fixture
def person(product: Product) -> Person:
    return Person(product)


def source(relation: str, *videos: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"relation": relation, "video_ids": [video["id"] for video in videos], **more}


def apart(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Root mean square of the difference, 0..255."""
    return float(np.sqrt(np.mean(np.square(first - second))))


def test_two_clips_are_stitched_and_shown_beside_them(person: Person) -> None:
    first = person.draw("a cat jumps on a beach by day", seed=3)
    second = person.draw("a rocket floats up in space at night", seed=4)
    whole = person.draw("from the beach to the stars", source=source("stitch", first, second))
    assert (whole["seconds"], whole["cost"]["credits"], whole["size"]) == ("4.12", 1, first["size"])
    frames = person.frames(whole)
    expected = np.concatenate([person.frames(first), person.frames(second)])
    assert len(frames) == len(expected) == 34
    assert max(apart(*pair) for pair in zip(frames, expected, strict=True)) < 8
    edges = person.call("GET", f"/v1/videos/{whole['id']}/lineage")["edges"]
    measured = {edge["parent"]: edge["closeness"] for edge in edges}
    assert set(measured) == {first["id"], second["id"]}
    # Half of it is each, so it is nearer to one of them than nothing, and the same as neither.
    assert 0 < max(measured.values()) < 1, measured
    # What is joined can be a source in its turn.
    remix = person.draw("a cat jumps on a beach at night", source=source("remix", whole, strength=0.6))
    # Of what is drawn, the nearest to its length.
    assert remix["seconds"] == "4"


def test_steering_draws_what_the_words_would_have(person: Person) -> None:
    said = person.draw("a cat on a beach walks left at night", seed=11)
    steer = {"motion": "left", "time": "night"}
    steered = person.draw("a cat jumps on a beach by day", seed=11, steer=steer)
    assert steered["prompt"] == "a cat jumps on a beach by day"
    assert steered["recipe"]["prompt"] == "nobody stands still on a beach at night"
    understood = steered["recipe"]["understood"]
    assert (understood["motion"], understood["time"]) == ("left", "night")
    assert np.array_equal(person.frames(said), person.frames(steered))


def test_a_clip_begins_with_the_picture_that_was_given(person: Person) -> None:
    """And so does its render, by the SDK's own parameter."""
    person.needs("begin")
    width, height = 256, 384
    shown = np.zeros((height, width, 3), np.uint8)
    shown[: height // 2], shown[height // 2 :] = (120, 60, 160), (60, 150, 60)
    written = io.BytesIO()
    Image.fromarray(shown).save(written, "PNG")
    client = OpenAI(api_key=person.token, base_url=person.product.url + "/v1")
    made = client.videos.create_and_poll(
        prompt="a cat jumps on a beach by day", input_reference=("mine.png", written.getvalue(), "image/png")
    )
    video = person.finished(made.id)
    assert video["recipe"]["input_reference"] is True
    render = person.finished(person.call("POST", video["links"]["render"])["id"])
    without = person.draw("a cat jumps on a beach by day", seed=video["seed"])
    for clip in (video, render):
        first = person.frames(clip)[0]
        assert first.shape == shown.shape
        assert apart(first, shown) < NEAR * apart(person.frames(without)[0], shown)
    person.product.call("DELETE", video["links"]["self"], token=person.token)
    again = person.product.call("GET", render["links"]["self"], token=person.token)
    assert again[0] == 200


def test_an_extension_goes_on_from_its_source(person: Person) -> None:
    person.needs("begin")
    first = person.draw("a cat walks left on a beach by day", seed=5)
    other = person.draw("a rocket floats up in space at night", seed=6)
    for moment, last in (({}, 17), ({"to_s": 1.0}, 9)):
        made = person.draw("a cat jumps on a beach by day", seed=7, source=source("extend", first, **moment))
        begun, ended = person.frames(made)[:5], person.frames(first)[last - 5 : last]
        assert apart(begun, ended) < NEAR * apart(begun, person.frames(other)[-5:])
    whole = person.draw("a cat on a beach", source=source("stitch", first, made))
    assert len(person.frames(whole)) == whole["recipe"]["frames"]
    render = person.finished(person.call("POST", made["links"]["render"])["id"])
    begun = person.frames(render)[:5]
    assert apart(begun, ended) < NEAR * apart(begun, person.frames(other)[-5:])


def test_a_bridge_arrives_where_it_should(person: Person) -> None:
    person.needs("end")
    first = person.draw("a cat walks left on a beach by day", seed=5)
    second = person.draw("a cat jumps on a beach by day", seed=6)
    words = "a cat on a beach by day"
    bridge = person.frames(person.draw(words, seed=7, source=source("extend", first, second)))
    onward = person.frames(person.draw(words, seed=7, source=source("extend", first)))
    begin, end = person.frames(first)[-5], person.frames(second)[0]
    assert apart(bridge[0], begin) < NEAR * apart(bridge[0], end)
    # Nearer than the same clip without a frame to arrive at.
    assert apart(bridge[-1], end) < apart(onward[-1], end)


def test_a_cameos_picture_decides_what_is_drawn(person: Person) -> None:
    person.needs("reference")
    cameo = person.call("POST", "/v1/cameos", {"display_name": "Me", "audience": "only_me"})
    payload = {
        "prompt": "@" + cameo["handle"] + " jumps on a beach by day",
        "seed": 9,
        "cameos": [cameo["id"]],
    }
    drawn = []
    for colour in ((230, 30, 30), (30, 30, 230)):
        picture = io.BytesIO()
        Image.new("RGB", (256, 256), colour).save(picture, "PNG")
        _give(person, cameo["id"], picture.getvalue())
        video = person.draw(**payload)
        assert video["recipe"]["likeness"] == cameo["id"]
        drawn.append(person.frames(video))
    assert apart(*drawn) > 2


def _give(person: Person, cameo: str, picture: bytes) -> None:
    request = urllib.request.Request(
        f"{person.product.url}/v1/cameos/{cameo}/reference",
        picture,
        {"content-type": "image/png", "authorization": f"Bearer {person.token}"},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        assert reply.status == 200
