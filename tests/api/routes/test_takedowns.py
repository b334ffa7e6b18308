"""Takedowns without an account: copies, the clock, decisions, counter-notices, and no drawing again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar

from api.http.rate_limits import TAKEDOWNS
from db.engine import fetch
from domain.safety import fingerprints, takedowns
from media import fingerprint
from media.store import MediaStore
from tests import clips
from tests.api.conftest import HANDLES
from tests.api.people import Person, refused, sign_up
from tests.build import finish

CLAIM: dict[str, Any] = {
    "claimant": "Grace Example",
    "role": "self",
    "contact": "grace@example.org",
    "identification": "My face, in the whole of the video",
    "statement": "I did not permit this use and believe in good faith that nothing else does.",
    "good_faith": True,
    "signature": "Grace Example",
}
ANSWER: dict[str, Any] = {
    "statement": "It shows my own cat and nobody else at all.",
    "good_faith": True,
    "signature": "Ada Example",
    "contact": "+49 30 1234567",
}


async def posted(person: Person, media: MediaStore, look: str | None = None, seed: int = 1) -> dict[str, Any]:
    """A posted video of this look."""
    video = await person.ok("POST", "/v1/videos", {"prompt": "a cat on a beach", "seed": seed})
    await finish(video["id"], media)
    if look is not None:
        await fingerprints.save(video["id"], look)
    post: dict[str, Any] = await person.ok("POST", "/v1/posts", {"video_id": video["id"]})
    return post


def look(seed: int, **how: Any) -> str:
    bits = fingerprint.fingerprint_of(clips.mp4(clips.scene(seed), **how))
    assert bits is not None
    return bits


async def claim(anyone: httpx.AsyncClient, *videos: str) -> dict[str, Any]:
    reply = await anyone.post("/v1/takedowns", json={**CLAIM, "videos": list(videos)})
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


async def test_a_claim_finds_copies_and_hides_nothing_before_it_is_decided(
    anyone: httpx.AsyncClient, ada: Person, bob: Person, media: MediaStore
) -> None:
    first = await posted(ada, media, look(1), seed=1)
    copy = await posted(bob, media, look(1, crf=34, size=(64, 64)), seed=2)
    other = await posted(bob, media, look(2), seed=3)
    made = await claim(anyone, f"https://riffle.example/#/post/{first['id']}")
    assert (made["status"], made["videos"], made["copies"]) == ("open", [first["video"]["id"]], 1)
    assert made["due_at"] - made["created_at"] == 48 * 3600
    assert "grace" not in str(made).lower()
    assert (await anyone.get(f"/v1/takedowns/{made['id']}")).json() == made
    assert [item["videos"] for item in (await bob.ok("GET", "/v1/takedowns"))["data"]] == [
        [copy["video"]["id"]]
    ]
    for post in (first, copy, other):
        await bob.ok("GET", f"/v1/posts/{post['id']}")

    await takedowns.decide(made["id"], "upheld", "clear", "a moderator", now=datetime.now(UTC))
    refused(await bob.call("GET", f"/v1/posts/{first['id']}"), 404, "not_found")
    refused(await ada.call("GET", f"/v1/posts/{copy['id']}"), 404, "not_found")
    await ada.ok("GET", f"/v1/posts/{other['id']}")
    for person, post in ((ada, first), (bob, copy)):
        refused(await person.call("GET", f"/v1/videos/{post['video']['id']}/content"), 451, "taken_down")
    remix = await ada.call("POST", f"/v1/videos/{first['video']['id']}/remix", {"prompt": "at night"})
    refused(remix, 451, "taken_down")
    shown = [lane["post"]["id"] for lane in await feed(ada)]
    assert copy["id"] not in shown
    assert first["id"] not in shown

    counter = f"/v1/takedowns/{made['id']}/counter-notice"
    refused(await anyone.post(counter, json=ANSWER), 401, "unauthenticated")
    await ada.ok("POST", counter, ANSWER)
    refused(await ada.call("POST", counter, ANSWER), 409, "conflict")
    assert (await anyone.get(f"/v1/takedowns/{made['id']}")).json()["countered"] is True
    await takedowns.decide(made["id"], "restored", "her own cat", "a moderator", now=datetime.now(UTC))
    await bob.ok("GET", f"/v1/posts/{first['id']}")
    actions = [
        row["action"] for row in await fetch("SELECT action FROM audit_log WHERE subject = $1", made["id"])
    ]
    assert actions == ["takedown.upheld", "takedown.restored"]


async def feed(person: Person) -> list[dict[str, Any]]:
    page = await person.ok("GET", "/v1/feed?cut=fresh&limit=20")
    return [{"post": post} for item in page["items"] for post in item["lane"]["items"]]


async def test_undecided_in_time_counts_as_upheld(
    anyone: httpx.AsyncClient, ada: Person, bob: Person, media: MediaStore
) -> None:
    post = await posted(ada, media, seed=11)
    made = await claim(anyone, post["video"]["id"])
    await bob.ok("GET", f"/v1/posts/{post['id']}")
    await fetch("UPDATE takedowns SET due_at = created_at - interval '1 s' WHERE id = $1", made["id"])
    refused(await bob.call("GET", f"/v1/posts/{post['id']}"), 404, "not_found")
    clock = await takedowns.open_takedowns(now=datetime.now(UTC) + timedelta(hours=1))
    assert (clock.open, clock.overdue) == (1, 1)
    assert clock.oldest_s >= 3600
    text = (await anyone.get("/metrics")).text
    assert "riffle_takedowns_overdue 1.0\n" in text
    assert "riffle_takedown_oldest_open_seconds " in text
    await takedowns.decide(made["id"], "rejected", "no", "a moderator", now=datetime.now(UTC))
    await bob.ok("GET", f"/v1/posts/{post['id']}")
    assert "riffle_takedowns_open 0.0\n" in (await anyone.get("/metrics")).text


async def test_what_only_looks_the_same_waits_for_a_moderator(
    anyone: httpx.AsyncClient, ada: Person, bob: Person, media: MediaStore
) -> None:
    """Somebody draws a stranger's public prompt and seed again, and demands that their own is taken down."""
    theirs = await posted(ada, media, look(61), seed=61)
    mine = await posted(bob, media, look(61), seed=61)
    made = await claim(anyone, mine["video"]["id"])
    assert made["copies"] >= 1
    await fetch("UPDATE takedowns SET due_at = created_at - interval '1 s' WHERE id = $1", made["id"])
    eve = await sign_up(anyone, next(HANDLES))
    refused(await eve.call("GET", f"/v1/posts/{mine['id']}"), 404, "not_found")
    await eve.ok("GET", f"/v1/posts/{theirs['id']}")
    assert (await ada.call("GET", theirs["video"]["links"]["content"])).status_code == 200
    await takedowns.decide(made["id"], "upheld", "it is hers", "a moderator", now=datetime.now(UTC))
    for post in (mine, theirs):
        refused(await eve.call("GET", f"/v1/posts/{post['id']}"), 404, "not_found")


