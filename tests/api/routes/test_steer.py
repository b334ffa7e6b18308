"""Steering and cameos in the words: what is shown stays as typed, the recipe says what the model is given."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from tests.api.people import Person, refused
from tests.api.routes.test_cameos import cameo_of
from tests.api.routes.test_consent import give, grant_to, photo
from tests.build import CARD, finish


async def test_steering_is_in_the_recipe_and_not_in_the_prompt(ada: Person, media: Any) -> None:
    payload = {"prompt": "a cat jumps on a beach", "steer": {"camera": "pan", "time": "night"}}
    video = await ada.ok("POST", "/v1/videos", {**payload, "n": 2})
    assert video["prompt"] == "a cat jumps on a beach"
    assert video["recipe"]["prompt"] == "a cat on a beach in a panning shot at night"
    await finish(video["id"], media)
    full = await ada.ok("POST", video["links"]["render"])
    assert (full["prompt"], full["recipe"]["prompt"]) == (video["prompt"], video["recipe"]["prompt"])
    form = {"prompt": "a cat", "steer[motion]": "jump"}
    sent = await ada.call("POST", "/v1/videos", data=form)
    assert sent.json()["recipe"]["prompt"] == "a cat jumps"


async def test_the_first_named_cameo_with_a_picture_is_drawn(ada: Person, bob: Person, media: Any) -> None:
    plain, pictured, other = [await cameo_of(ada, "everyone") for _ in range(3)]
    for cameo in (pictured, other):
        assert (await give(ada, cameo["id"], photo())).status_code == 200
    named = [plain["id"], other["id"], pictured["id"]]
    payload = {"prompt": f"@{other['handle']} jumps with @{plain['handle']}", "cameos": named}
    video = await bob.ok("POST", "/v1/videos", payload)
    assert (video["prompt"], video["cameos"]) == (payload["prompt"], named)
    assert video["recipe"]["likeness"] == other["id"]
    assert video["recipe"]["prompt"] == "someone jumps with someone"
    await finish(video["id"], media)
    assert (await bob.ok("POST", video["links"]["render"]))["recipe"]["likeness"] == other["id"]
    # What is made of it has the cameo on its record, and shows it by its source alone.
    remix = await bob.ok(
        "POST", f"/v1/videos/{video['id']}/remix", {"prompt": f"@{other['handle']} on a beach"}
    )
    assert set(remix["cameos"]) == set(named)
    assert (remix["recipe"]["likeness"], remix["recipe"]["prompt"]) == (None, "someone on a beach")


async def test_words_that_name_nobody_get_somebody(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    cameo = await cameo_of(ada)
    payload = {"prompt": "on a beach", "cameos": [cameo["id"]]}
    words_alone = await ada.ok("POST", "/v1/videos", payload)
    assert (words_alone["recipe"]["likeness"], words_alone["recipe"]["prompt"]) == (None, "on a beach")
    await give(ada, cameo["id"], photo())
    shown = await ada.ok("POST", "/v1/videos", payload)
    assert (shown["recipe"]["likeness"], shown["recipe"]["prompt"]) == (cameo["id"], "someone on a beach")
    # A model that can't be shown a picture says so in its card, and the recipe does too.
    monkeypatch.setattr(CARD, "conditions", ["begin"])
    assert (await ada.ok("POST", "/v1/videos", payload))["recipe"]["likeness"] is None


async def test_a_model_is_shown_one_reference(ada: Person, media: Any) -> None:
    source = await ada.ok("POST", "/v1/videos", {"prompt": "a cat"})
    await finish(source["id"], media)
    cameo = await cameo_of(ada)
    payload = {
        "prompt": "jumps",
        "cameos": [cameo["id"]],
        "source": {"relation": "reference", "video_ids": [source["id"]]},
    }
    assert (await ada.ok("POST", "/v1/videos", payload))["recipe"]["prompt"] == "someone jumps"
    await give(ada, cameo["id"], photo())
    refused(await ada.call("POST", "/v1/videos", payload), 400, "invalid_request", "cameos")


async def test_a_render_without_the_picture_of_its_preview_is_refused(
    ada: Person, bob: Person, media: Any
) -> None:
    cameo = await cameo_of(ada, "everyone")
    await give(ada, cameo["id"], photo())
    video = await bob.ok("POST", "/v1/videos", {"prompt": "jumps", "cameos": [cameo["id"]]})
    await finish(video["id"], media)
    await ada.ok("POST", f"/v1/cameos/{cameo['id']}/revoke", {"mode": "block_new"})
    refused(await bob.call("POST", video["links"]["render"]), 403, "consent_refused")


async def test_steering_can_not_say_what_a_cameo_refuses(ada: Person, bob: Person, media: Any) -> None:
    cameo = await cameo_of(ada, "everyone", restrictions={"words": ["night"]})
    payload = {"prompt": "a cat", "cameos": [cameo["id"]]}
    refused(
        await bob.call("POST", "/v1/videos", {**payload, "steer": {"time": "night"}}),
        403,
        "consent_refused",
        "cameos",
    )
    answer = await bob.ok("POST", "/v1/consent/check", {**payload, "steer": {"time": "night"}})
    assert (answer["allowed"], answer["decisions"][0]["reason"]) == (False, "restricted_words")
    reply = await bob.call("POST", "/v1/consent/check", {**payload, "steer": {"time": "noon"}})
    refused(reply, 400, "invalid_request", "steer.time")
    await bob.ok("POST", "/v1/videos", {**payload, "steer": {"time": "day"}})
    # Nor can it be given to a video that the cameo is put into later.
    dark = await bob.ok("POST", "/v1/videos", {"prompt": "a cat", "steer": {"time": "night"}})
    await finish(dark["id"], media)
    source = {"relation": "remix", "video_ids": [dark["id"]]}
    refused(
        await bob.call("POST", "/v1/videos", {**payload, "source": source}), 403, "consent_refused", "cameos"
    )
    # Nor is it forgotten with the video that it was given to.
    later = await bob.ok("POST", "/v1/videos", {"prompt": "a cat", "source": source})
    await finish(later["id"], media)
    await bob.ok("DELETE", f"/v1/videos/{dark['id']}")
    source = {"relation": "remix", "video_ids": [later["id"]]}
    refused(
        await bob.call("POST", "/v1/videos", {**payload, "source": source}), 403, "consent_refused", "cameos"
    )


async def test_a_grant_for_one_prompt_covers_what_the_model_is_given_by_it(
    ada: Person, bob: Person, media: Any
) -> None:
    cameo = await cameo_of(ada)
    prompt = f"@{cameo['handle']} on a beach"
    await grant_to(ada, cameo["id"], bob, prompt=prompt)
    payload = {"prompt": prompt, "cameos": [cameo["id"]]}
    plain = await bob.ok("POST", "/v1/videos", payload)
    await finish(plain["id"], media)
    await finish((await bob.ok("POST", plain["links"]["render"]))["id"], media)
    # Another's video, whose picture an edit at strength 0 keeps.
    other = await bob.ok("POST", "/v1/videos", {"prompt": "a cat by night"})
    await finish(other["id"], media)
    beyond: list[dict[str, Any]] = [
        *({"steer": steer} for steer in ({"time": "night"}, {"motion": "jump"}, {"camera": "pan"})),
        *(
            {"source": {"relation": relation, "video_ids": [video], "strength": 0.0}}
            for relation in ("edit", "remix")
            for video in (other["id"], plain["id"])
        ),
        {"source": {"relation": "extend", "video_ids": [other["id"]]}},
        # A picture that the clip begins with says more than the words, too.
        {"input_reference": {"image_url": f"data:image/png;base64,{b64encode(photo()).decode()}"}},
    ]
    for more in beyond:
        error = refused(await bob.call("POST", "/v1/videos", {**payload, **more}), 403, "consent_refused")
        assert "more_than_prompt" in error["message"], more
        checked = await bob.ok("POST", "/v1/consent/check", {**payload, **more})
        assert (checked["allowed"], checked["decisions"][0]["reason"]) == (False, "more_than_prompt"), more
    await bob.ok("POST", "/v1/posts", {"video_id": plain["id"]})
