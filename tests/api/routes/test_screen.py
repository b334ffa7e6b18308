"""Words before money: rules, the registry over a whole lineage, appeals, and a second opinion by HTTP."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar

from api.app import create_app
from domain.safety import appeals, registry, reports
from media.store import MediaStore
from schemas.registry import Role
from settings import load
from tests.api.conftest import FixedCards
from tests.api.people import Person, refused, sign_up
from tests.api.routes.test_me import erase_all
from tests.build import finish

HOLMES = "reg_sherlock_holmes"
PLAIN = "a cat on a beach"


def in_plain_words(message: str) -> bool:
    """Whether a message holds no word of the wire: ids, routes, fields, marks of code."""
    return re.search(r"[`_/{}]|request|HTTP|POST", message) is None


async def balance(person: Person) -> int:
    return int((await person.ok("GET", "/v1/me/credits"))["balance"])


@pytest.mark.parametrize(
    "prompt", ["Sherlock Holmes dances", "Sh3rlосk  H0lmes", "s h e r l o c k h o l m e s"]
)
async def test_a_protected_name_costs_nothing_and_says_why(ada: Person, prompt: str) -> None:
    before = await balance(ada)
    error = refused(
        await ada.call("POST", "/v1/videos", {"prompt": prompt}), 403, "likeness_protected", "prompt"
    )
    assert "Sherlock Holmes" in error["message"]
    assert in_plain_words(error["message"])
    assert await balance(ada) == before


async def test_a_refusal_names_its_rule(ada: Person) -> None:
    reply = await ada.call("POST", "/v1/videos", {"prompt": "a gory beheading in a forest"})
    error = refused(reply, 403, "moderation_refused", "prompt")
    assert "no graphic violence" in error["message"]
    assert in_plain_words(error["message"])


async def test_rules_about_people_look_for_a_likeness(ada: Person) -> None:
    prompt = "she confesses in a leaked video"
    await ada.ok("POST", "/v1/videos", {"prompt": prompt})
    cameo = await ada.ok("POST", "/v1/cameos", {"display_name": "Me", "audience": "everyone"})
    reply = await ada.call("POST", "/v1/videos", {"prompt": prompt, "cameos": [cameo["id"]]})
    assert "no forged news" in refused(reply, 403, "moderation_refused")["message"]
    check = {"prompt": prompt, "cameos": [cameo["id"]]}
    answer = await ada.ok("POST", "/v1/consent/check", check)
    assert [rule["rule"] for rule in answer["rules"]] == ["deception_person"]


async def test_the_whole_lineage_is_read(ada: Person, bob: Person, media: MediaStore) -> None:
    now = datetime.now(UTC)
    await registry.set_representative(HOLMES, ada.handle, Role.ESTATE, "a moderator", now=now)
    try:
        video = await ada.ok("POST", "/v1/videos", {"prompt": "Sherlock Holmes in the fog"})
        await finish(video["id"], media)
        posted = await ada.ok("POST", "/v1/posts", {"video_id": video["id"], "caption": "elementary"})
        remix = {"prompt": "make him say hello"}
        refused(await bob.call("POST", f"/v1/videos/{video['id']}/remix", remix), 403, "likeness_protected")
        check = {
            "cameos": [
                (await ada.ok("POST", "/v1/cameos", {"display_name": "A", "audience": "everyone"}))["id"]
            ],
            "prompt": "make him say hello",
            "source": {"relation": "remix", "video_ids": [video["id"]]},
        }
        answer = await bob.ok("POST", "/v1/consent/check", check)
        assert answer["allowed"] is False
        assert [rule["rule"] for rule in answer["rules"]] == [f"registry:{HOLMES}"]

        path = f"/v1/registry/{HOLMES}"
        assert (await ada.ok("GET", path))["role"] == "estate"
        assert (await bob.ok("GET", path))["role"] is None
        refused(await bob.call("POST", f"{path}/grants", {"grantee": bob.handle}), 403, "forbidden")
        refused(await bob.call("GET", f"{path}/grants"), 403, "forbidden")
        nobody = await ada.call("POST", f"{path}/grants", {"grantee": "nobody_at_all"})
        refused(nobody, 404, "not_found", "grantee")
        past = await ada.call("POST", f"{path}/grants", {"grantee": bob.handle, "until": 1})
        refused(past, 400, "invalid_request", "until")
        grant = await ada.ok("POST", f"{path}/grants", {"grantee": bob.handle})
        await bob.ok("POST", f"/v1/videos/{video['id']}/remix", remix)
        assert (await bob.ok("POST", "/v1/consent/check", check))["rules"] == []
        assert [item["id"] for item in (await ada.ok("GET", f"{path}/grants"))["data"]] == [grant["id"]]
        withdrawn = await ada.ok("DELETE", f"{path}/grants/{grant['id']}")
        assert withdrawn["revoked_at"] is not None
        refused(await ada.call("DELETE", f"{path}/grants/{grant['id']}"), 409, "invalid_state")
        refused(await ada.call("DELETE", f"{path}/grants/rgrant_0"), 404, "not_found")
        refused(await bob.call("POST", f"/v1/videos/{video['id']}/remix", remix), 403, "likeness_protected")
        await ada.ok("DELETE", f"/v1/posts/{posted['id']}")
    finally:
        await registry.set_representative(HOLMES, ada.handle, None, "a moderator", now=now)
    refused(await ada.call("POST", f"/v1/videos/{video['id']}/render"), 403, "likeness_protected")
    refused(await ada.call("POST", "/v1/posts", {"video_id": video["id"]}), 403, "likeness_protected")


async def test_what_cant_be_seen_is_not_told_by_its_words(
    ada: Person, bob: Person, media: MediaStore
) -> None:
    video = await ada.ok("POST", "/v1/videos", {"prompt": PLAIN})
    await finish(video["id"], media)
    remix = await bob.call("POST", f"/v1/videos/{video['id']}/remix", {"prompt": "Sherlock Holmes"})
    refused(remix, 404, "not_found")


async def test_captions_and_names_of_cameos_are_read_too(ada: Person, media: MediaStore) -> None:
    video = await ada.ok("POST", "/v1/videos", {"prompt": PLAIN})
    await finish(video["id"], media)
    post = {"video_id": video["id"], "caption": "this is really Count Dracula"}
    refused(await ada.call("POST", "/v1/posts", post), 403, "likeness_protected", "caption")
    body = {"display_name": "Charlie Chaplin", "audience": "everyone"}
    refused(await ada.call("POST", "/v1/cameos", body), 403, "likeness_protected", "display_name")
    cameo = await ada.ok("POST", "/v1/cameos", {**body, "display_name": "Charlie"})
    change = await ada.call("PATCH", f"/v1/cameos/{cameo['id']}", {"display_name": "Ch4rlie Chaplin"})
    refused(change, 403, "likeness_protected", "display_name")


async def test_an_upheld_appeal_lets_the_same_words_pass(ada: Person, bob: Person) -> None:
    payload = {"prompt": "Robin Hood, my hamster, runs in his wheel"}
    request_id = refused(await ada.call("POST", "/v1/videos", payload), 403, "likeness_protected")[
        "request_id"
    ]
    appeal = {"request_id": request_id, "reason": "it is a hamster"}
    refused(await bob.call("POST", "/v1/appeals", appeal), 404, "not_found", "request_id")
    made = await ada.ok("POST", "/v1/appeals", appeal)
    assert (made["status"], made["rules"]) == ("open", ["registry:reg_robin_hood"])
    refused(await ada.call("POST", "/v1/appeals", appeal), 409, "conflict")
    refused(await ada.call("POST", "/v1/videos", payload), 403, "likeness_protected")
    await appeals.decide(made["id"], True, "a hamster indeed", "a moderator", now=datetime.now(UTC))
    (decided,) = (await ada.ok("GET", "/v1/appeals"))["data"]
    assert (decided["status"], decided["note"]) == ("upheld", "a hamster indeed")
    await ada.ok("POST", "/v1/videos", payload)
    refused(await bob.call("POST", "/v1/videos", payload), 403, "likeness_protected")
    refused(await ada.call("POST", "/v1/videos", {"prompt": "Robin Hood runs"}), 403, "likeness_protected")


async def test_appeals_are_bounded(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appeals, "APPEALS_PER_DAY", 1)
    for number in range(2):
        reply = await ada.call("POST", "/v1/videos", {"prompt": f"Batman and {number} cats"})
        key = refused(reply, 403, "likeness_protected")["request_id"]
        reply = await ada.call("POST", "/v1/appeals", {"request_id": key, "reason": "please"})
        if number:
            refused(reply, 429, "rate_limited")


class Elsewhere:
    """A moderation service that answers what the test wants, or breaks."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: dict[str, Any] | None = {"allowed": True}
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        self.asked.append(json.loads(await reader.readexactly(length)))
        body = json.dumps(self.answer).encode() if self.answer else b"not json"
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    service = Elsewhere()
    async with await asyncio.start_server(service.serve, "127.0.0.1", 0) as server:
        service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/judge"
        yield service


