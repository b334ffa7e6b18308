"""Follows and blocks."""

from __future__ import annotations

import pytest

from domain.accounts import social
from domain.events import stream
from media.store import MediaStore
from schemas.events import EventName, inbox_stream, video_stream
from tests.api.people import Person, refused
from tests.api.routes.test_cameos import cameo_of
from tests.build import finish


async def test_follows_and_blocks_can_be_repeated_and_undone(ada: Person, bob: Person) -> None:
    for noun in ("follows", "blocks"):
        for method in ("PUT", "PUT", "DELETE", "DELETE"):
            assert (await ada.call(method, f"/v1/{noun}/{bob.handle}")).status_code == 204


@pytest.mark.parametrize("noun", ["follows", "blocks"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_nobody_and_oneself(ada: Person, noun: str, method: str) -> None:
    refused(await ada.call(method, f"/v1/{noun}/nobody_at_all"), 404, "not_found", "handle")
    refused(await ada.call(method, f"/v1/{noun}/{ada.handle}"), 400, "invalid_request", "handle")


async def test_who_is_blocked_can_not_follow(ada: Person, bob: Person) -> None:
    await ada.call("PUT", f"/v1/blocks/{bob.handle}")
    # Nothing tells them: the answer is that of one who may.
    assert (await bob.call("PUT", f"/v1/follows/{ada.handle}")).status_code == 204
    assert not (await social.relationship(bob.id, ada.id)).follows
    refused(await ada.call("PUT", f"/v1/follows/{bob.handle}"), 409, "invalid_state", "handle")


@pytest.mark.parametrize("how", ["blocked by the owner", "blocked by the maker", "unfollowed"])
async def test_who_looks_at_a_post_hears_when_its_people_part(
    ada: Person, bob: Person, media: MediaStore, how: str
) -> None:
    for one, other in ((ada, bob), (bob, ada)):
        await one.call("PUT", f"/v1/follows/{other.handle}")
    cameo = await cameo_of(ada, "mutuals")
    video = await bob.ok("POST", "/v1/videos", {"prompt": "a cat", "cameos": [cameo["id"]]})
    await finish(video["id"], media)
    await bob.ok("POST", "/v1/posts", {"video_id": video["id"]})
    plain = await bob.ok("POST", "/v1/videos", {"prompt": "a dog"})
    await finish(plain["id"], media)
    await bob.ok("POST", "/v1/posts", {"video_id": plain["id"]})
    who, method, noun, whom = {
        "blocked by the owner": (ada, "PUT", "blocks", bob),
        "blocked by the maker": (bob, "PUT", "blocks", ada),
        "unfollowed": (ada, "DELETE", "follows", bob),
    }[how]
    assert (await who.call(method, f"/v1/{noun}/{whom.handle}")).status_code == 204
    for drawn, names in ((video, [EventName.VIDEO_WITHDRAWN]), (plain, [])):
        events = await stream.since(video_stream(drawn["id"]), 0, 100)
        assert [event.name for event in events if event.name == EventName.VIDEO_WITHDRAWN] == names


@pytest.mark.parametrize("noun", ["blocks", "follows"])
async def test_both_hear_once_that_they_parted_and_not_how(ada: Person, bob: Person, noun: str) -> None:
    await ada.call("PUT", f"/v1/follows/{bob.handle}")
    for _ in range(2):
        assert (
            await ada.call("PUT" if noun == "blocks" else "DELETE", f"/v1/{noun}/{bob.handle}")
        ).status_code == 204
    for one in (ada, bob):
        (event,) = await stream.since(inbox_stream(one.id), 0, 100)
        assert (event.name, event.data) == (EventName.FEED_CHANGED, {})


async def test_nobody_is_told_who_blocks_them(ada: Person, bob: Person, media: MediaStore) -> None:
    cameo = await cameo_of(ada, "everyone")
    drawn = await bob.ok("POST", "/v1/videos", {"prompt": "a cat", "cameos": [cameo["id"]]})
    plain = await bob.ok("POST", "/v1/videos", {"prompt": "a dog"})
    for video in (drawn, plain):
        await finish(video["id"], media)
    await ada.call("PUT", f"/v1/blocks/{bob.handle}")
    mention = f"@{cameo['handle']} on a beach"
    asked = {"video_id": plain["id"], "caption": mention}
    for path, body in (
        ("/v1/videos", {"prompt": mention}),
        ("/v1/posts", asked),
        ("/v1/posts", {"video_id": drawn["id"]}),
        (f"/v1/videos/{drawn['id']}/render", None),
    ):
        error = refused(await bob.call("POST", path, body), 403, "consent_refused")
        assert error["message"].endswith("only_me"), path
    for body in (asked, {"prompt": mention}):
        (decision,) = (await bob.ok("POST", "/v1/consent/check", body))["decisions"]
        assert (decision["allowed"], decision["reason"]) == (False, "only_me")
    # By its id it is as if there were none.
    refused(await bob.call("POST", "/v1/videos", {"prompt": "a", "cameos": [cameo["id"]]}), 404, "not_found")
