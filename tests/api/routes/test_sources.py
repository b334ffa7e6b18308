"""Videos made of others over HTTP: what each relation takes, costs and says, and whose consent it needs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.videos.validate import check_request
from schemas.videos import CreateVideo
from tests.api.people import Person, refused
from tests.api.routes.test_cameos import cameo_of
from tests.api.routes.test_consent import give, photo
from tests.build import CARD, finish

PROMPT = "a cat on a beach"
# relation -> how many sources
COUNTS = {"remix": 1, "edit": 1, "extend": 1, "bridge": 2, "reference": 1, "stitch": 2, "reroll": 1}


DOCS = (Path(__file__).resolve().parents[3] / "docs" / "how-to" / "make-from-videos.md").read_text()
PAYLOADS = [
    line
    for block in re.findall(r"```json request\n(.*?)```", DOCS, re.DOTALL)
    for line in block.splitlines()
    if line
]


async def drawn(person: Person, media: Any, **payload: Any) -> dict[str, Any]:
    video: dict[str, Any] = await person.ok("POST", "/v1/videos", {"prompt": PROMPT, **payload})
    await finish(video["id"], media)
    return video


async def posted(person: Person, media: Any, **payload: Any) -> dict[str, Any]:
    video = await drawn(person, media, **payload)
    reply = await person.call("POST", "/v1/posts", {"video_id": video["id"]})
    assert reply.status_code == 201, reply.text
    return video


def of(relation: str, *videos: str, **more: Any) -> dict[str, Any]:
    name = "extend" if relation == "bridge" else relation
    return {"prompt": "and then", "source": {"relation": name, "video_ids": list(videos), **more}}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_examples_of_the_docs_can_be_asked_for(payload: str) -> None:
    made = msgspec.json.decode(payload, type=CreateVideo)
    words = {"motions": {"left": ["walks left"]}, "times": {"night": ["at night"]}}
    check_request(made, msgspec.structs.replace(CARD, vocabulary=words))


@pytest.mark.parametrize("relation", list(COUNTS))
async def test_every_relation_is_an_edge(relation: str, ada: Person, media: Any) -> None:
    sources = [(await drawn(ada, media))["id"] for _ in range(COUNTS[relation])]
    payload = of(relation, *sources)
    made = await ada.ok("POST", "/v1/videos", payload)
    assert made["source"] == {**payload["source"], "from_s": None, "to_s": None, "strength": None}
    assert made["cost"]["credits"] == 1
    edges = (await ada.ok("GET", f"/v1/videos/{made['id']}/lineage"))["edges"]
    assert [(edge["parent"], edge["relation"]) for edge in edges if edge["child"] == made["id"]] == [
        (source, payload["source"]["relation"]) for source in sources
    ]


@pytest.mark.parametrize("relation", list(COUNTS))
async def test_consent_follows_every_relation(relation: str, ada: Person, bob: Person, media: Any) -> None:
    """Each cameo of each source, for the new person and the new words; a fence against remixes holds."""
    faces = [await cameo_of(ada, "everyone") for _ in range(COUNTS[relation])]
    sources = [(await posted(ada, media, cameos=[face["id"]]))["id"] for face in faces]
    payload = of(relation, *sources)
    made = await bob.ok("POST", "/v1/videos", payload)
    assert sorted(made["cameos"]) == sorted(face["id"] for face in faces)
    receipts = (await bob.ok("GET", f"/v1/videos/{made['id']}/receipts"))["data"]
    assert sorted(item["cameo_id"] for item in receipts) == sorted(made["cameos"])
    await finish(made["id"], media)
    before = await bob.ok("GET", "/v1/me/credits")
    last = faces[-1]["id"]
    for restrictions, reason in (({"no_remix": True}, "no_remix"), ({"words": ["then"]}, "restricted_words")):
        await ada.ok("PATCH", f"/v1/cameos/{last}", {"restrictions": restrictions})
        # Of a video that was made from it too.
        for body in (payload, of("extend", made["id"])):
            error = refused(await bob.call("POST", "/v1/videos", body), 403, "consent_refused", "cameos")
            assert reason in error["message"]
            check = await bob.ok("POST", "/v1/consent/check", body)
            assert {item["reason"] for item in check["decisions"] if item["cameo"] == last} == {reason}
    await ada.ok("PATCH", f"/v1/cameos/{last}", {"restrictions": {}, "audience": "only_me"})
    refused(await bob.call("POST", "/v1/videos", payload), 403, "consent_refused", "cameos")
    assert await bob.ok("GET", "/v1/me/credits") == before
    # Its owner may.
    await ada.ok("POST", "/v1/videos", payload)


@pytest.mark.parametrize("relation", list(COUNTS))
async def test_a_withdrawn_video_is_no_source(relation: str, ada: Person, bob: Person, media: Any) -> None:
    face = await cameo_of(ada, "everyone")
    fine = [(await drawn(bob, media))["id"] for _ in range(COUNTS[relation] - 1)]
    last = await drawn(bob, media, cameos=[face["id"]])
    await ada.ok("DELETE", f"/v1/cameos/{face['id']}/uses/{last['id']}")
    assert (await bob.call("POST", "/v1/videos", of(relation, *fine, last["id"]))).status_code in (403, 410)


async def test_a_stitch_has_the_length_of_its_clips(ada: Person, media: Any) -> None:
    first = await drawn(ada, media)
    second = await drawn(ada, media, **of("extend", first["id"]))
    other = await drawn(ada, media)
    whole = await ada.ok("POST", "/v1/videos", of("stitch", first["id"], second["id"], other["id"]))
    # The extension repeats five frames of what it goes on from.
    assert whole["recipe"]["frames"] == 17 + 12 + 17
    assert (whole["seconds"], whole["size"], whole["tier"]) == ("5.62", "128x192", "preview")
    assert (whole["prompt"], whole["recipe"]["prompt"]) == ("and then", "and then")
    await finish(whole["id"], media)
    refused(await ada.call("POST", whole["links"]["render"]), 409, "invalid_state")
    renders = [await ada.ok("POST", video["links"]["render"]) for video in (first, second)]
    for video in renders:
        await finish(video["id"], media)
    full = await ada.ok("POST", "/v1/videos", of("stitch", *(video["id"] for video in renders)))
    assert (full["tier"], full["size"], full["recipe"]["frames"]) == ("full", "256x384", 17 + 12)
    assert full["cost"]["credits"] == 1
    mixed = await ada.ok("POST", "/v1/videos", of("stitch", first["id"], renders[1]["id"]))
    assert (mixed["tier"], mixed["size"], mixed["recipe"]["frames"]) == ("preview", "256x384", 17 + 12)
    again = await ada.ok("POST", "/v1/videos", of("stitch", other["id"], other["id"]))
    assert again["recipe"]["frames"] == 34


async def test_a_stitch_takes_only_what_it_can_give(ada: Person, media: Any) -> None:
    clips = [(await drawn(ada, media))["id"] for _ in range(2)]
    for more, code, param in (
        ({"size": "128x192"}, "invalid_request", "size"),
        ({"seconds": "2"}, "invalid_request", "seconds"),
        ({"n": 2}, "invalid_n", "n"),
        ({"steer": {"time": "day"}}, "invalid_request", "steer"),
    ):
        refused(await ada.call("POST", "/v1/videos", {**of("stitch", *clips), **more}), 400, code, param)
    waiting = await ada.ok("POST", "/v1/videos", {"prompt": PROMPT})
    refused(await ada.call("POST", "/v1/videos", of("stitch", clips[0], waiting["id"])), 409, "not_ready")
    refused(await ada.call("POST", "/v1/videos", of("stitch", clips[0], "video_0")), 404, "not_found")


async def test_moments_must_lie_in_the_source(ada: Person, media: Any) -> None:
    clip = (await drawn(ada, media))["id"]
    for relation, field, moment in (
        ("extend", "to_s", 2.2),
        ("extend", "from_s", 3),
        ("reference", "from_s", 9),
    ):
        reply = await ada.call("POST", "/v1/videos", of(relation, clip, **{field: moment}))
        refused(reply, 400, "invalid_request", f"source.{field}")
    made = await ada.ok("POST", "/v1/videos", of("extend", clip, from_s=0.5, to_s=1))
    assert (made["source"]["from_s"], made["source"]["to_s"]) == (0.5, 1)


async def test_a_model_draws_only_what_it_can_be_shown(
    ada: Person, media: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [(await drawn(ada, media))["id"] for _ in range(2)]
    assert (await ada.ok("GET", "/v1/models"))["data"][0]["conditions"] == ["begin", "end", "reference"]
    monkeypatch.setattr(CARD, "conditions", ["begin"])
    before = await ada.ok("GET", "/v1/me/credits")
    for payload in (of("bridge", *clips), of("reference", clips[0])):
        refused(await ada.call("POST", "/v1/videos", payload), 400, "invalid_request", "source.relation")
    assert await ada.ok("GET", "/v1/me/credits") == before
    await ada.ok("POST", "/v1/videos", of("extend", clips[0]))
    await ada.ok("POST", "/v1/videos", of("stitch", *clips))


async def test_a_render_needs_what_its_preview_was_shown(ada: Person, media: Any) -> None:
    clip = await drawn(ada, media)
    extended = await drawn(ada, media, **of("extend", clip["id"]))
    await ada.ok("DELETE", f"/v1/videos/{clip['id']}")
    refused(await ada.call("POST", extended["links"]["render"]), 409, "invalid_state")
    # A remix has taken from its source what it needs.
    other = await drawn(ada, media)
    remix = await drawn(ada, media, **of("remix", other["id"]))
    await ada.ok("DELETE", f"/v1/videos/{other['id']}")
    assert (await ada.ok("POST", remix["links"]["render"]))["tier"] == "full"


async def test_a_pictured_face_that_is_only_inherited_is_not_drawn_anew(
    ada: Person, bob: Person, media: Any
) -> None:
    face = await cameo_of(ada, "everyone")
    await give(ada, face["id"], photo())
    source = await posted(ada, media, cameos=[face["id"]])
    assert source["recipe"]["likeness"] == face["id"]
    extended = await bob.ok("POST", "/v1/videos", of("extend", source["id"]))
    assert (extended["cameos"], extended["recipe"]["likeness"]) == ([face["id"]], None)