def app_with(tmp_path: Path, media: MediaStore, **env: str) -> Litestar:
    settings = load({"RIFFLE_HOME": str(tmp_path), **env})
    return create_app(settings, cards=FixedCards(), media=media)


async def person_of(app: Litestar, handle: str) -> Person:
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    return await sign_up(httpx.AsyncClient(transport=transport, base_url="http://riffle.test"), handle)


async def test_a_service_elsewhere_has_its_say(
    database: Any, tmp_path: Path, media: MediaStore, elsewhere: Elsewhere
) -> None:
    eve = await person_of(app_with(tmp_path, media, RIFFLE_MODERATION_URL=elsewhere.url), "eve_elsewhere")
    await eve.ok("POST", "/v1/videos", {"prompt": PLAIN})
    assert elsewhere.asked == [{"texts": [PLAIN], "person": False}]
    elsewhere.answer = {"allowed": False, "rule": "no_cats", "reason": "cats are out"}
    error = refused(await eve.call("POST", "/v1/videos", {"prompt": PLAIN}), 403, "moderation_refused")
    assert "cats are out" in error["message"]
    made = await eve.ok("POST", "/v1/appeals", {"request_id": error["request_id"], "reason": "why"})
    await appeals.decide(made["id"], True, "fine", "a moderator", now=datetime.now(UTC))
    await eve.ok("POST", "/v1/videos", {"prompt": PLAIN})
    # What is refused here already is told to nobody.
    count = len(elsewhere.asked)
    refused(await eve.call("POST", "/v1/videos", {"prompt": "Count Dracula"}), 403, "likeness_protected")
    assert len(elsewhere.asked) == count
    elsewhere.answer = None
    refused(await eve.call("POST", "/v1/videos", {"prompt": "a dog"}), 503, "busy")


