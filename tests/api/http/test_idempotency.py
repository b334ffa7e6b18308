"""The same request twice makes one thing."""

from __future__ import annotations

import asyncio

import pytest

from db import engine
from tests.api.http.test_body import multipart
from tests.api.people import Person, refused

BODY = {"prompt": "a cat on a beach", "n": 2}


async def test_fifty_at_once_make_one_job(ada: Person) -> None:
    before = (await ada.ok("GET", "/v1/me/credits"))["balance"]
    headers = {"idempotency-key": "fifty"}
    replies = await asyncio.gather(
        *(ada.call("POST", "/v1/videos", BODY, headers=headers) for _ in range(50))
    )
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.content for reply in replies}) == 1
    assert sum(reply.headers.get("idempotent-replayed") == "true" for reply in replies) == 49
    assert len((await ada.ok("GET", "/v1/videos"))["data"]) == 2
    assert (await ada.ok("GET", "/v1/me/credits"))["balance"] == before - 2


async def test_another_body_or_address_is_a_mismatch(ada: Person) -> None:
    headers = {"idempotency-key": "one"}
    first = await ada.ok("POST", "/v1/videos", BODY, headers=headers)
    other = {**BODY, "n": 3}
    refused(await ada.call("POST", "/v1/videos", other, headers=headers), 409, "idempotency_mismatch")
    cameo = {"display_name": "Ada", "audience": "everyone"}
    refused(await ada.call("POST", "/v1/cameos", cameo, headers=headers), 409, "idempotency_mismatch")
    assert await ada.ok("POST", "/v1/videos", BODY, headers=headers) == first


async def test_a_form_replays_json_of_the_same_fields(ada: Person) -> None:
    first = await ada.ok("POST", "/v1/videos", BODY, headers={"idempotency-key": "form"})
    for _ in range(2):
        raw, content_type = multipart(("prompt", str(BODY["prompt"])), ("n", "2"))
        headers = {"idempotency-key": "form", "content-type": content_type}
        assert await ada.ok("POST", "/v1/videos", content=raw, headers=headers) == first


async def test_keys_belong_to_one_account(ada: Person, bob: Person) -> None:
    headers = {"idempotency-key": "same words"}
    one = await ada.ok("POST", "/v1/videos", BODY, headers=headers)
    two = await bob.ok("POST", "/v1/videos", BODY, headers=headers)
    assert one["id"] != two["id"]


async def test_a_refusal_is_not_remembered(ada: Person) -> None:
    headers = {"idempotency-key": "again"}
    bad = {**BODY, "source": {"relation": "remix", "video_ids": ["video_0"]}}
    refused(await ada.call("POST", "/v1/videos", bad, headers=headers), 404, "not_found")
    await ada.ok("POST", "/v1/videos", BODY, headers=headers)


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "ümlaut"])
async def test_keys_that_cannot_be(ada: Person, key: str) -> None:
    headers = {"idempotency-key": key.encode()}
    refused(
        await ada.call("POST", "/v1/videos", BODY, headers=headers),
        400,
        "invalid_request",
        "idempotency-key",
    )


async def test_every_route_that_creates_replays(ada: Person, bob: Person) -> None:
    cameo_body = {"display_name": "Bob", "audience": "people_i_approve"}
    cameo = await bob.ok("POST", "/v1/cameos", cameo_body, headers={"idempotency-key": "cameo"})
    assert await bob.ok("POST", "/v1/cameos", cameo_body, headers={"idempotency-key": "cameo"}) == cameo
    assert len((await bob.ok("GET", "/v1/cameos"))["data"]) == 1
    path = f"/v1/cameos/{cameo['id']}/requests"
    grant = await ada.ok("POST", path, {"message": "please"}, headers={"idempotency-key": "ask"})
    assert await ada.ok("POST", path, {"message": "please"}, headers={"idempotency-key": "ask"}) == grant


async def test_a_key_keeps_no_words(ada: Person) -> None:
    headers = {"idempotency-key": "wordless"}
    video = await ada.ok("POST", "/v1/videos", {"prompt": "an unmistakable walrus"}, headers=headers)
    kept = await engine.fetch("SELECT * FROM idempotency WHERE account_id = $1", ada.id)
    assert len(kept) == 1
    assert video["id"] in str(kept)
    assert "walrus" not in str(kept)


async def test_a_repeat_shows_what_was_made_as_it_is_now(ada: Person) -> None:
    headers = {"idempotency-key": "later"}
    video = await ada.ok("POST", "/v1/videos", BODY, headers=headers)
    await ada.ok("POST", f"/v1/videos/{video['id']}/cancel")
    again = await ada.ok("POST", "/v1/videos", BODY, headers=headers)
    assert (again["id"], again["status"]) == (video["id"], "cancelled")
    await ada.ok("DELETE", f"/v1/videos/{video['id']}")
    refused(await ada.call("POST", "/v1/videos", BODY, headers=headers), 404, "not_found")
    # It is not made a second time.
    assert video["id"] not in [item["id"] for item in (await ada.ok("GET", "/v1/videos"))["data"]]
