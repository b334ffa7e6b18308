"""Consent over HTTP: the picture, the ledger, revoking in each mode, tombstones, uses, and the check."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from typing import Any

import av
import pytest
from PIL import Image

from domain.clock import utc_now
from domain.consent import cascades
from tests.api.conftest import HANDLES
from tests.api.people import Person, refused, sign_up
from tests.api.routes.test_cameos import PROMPT, cameo_of
from tests.build import VIDEO, finish, loose


def photo(size: tuple[int, int] = (300, 200)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, (200, 10, 10)).save(written, "JPEG")
    return written.getvalue()


async def give(person: Person, cameo: str, data: bytes, kind: str = "image/jpeg") -> Any:
    return await person.call(
        "PUT", f"/v1/cameos/{cameo}/reference", content=data, headers={"content-type": kind}
    )


async def grant_to(owner: Person, cameo: str, person: Person, **scope: Any) -> str:
    grant = await person.ok("POST", f"/v1/cameos/{cameo}/requests", {"scope": scope})
    await owner.ok("POST", f"/v1/cameo-requests/{grant['id']}/accept")
    return str(grant["id"])


async def post_of(person: Person, media: Any, **payload: Any) -> dict[str, Any]:
    video = await person.ok("POST", "/v1/videos", {"prompt": PROMPT, **payload})
    await finish(video["id"], media)
    reply = await person.call("POST", "/v1/posts", {"video_id": video["id"], "caption": "look"})
    assert reply.status_code == 201, reply.text
    post: dict[str, Any] = reply.json()
    return post


async def test_preconditions_hold_for_every_method_of_a_picture(ada: Person, media: Any) -> None:
    cameo = (await cameo_of(ada, "everyone"))["id"]
    path = f"/v1/cameos/{cameo}/reference"

    async def put(size: int, **asked: str) -> Any:
        headers = {name.replace("_", "-"): value for name, value in asked.items()}
        return await ada.call(
            "PUT", path, content=photo((size, 100)), headers={"content-type": "image/jpeg", **headers}
        )

    async def tag() -> str:
        return str((await ada.call("GET", path)).headers["etag"])

    for there_is_none in ("*", '"a"'):
        refused(await put(100, if_match=there_is_none), 412, "precondition_failed")
    assert (await put(100, if_none_match="*")).status_code == 200
    first = await tag()
    for stale in ({"if_none_match": "*"}, {"if_none_match": f'"x", W/{first}'}, {"if_match": '"x"'}):
        refused(await put(110, **stale), 412, "precondition_failed")
    assert await tag() == first
    assert (await put(120, if_match=first, if_none_match='"x"')).status_code == 200
    second = await tag()
    assert second != first
    assert (await ada.call("GET", path, headers={"if-none-match": second})).status_code == 304
    refused(await ada.call("GET", path, headers={"if-match": first}), 412, "precondition_failed")
    for stale in ({"if-match": first}, {"if-none-match": second}):
        refused(await ada.call("DELETE", path, headers=stale), 412, "precondition_failed")
    assert await tag() == second
    assert (await ada.call("DELETE", path, headers={"if-match": second})).status_code == 200
    # What is refused anyway is refused for its own reason.
    refused(await ada.call("DELETE", path, headers={"if-match": second}), 404, "not_found")


async def test_of_two_that_replace_what_both_saw_one_does(ada: Person, media: Any) -> None:
    cameo = (await cameo_of(ada, "everyone"))["id"]
    path = f"/v1/cameos/{cameo}/reference"
    await give(ada, cameo, photo())
    seen = (await ada.call("GET", path)).headers["etag"]
    kind = {"content-type": "image/jpeg", "if-match": seen}
    replies = await asyncio.gather(
        *(ada.call("PUT", path, content=photo((size, 100)), headers=kind) for size in (100, 200))
    )
    assert sorted(reply.status_code for reply in replies) == [200, 412]


async def test_a_picture_is_given_shown_and_replaced(ada: Person, bob: Person, media: Any) -> None:
    cameo = await cameo_of(ada, "everyone")
    path = f"/v1/cameos/{cameo['id']}/reference"
    assert cameo["has_reference"] is False
    refused(await ada.call("GET", path), 404, "not_found")
    reply = await give(ada, cameo["id"], photo())
    assert (reply.status_code, reply.json()["has_reference"], reply.json()["revision"]) == (200, True, 2)
    shown = await ada.call("GET", path)
    assert (shown.headers["content-type"], shown.headers["cache-control"]) == (
        "image/webp",
        "private, no-store",
    )
    with Image.open(io.BytesIO(shown.content)) as made:
        assert made.size == (300, 200)
    # Open to everyone is no grant.
    refused(await bob.call("GET", path), 403, "consent_refused")
    refused(await give(bob, cameo["id"], photo()), 404, "not_found")
    await grant_to(ada, cameo["id"], bob, prompt="a dog", post=False)
    assert (await bob.call("GET", path)).content == shown.content
    entries = (await ada.ok("GET", f"/v1/cameos/{cameo['id']}/ledger"))["data"]
    assert entries[1]["body"]["reference"] == hashlib.sha256(shown.content).hexdigest()
    (old,) = [key for key in await loose() if cameo["id"] in key] or [None]
    assert old is None
    assert (await give(ada, cameo["id"], VIDEO, "video/mp4")).status_code == 200
    assert (await ada.call("GET", path)).headers["content-type"] == "video/mp4"
    (old,) = [key for key in await loose() if cameo["id"] in key]
    assert await media.size(old) == len(shown.content)
    await ada.ok("POST", f"/v1/cameos/{cameo['id']}/revoke", {"grantee": bob.handle})
    refused(await bob.call("GET", path), 403, "consent_refused")
    await ada.ok("POST", f"/v1/cameos/{cameo['id']}/revoke", {"mode": "tombstone"})
    refused(await ada.call("GET", path), 404, "not_found")
    refused(await give(ada, cameo["id"], photo()), 409, "invalid_state")


@pytest.mark.parametrize(
    ("data", "kind", "status", "code"),
    [
        (b"", "image/jpeg", 400, "invalid_request"),
        (b"nonsense", "image/png", 400, "invalid_request"),
        (b"nonsense", "video/mp4", 400, "invalid_request"),
        (photo((20, 20)), "image/jpeg", 400, "invalid_request"),
        (photo(), "image/png", 400, "invalid_request"),
        (photo(), "image/gif", 415, "unsupported_media_type"),
        (photo(), "", 415, "unsupported_media_type"),
        (b"x" * (8 * 1024 * 1024 + 1), "image/jpeg", 413, "body_too_large"),
    ],
)
async def test_pictures_that_are_none(ada: Person, data: bytes, kind: str, status: int, code: str) -> None:
    cameo = await cameo_of(ada)
    refused(await give(ada, cameo["id"], data, kind), status, code)
    assert (await ada.ok("GET", f"/v1/cameos/{cameo['id']}"))["revision"] == 1


async def test_the_ledger_is_the_owners_and_can_be_recomputed(ada: Person, bob: Person) -> None:
    cameo = await cameo_of(ada)
    await grant_to(ada, cameo["id"], bob)
    await bob.ok("POST", "/v1/videos", {"prompt": PROMPT, "cameos": [cameo["id"]], "n": 2})
    path = f"/v1/cameos/{cameo['id']}/ledger"
    whole = await ada.ok("GET", path)
    assert [entry["kind"] for entry in whole["data"]] == ["cameo", "grant", "grant", "receipt", "receipt"]
    assert whole["cameo_id"] == cameo["id"]
    for entry in whole["data"]:
        claimed = entry.pop("hash")
        entry["cameo_id"] = cameo["id"]
        text = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(text.encode()).hexdigest() == claimed
    page = await ada.ok("GET", f"{path}?after=1&limit=2")
    assert ([entry["seq"] for entry in page["data"]], page["has_more"]) == ([2, 3], True)
    refused(await bob.call("GET", path), 404, "not_found")
    for query in ("after=-1", "limit=0", "limit=101", "after=x", f"after={2**64}"):
        refused(await ada.call("GET", f"{path}?{query}"), 400, "invalid_request")


async def test_restrictions_and_scopes_go_around(ada: Person, bob: Person) -> None:
    payload = {
        "words": ["gun"],
        "topics": ["horror"],
        "styles": ["anime"],
        "no_remix": True,
        "no_others": True,
        "approve_posts": True,
        "until": 4_000_000_000,
    }
    cameo = await cameo_of(ada, "everyone", restrictions=payload)
    assert cameo["restrictions"] == payload
    reasons = {
        "a gun": "restricted_words",
        "a zombie": "restricted_topic",
        "a cat, anime": "restricted_style",
        "a cat": "everyone",
    }
    for prompt, reason in reasons.items():
        answer = await bob.ok("POST", "/v1/consent/check", {"cameos": [cameo["id"]], "prompt": prompt})
        assert answer["decisions"][0]["reason"] == reason
    path = f"/v1/cameos/{cameo['id']}"
    for wrong, param in (
        ({"topics": ["weather"]}, "restrictions.topics[0]"),
        ({"until": 0}, "restrictions.until"),
        ({"words": ["x" * 61]}, "restrictions.words[0]"),
    ):
        refused(await ada.call("PATCH", path, {"restrictions": wrong}), 400, "invalid_request", param)
    refused(await ada.call("PATCH", path, {"restrictions": {"moods": []}}), 400, "unknown_field")
    for scope, param in (({"trend": "post_0"}, "scope.trend"), ({"video_id": "video_0"}, "scope.video_id")):
        reply = await bob.call("POST", f"{path}/requests", {"scope": scope})
        refused(reply, 404, "not_found", param)


async def test_refused_words_count_in_captions_too(ada: Person, bob: Person, media: Any) -> None:
    payload = {"display_name": "Ada", "audience": "everyone", "restrictions": {"words": ["umbrella"]}}
    cameo = (await ada.ok("POST", "/v1/cameos", payload))["id"]
    video = await bob.ok("POST", "/v1/videos", {"prompt": "a cat on a beach", "cameos": [cameo]})
    await finish(video["id"], media)
    for caption in ("Umbrella time", "an umbrеlla", "umbr3llа!"):
        reply = await bob.call("POST", "/v1/posts", {"video_id": video["id"], "caption": caption})
        error = refused(reply, 403, "consent_refused")
        assert "restricted_words" in error["message"]
    post = await bob.ok("POST", "/v1/posts", {"video_id": video["id"], "caption": "a sunny day"})
    remix = {"prompt": "a dog on a beach"}
    running = await bob.ok("POST", f"/v1/videos/{video['id']}/remix", remix)
    await ada.ok("PATCH", f"/v1/cameos/{cameo}", {"restrictions": {"words": ["sunny"]}})
    # From then on: what is posted under it is hidden, what is drawn from it ends and is not begun.
    eve = await sign_up(ada.client, next(HANDLES))
    refused(await eve.call("GET", f"/v1/posts/{post['id']}"), 404, "not_found")
    assert (await bob.ok("GET", f"/v1/videos/{running['id']}"))["status"] == "failed"
    refused(await bob.call("POST", f"/v1/videos/{video['id']}/remix", remix), 403, "consent_refused")


@pytest.mark.parametrize("mode", ["block_new", "hide_posts", "tombstone"])
async def test_revoking_in_each_mode(mode: str, ada: Person, bob: Person, anyone: Any, media: Any) -> None:
    cameo = await cameo_of(ada, "everyone")
    post = await post_of(bob, media, cameos=[cameo["id"]])
    content = post["video"]["links"]["content"]
    running = await bob.ok("POST", "/v1/videos", {"prompt": PROMPT, "cameos": [cameo["id"]]})
    credits = (await bob.ok("GET", "/v1/me/credits"))["balance"]
    body = {"mode": mode, "grantee": bob.handle}
    await ada.ok("POST", f"/v1/cameos/{cameo['id']}/revoke", body)
    ended = await bob.ok("GET", f"/v1/videos/{running['id']}")
    assert (ended["status"], ended["error"]["code"]) == ("failed", "consent_revoked")
    assert (await bob.ok("GET", "/v1/me/credits"))["balance"] == credits + 1
    check = await bob.ok("POST", "/v1/consent/check", {"cameos": [cameo["id"]], "prompt": PROMPT})
    assert (check["allowed"], check["decisions"][0]["reason"]) == (False, "grant_revoked")
    eve = await _eve(anyone)
    # Before anything was swept, and after it.
    for _ in range(2):
        found, file = await eve.call("GET", f"/v1/posts/{post['id']}"), await eve.call("GET", content)
        if mode == "block_new":
            assert (found.status_code, file.content) == (200, VIDEO)
        elif mode == "hide_posts":
            refused(found, 404, "not_found")
            refused(file, 404, "not_found")
            assert (await bob.call("GET", content)).content == VIDEO
        else:
            tombstone = found.json()["video"]["tombstone"]
            assert tombstone == {"reason": "This video is no longer available."}
            assert (found.json()["caption"], found.json()["video"]["prompt"]) == ("", "")
            for person in (eve, bob, ada):
                refused(await person.call("GET", content), 410, "gone")
            payload = {"prompt": "a dog", "source": {"relation": "remix", "video_ids": [post["video"]["id"]]}}
            assert (await eve.call("POST", "/v1/videos", payload)).status_code in (403, 410)
            assert (await eve.ok("POST", "/v1/consent/check", payload))["allowed"] is False
        while await cascades.run_batch(now=utc_now()):
            pass
    refused(
        await ada.call("POST", f"/v1/cameos/{cameo['id']}/revoke", {"mode": "later"}), 400, "invalid_request"
    )


async def _eve(anyone: Any) -> Person:
    return await sign_up(anyone, next(HANDLES))


async def test_the_owner_deletes_a_use(ada: Person, bob: Person, media: Any) -> None:
    cameo = await cameo_of(ada, "everyone")
    post = await post_of(bob, media, cameos=[cameo["id"]])
    path = f"/v1/cameos/{cameo['id']}/uses"
    (use,) = (await ada.ok("GET", path))["data"]
    refused(await bob.call("DELETE", f"{path}/{use['video_id']}"), 404, "not_found")
    refused(await ada.call("DELETE", f"{path}/video_0"), 404, "not_found")
    gone = await ada.ok("DELETE", f"{path}/{use['video_id']}")
    assert (gone["id"], gone["deleted"]) == (use["video_id"], True)
    assert (await ada.ok("GET", path))["data"] == []
    refused(await bob.call("GET", post["video"]["links"]["content"]), 410, "gone")
    await bob.ok("POST", "/v1/videos", {"prompt": PROMPT, "cameos": [cameo["id"]]})


@pytest.mark.parametrize(("mode", "visible"), [(None, True), ("block_new", True), ("hide_posts", False)])
async def test_a_use_says_whether_others_see_it(
    ada: Person, bob: Person, media: Any, mode: str | None, visible: bool
) -> None:
    cameo = await cameo_of(ada, "everyone")
    draft = await bob.ok("POST", "/v1/videos", {"prompt": PROMPT, "cameos": [cameo["id"]]})
    post = await post_of(bob, media, cameos=[cameo["id"]])
    if mode is not None:
        await ada.ok("POST", f"/v1/cameos/{cameo['id']}/revoke", {"mode": mode})
    uses = (await ada.ok("GET", f"/v1/cameos/{cameo['id']}/uses"))["data"]
    assert {use["video_id"]: (use["post_id"], use["visible"]) for use in uses} == {
        draft["id"]: (None, False),
        post["video"]["id"]: (post["id"], visible),
    }


async def test_the_check_answers_for_posting_and_for_sources(ada: Person, bob: Person, media: Any) -> None:
    cameo = await cameo_of(ada, "everyone", restrictions={"approve_posts": True})
    video = await bob.ok("POST", "/v1/videos", {"prompt": PROMPT, "cameos": [cameo["id"]]})
    await finish(video["id"], media)
    answer = await bob.ok("POST", "/v1/consent/check", {"video_id": video["id"]})
    assert (answer["allowed"], answer["decisions"][0]) == (
        False,
        {"cameo": cameo["id"], "allowed": False, "reason": "post_not_approved", "ask": "this video"},
    )
    refused(await bob.call("POST", "/v1/posts", {"video_id": video["id"]}), 403, "consent_refused")
    refused(
        await ada.call("POST", "/v1/consent/check", {"video_id": video["id"]}), 404, "not_found", "video_id"
    )
    await grant_to(ada, cameo["id"], bob, video_id=video["id"])
    assert (await bob.ok("POST", "/v1/consent/check", {"video_id": video["id"]}))["allowed"] is True
    assert (await bob.call("POST", "/v1/posts", {"video_id": video["id"]})).status_code == 201
    # A remix needs no cameo named: it has its source's.
    source = {"relation": "remix", "video_ids": [video["id"]]}
    answer = await bob.ok("POST", "/v1/consent/check", {"prompt": "a dog", "source": source})
    assert [item["cameo"] for item in answer["decisions"]] == [cameo["id"]]
    refused(await bob.call("POST", "/v1/consent/check", {}), 400, "invalid_request", "cameos")


async def test_kinds_are_known_by_the_names_that_phones_give_them(ada: Person) -> None:
    cameo = await cameo_of(ada)
    path = f"/v1/cameos/{cameo['id']}/reference"
    with av.open(io.BytesIO(VIDEO)) as source, av.open(moved := io.BytesIO(), "w", format="mov") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    for data, kind, shown in (
        (photo(), "image/jpg", "image/webp"),
        (moved.getvalue(), "video/quicktime", "video/mp4"),
    ):
        reply = await give(ada, cameo["id"], data, kind)
        assert reply.status_code == 200, reply.text
        assert (await ada.call("GET", path)).headers["content-type"] == shown