async def test_what_was_answered_once_is_answered_again_whatever_would_be_refused_now(
    database: Any, tmp_path: Path, media: MediaStore, elsewhere: Elsewhere
) -> None:
    eve = await person_of(app_with(tmp_path, media, RIFFLE_MODERATION_URL=elsewhere.url), "eve_again")
    payloads: list[tuple[str, Any]] = [("/v1/videos", {"prompt": PLAIN, "seed": 77})]
    made = [await eve.ok("POST", *payloads[0], headers={"idempotency-key": "0"})]
    await finish(made[0]["id"], media)
    payloads += [
        (f"/v1/videos/{made[0]['id']}/remix", {"prompt": "a dog"}),
        (f"/v1/videos/{made[0]['id']}/render", None),
        ("/v1/posts", {"video_id": made[0]["id"], "caption": "mine"}),
        ("/v1/cameos", {"display_name": "Eve", "audience": "everyone"}),
    ]
    for number, payload in enumerate(payloads[1:], 1):
        made.append(await eve.ok("POST", *payload, headers={"idempotency-key": str(number)}))

    async def replay(number: int, payload: tuple[str, Any]) -> None:
        reply = await eve.call("POST", *payload, headers={"idempotency-key": str(number)})
        assert reply.headers.get("idempotent-replayed") == "true", reply.text
        assert reply.json()["id"] == made[number]["id"]

    asked = len(elsewhere.asked)
    elsewhere.answer = None
    for number, payload in enumerate(payloads):
        refused(await eve.call("POST", *payload), 503, "busy")
        await replay(number, payload)
    assert len(elsewhere.asked) == asked + len(payloads)
    elsewhere.answer = {"allowed": True}
    await reports.hide(made[0]["id"], "a test", "a moderator", now=datetime.now(UTC))
    refused(await eve.call("POST", *payloads[1]), 451, "taken_down")
    for number, payload in enumerate(payloads):
        await replay(number, payload)
    other = {"prompt": "a bird"}
    reply = await eve.call("POST", "/v1/videos", other, headers={"idempotency-key": "0"})
    refused(reply, 409, "idempotency_mismatch")