async def test_the_same_video_is_not_drawn_again(
    anyone: httpx.AsyncClient, ada: Person, bob: Person, media: MediaStore
) -> None:
    post = await posted(ada, media, look(21), seed=21)
    made = await claim(anyone, post["id"])
    again = {"prompt": "a cat on a beach", "seed": 21}
    await bob.ok("POST", "/v1/videos", again)
    now = datetime.now(UTC)
    assert not await fingerprints.matches_taken_down(look(21, crf=30), now=now)
    await takedowns.decide(made["id"], "upheld", "clear", "a moderator", now=now)
    before = await bob.ok("GET", "/v1/me/credits")
    refused(await bob.call("POST", "/v1/videos", again), 451, "taken_down")
    refused(await bob.call("POST", "/v1/videos", {**again, "n": 3, "seed": 19}), 451, "taken_down")
    assert await bob.ok("GET", "/v1/me/credits") == before
    await bob.ok("POST", "/v1/videos", {**again, "seed": 22})
    assert await fingerprints.matches_taken_down(look(21, crf=30), now=now)
    assert not await fingerprints.matches_taken_down(look(22), now=now)


async def test_a_copy_that_appears_later_joins_the_open_claim(
    anyone: httpx.AsyncClient, ada: Person, media: MediaStore
) -> None:
    post = await posted(ada, media, look(31), seed=31)
    made = await claim(anyone, post["id"])
    late = await ada.ok("POST", "/v1/videos", {"prompt": "a cat on a beach", "seed": 32})
    await finish(late["id"], media)
    bits = look(31, crf=30)
    await fingerprints.save(late["id"], bits)
    await takedowns.join_open(late["id"], bits)
    assert (await anyone.get(f"/v1/takedowns/{made['id']}")).json()["copies"] == 1


@pytest.mark.parametrize(
    ("change", "status", "code", "param"),
    [
        ({"good_faith": False}, 400, "invalid_request", "good_faith"),
        ({"contact": "nowhere"}, 400, "invalid_request", "contact"),
        ({"signature": ""}, 400, "invalid_request", "signature"),
        ({"role": "stranger"}, 400, "invalid_request", "role"),
        ({"videos": []}, 400, "invalid_request", "videos"),
        ({"videos": ["video_" + "0" * 32]}, 404, "not_found", "videos"),
        ({"videos": ["what is this"]}, 404, "not_found", "videos"),
    ],
)
async def test_claims_that_cannot_be(
    anyone: httpx.AsyncClient, change: dict[str, Any], status: int, code: str, param: str
) -> None:
    body = {**CLAIM, "videos": ["video_" + "0" * 32], **change}
    refused(await anyone.post("/v1/takedowns", json=body), status, code, param)


async def test_claims_are_bounded(app: Litestar, anyone: httpx.AsyncClient) -> None:
    app.state.rate_limiter.hit(TAKEDOWNS, "127.0.0.1", cost=TAKEDOWNS.amount)
    body = {**CLAIM, "videos": ["video_1"]}
    refused(await anyone.post("/v1/takedowns", json=body), 429, "rate_limited")


async def test_claims_that_are_refused_stop_nobody(
    anyone: httpx.AsyncClient, ada: Person, media: MediaStore
) -> None:
    post = await posted(ada, media, seed=47)
    for _ in range(TAKEDOWNS.amount + 5):
        unknown = {**CLAIM, "videos": ["video_" + "0" * 32]}
        refused(await anyone.post("/v1/takedowns", json=unknown), 404, "not_found")
        refused(await anyone.post("/v1/takedowns", json={**CLAIM, "role": "?"}), 400, "invalid_request")
    await claim(anyone, post["id"])


async def test_only_who_is_concerned_may_answer(
    anyone: httpx.AsyncClient, ada: Person, bob: Person, media: MediaStore
) -> None:
    post = await posted(ada, media, seed=41)
    made = await claim(anyone, post["id"])
    refused(await bob.call("POST", f"/v1/takedowns/{made['id']}/counter-notice", ANSWER), 404, "not_found")
    refused(await anyone.get("/v1/takedowns/takedown_0"), 404, "not_found")