async def test_a_service_that_is_away_may_be_passed_over(
    database: Any, tmp_path: Path, media: MediaStore, elsewhere: Elsewhere
) -> None:
    elsewhere.answer = None
    env = {"RIFFLE_MODERATION_URL": elsewhere.url, "RIFFLE_MODERATION_ON_ERROR": "allow"}
    eve = await person_of(app_with(tmp_path, media, **env), "eve_allowed")
    await eve.ok("POST", "/v1/videos", {"prompt": PLAIN})
    env["RIFFLE_MODERATION_URL"] = "http://127.0.0.1:9/judge"
    eve = await person_of(app_with(tmp_path, media, **env), "eve_nobody")
    await eve.ok("POST", "/v1/videos", {"prompt": PLAIN})


@pytest.mark.parametrize("how", ["deleted", "taken back and deleted", "gone with the account"])
async def test_the_words_of_a_deleted_ancestor_count(
    ada: Person, bob: Person, media: MediaStore, how: str
) -> None:
    """Harmless words of hers are refused with a cameo, which comes in only when she has deleted them."""
    cameo = await bob.ok("POST", "/v1/cameos", {"display_name": "Me", "audience": "everyone"})
    words, children = "she confesses in a leaked video", []
    for prompt, caption in ((words, ""), (PLAIN, words)):
        video = await ada.ok("POST", "/v1/videos", {"prompt": prompt})
        await finish(video["id"], media)
        post = await ada.ok("POST", "/v1/posts", {"video_id": video["id"], "caption": caption})
        child = await bob.ok("POST", f"/v1/videos/{video['id']}/remix", {"prompt": PLAIN})
        await finish(child["id"], media)
        children.append(child["id"])
        if how == "taken back and deleted":
            await ada.ok("DELETE", f"/v1/posts/{post['id']}")
        if how != "gone with the account":
            await ada.ok("DELETE", f"/v1/videos/{video['id']}")
    if how == "gone with the account":
        await ada.ok("DELETE", "/v1/me")
        await erase_all()
    for child in children:
        source = {"relation": "remix", "video_ids": [child]}
        payload = {"prompt": PLAIN, "source": source, "cameos": [cameo["id"]]}
        error = refused(await bob.call("POST", "/v1/videos", payload), 403, "moderation_refused")
        assert "no forged news" in error["message"]


async def test_a_mention_is_screened_as_the_likeness_that_it_is(
    ada: Person, bob: Person, media: MediaStore
) -> None:
    await ada.ok("POST", "/v1/cameos", {"display_name": "Me", "audience": "everyone"})
    words = f"@{ada.handle} confesses in a leaked video"
    assert (
        "no forged news"
        in refused(
            await bob.call("POST", "/v1/videos", {"prompt": words}), 403, "moderation_refused", "prompt"
        )["message"]
    )
    video = await bob.ok("POST", "/v1/videos", {"prompt": PLAIN})
    await finish(video["id"], media)
    body = {"video_id": video["id"], "caption": words}
    refused(await bob.call("POST", "/v1/posts", body), 403, "moderation_refused", "caption")
    checked = await bob.ok("POST", "/v1/consent/check", body)
    assert (checked["allowed"], [rule["rule"] for rule in checked["rules"]]) == (False, ["deception_person"])
