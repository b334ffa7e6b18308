"""One's own account: changed, signed out elsewhere, taken along, left."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar

from api.app import create_app
from api.routes.me import archive
from db import engine
from domain.accounts import erasure, sessions, takeout
from domain.clock import utc_now
from domain.consent import cascades
from domain.videos.pricing import START_CREDITS
from media.store import MediaStore
from settings import load
from tests.api.conftest import HANDLES, FixedCards
from tests.api.people import PASSWORD, Person, refused, sign_up
from tests.build import finish, loose
from tests.clips import jpeg

NEW_PASSWORD = "battery staple 7"


async def sign_in(anyone: httpx.AsyncClient, handle: str, password: str = PASSWORD) -> Person:
    reply = await anyone.post(
        "/v1/sessions", json={"handle": handle, "password": password}, headers={"user-agent": "Tablet\x00 9"}
    )
    assert reply.status_code == 201, reply.text
    return Person(anyone, reply.json())


async def erase_all() -> None:
    while await erasure.run_batch(now=utc_now()):
        pass
    while await cascades.run_batch(now=utc_now()):
        pass


async def test_a_name_and_an_age_are_changed(ada: Person) -> None:
    me = await ada.ok("PATCH", "/v1/me", {"display_name": "Ada L"})
    assert (me["account"]["display_name"], me["age_bracket"]) == ("Ada L", "undeclared")
    assert (await ada.ok("GET", "/v1/me")) == me
    me = await ada.ok("PATCH", "/v1/me", {"age_bracket": "13_17"})
    assert (me["account"]["display_name"], me["age_bracket"]) == ("Ada L", "13_17")
    reply = await ada.call("PATCH", "/v1/me", {"age_bracket": "18_plus"})
    refused(reply, 409, "invalid_state", "age_bracket")
    refused(await ada.call("PATCH", "/v1/me", {"handle": "other"}), 400, "unknown_field", "handle")


@pytest.mark.parametrize("name", ["Taylor Swift", "Tаylоr Swіft", "T a y l o r  S w i f t"])
async def test_a_protected_name_is_nobodys(anyone: httpx.AsyncClient, ada: Person, name: str) -> None:
    refused(await ada.call("PATCH", "/v1/me", {"display_name": name}), 403, "likeness_protected")
    body = {"handle": next(HANDLES), "password": PASSWORD, "display_name": name}
    refused(await anyone.post("/v1/accounts", json=body), 403, "likeness_protected", "display_name")


@pytest.mark.parametrize("handle", ["taylor_swift", "taylorswift", "real_taylor_swift", "tayl0r_sw1ft"])
async def test_a_protected_handle_is_nobodys(anyone: httpx.AsyncClient, handle: str) -> None:
    body = {"handle": handle, "password": PASSWORD}
    refused(await anyone.post("/v1/accounts", json=body), 403, "likeness_protected", "handle")


async def test_sessions_are_seen_and_ended(anyone: httpx.AsyncClient, ada: Person) -> None:
    tablet, laptop = await sign_in(anyone, ada.handle), await sign_in(anyone, ada.handle)
    listed = (await ada.ok("GET", "/v1/me/sessions"))["data"]
    assert len(listed) == 3
    assert [item["current"] for item in listed].count(True) == 1
    assert {item["device"] for item in listed} >= {"Tablet 9"}
    seen = (await tablet.ok("GET", "/v1/me/sessions"))["data"]
    (current,) = [item["id"] for item in seen if item["current"]]
    await ada.ok("DELETE", f"/v1/me/sessions/{current}")
    refused(await tablet.call("GET", "/v1/me"), 401, "unauthenticated")
    await laptop.ok("GET", "/v1/me")
    refused(await ada.call("DELETE", f"/v1/me/sessions/{current}"), 404, "not_found")
    await ada.ok("DELETE", "/v1/me/sessions")
    refused(await laptop.call("GET", "/v1/me"), 401, "unauthenticated")
    assert [item["current"] for item in (await ada.ok("GET", "/v1/me/sessions"))["data"]] == [True]


async def test_nobody_ends_anothers_session(ada: Person, bob: Person) -> None:
    (theirs,) = (await bob.ok("GET", "/v1/me/sessions"))["data"]
    refused(await ada.call("DELETE", f"/v1/me/sessions/{theirs['id']}"), 404, "not_found")
    await bob.ok("GET", "/v1/me")


async def test_a_new_password_ends_the_other_sessions(anyone: httpx.AsyncClient, ada: Person) -> None:
    tablet = await sign_in(anyone, ada.handle)
    body = {"password": "wrong horse", "new_password": NEW_PASSWORD}
    refused(await ada.call("POST", "/v1/me/password", body), 401, "wrong_credentials", "password")
    weak = {"password": PASSWORD, "new_password": "password123"}
    refused(await ada.call("POST", "/v1/me/password", weak), 400, "invalid_request", "new_password")
    await tablet.ok("GET", "/v1/me")
    assert (await ada.call("POST", "/v1/me/password", {**body, "password": PASSWORD})).status_code == 204
    await ada.ok("GET", "/v1/me")
    refused(await tablet.call("GET", "/v1/me"), 401, "unauthenticated")
    old = await anyone.post("/v1/sessions", json={"handle": ada.handle, "password": PASSWORD})
    refused(old, 401, "wrong_credentials")
    await sign_in(anyone, ada.handle, NEW_PASSWORD)


async def make_something(ada: Person, bob: Person, media: MediaStore, word: str = "walrus") -> dict[str, Any]:
    """ada's cameo with a picture, her posted video, bob's post with her face, and his remix of hers."""
    cameo = await ada.ok("POST", "/v1/cameos", {"display_name": f"{word} face", "audience": "everyone"})
    await ada.ok(
        "PUT",
        f"/v1/cameos/{cameo['id']}/reference",
        content=jpeg(),
        headers={"content-type": "image/jpeg"},
    )
    video = await ada.ok("POST", "/v1/videos", {"prompt": f"a {word} on a beach"})
    await finish(video["id"], media)
    post = await ada.ok("POST", "/v1/posts", {"video_id": video["id"], "caption": f"{word} caption"})
    theirs = await bob.ok("POST", "/v1/videos", {"prompt": "a cat on a beach", "cameos": [cameo["id"]]})
    await finish(theirs["id"], media)
    with_face = await bob.ok("POST", "/v1/posts", {"video_id": theirs["id"]})
    plain = await bob.ok("POST", "/v1/videos", {"prompt": "a dog on a beach"})
    await finish(plain["id"], media)
    his = await bob.ok("POST", "/v1/posts", {"video_id": plain["id"]})
    await ada.ok("PUT", f"/v1/posts/{his['id']}/like")
    await ada.ok("PUT", f"/v1/follows/{bob.handle}")
    return {
        "cameo": cameo["id"], "video": video["id"], "post": post["id"], "with_face": with_face["id"],
        "theirs": theirs["id"], "liked": his["id"],
    }  # fmt: skip


async def test_everything_is_taken_along_in_one_archive(ada: Person, bob: Person, media: MediaStore) -> None:
    made = await make_something(ada, bob, media)
    reply = await ada.call("POST", "/v1/me/export")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/zip"
    assert ada.handle in reply.headers["content-disposition"]
    archive = zipfile.ZipFile(io.BytesIO(reply.content))
    assert archive.testzip() is None

    def lines(subject: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in archive.read(f"{subject}.jsonl").splitlines()]

    assert [item["handle"] for item in lines("account")] == [ada.handle]
    (video,) = lines("videos")
    assert (video["id"], video["prompt"]) == (made["video"], "a walrus on a beach")
    assert [item["caption"] for item in lines("posts")] == ["walrus caption"]
    assert [item["display_name"] for item in lines("cameos")] == ["walrus face"]
    assert [item["handle"] for item in lines("follows")] == [bob.handle]
    assert [item["post_id"] for item in lines("likes")] == [made["liked"]]
    assert {item["kind"] for item in lines("consent_ledger")} >= {"cameo", "receipt"}
    assert len(lines("sessions")) == 1
    names = set(archive.namelist())
    assert f"videos/{made['video']}.mp4" in names
    assert any(name.startswith(f"cameos/{made['cameo']}.") for name in names)
    everything = b"".join(archive.read(name) for name in names)
    assert b"argon2" not in everything
    assert made["theirs"].encode() + b".mp4" not in everything


async def test_an_archive_of_many_things_holds_each_once(ada: Person) -> None:
    for number in range(1, takeout.PAGE + 4):
        await engine.fetch(
            "INSERT INTO refusals (request_id, account_id, texts, texts_hash, rules, at)"
            " VALUES ($1, $2, '[]', '', '[]', now())",
            f"{ada.id} {number}",
            ada.id,
        )
    reply = await ada.call("POST", "/v1/me/export")
    archive = zipfile.ZipFile(io.BytesIO(reply.content))
    ids = [json.loads(line)["request_id"] for line in archive.read("refusals.jsonl").splitlines()]
    assert sorted(ids) == sorted(f"{ada.id} {number}" for number in range(1, takeout.PAGE + 4))


async def test_archives_are_made_one_at_a_time_for_each_and_a_few_for_all(
    ada: Person, bob: Person, media: MediaStore
) -> None:
    mine = archive(ada.id, media, now=utc_now())
    await anext(mine)
    refused(await ada.call("POST", "/v1/me/export"), 409, "conflict")
    others = [archive(f"acct_{number}", media, now=utc_now()) for number in range(3)]
    for other in others:
        await anext(other)
    reply = await bob.call("POST", "/v1/me/export")
    refused(reply, 503, "busy")
    assert int(reply.headers["retry-after"]) > 0
    for each in (mine, *others):
        await each.aclose()
    for person in (ada, bob):
        assert (await person.call("POST", "/v1/me/export")).status_code == 200


async def test_archives_asked_for_at_once_are_no_more_than_asked_for_one_by_one(
    app: Litestar, ada: Person
) -> None:
    async def over_a_network(scope: Any, receive: Any, send: Any) -> None:
        async def send_slowly(message: Any) -> None:
            await asyncio.sleep(0.2)
            await send(message)

        await app(scope, receive, send_slowly)

    transport = httpx.ASGITransport(app=over_a_network)
    async with httpx.AsyncClient(transport=transport, base_url="http://riffle.test") as client:
        ada.client = client
        replies = await asyncio.gather(*(ada.call("POST", "/v1/me/export") for _ in range(5)))
    assert sorted(reply.status_code for reply in replies) == [200, 409, 409, 409, 409]


async def test_a_deleted_account_is_out_of_sight_at_once_and_then_gone(
    anyone: httpx.AsyncClient, ada: Person, bob: Person, media: MediaStore
) -> None:
    made = await make_something(ada, bob, media, "narwhal")
    tablet = await sign_in(anyone, ada.handle)
    reply = await ada.call("DELETE", "/v1/me")
    assert reply.status_code == 202
    assert reply.json()["id"] == ada.id
    # At once: nobody is signed in, and nothing of it can be seen or used.
    for person in (ada, tablet):
        refused(await person.call("GET", "/v1/me"), 401, "unauthenticated")
        body = {"refresh_token": person.session["refresh_token"]}
        refused(await anyone.post("/v1/sessions/refresh", json=body), 401, "unauthenticated")
    signing_in = {"handle": ada.handle, "password": PASSWORD}
    refused(await anyone.post("/v1/sessions", json=signing_in), 401, "wrong_credentials")
    refused(await anyone.post("/v1/accounts", json=signing_in), 409, "handle_taken")
    refused(await bob.call("GET", f"/v1/posts/{made['post']}"), 404, "not_found")
    refused(await bob.call("GET", f"/v1/videos/{made['video']}/content"), 404, "not_found")
    refused(await bob.call("GET", f"/v1/cameos/{made['cameo']}"), 404, "not_found")
    refused(await bob.call("PUT", f"/v1/follows/{ada.handle}"), 404, "not_found")
    drawing = {"prompt": "a cat", "cameos": [made["cameo"]]}
    assert (await bob.call("POST", "/v1/videos", drawing)).status_code in (403, 404)
    assert made["post"] not in (await bob.call("GET", "/v1/feed?cut=fresh")).text
    await erase_all()
    keys = await loose()
    rows = await engine.fetch("SELECT video_key FROM videos WHERE account_id = $1", ada.id)
    assert rows
    assert all(row["video_key"] is None for row in rows)
    assert any(made["video"] in key for key in keys)
    assert any(made["theirs"] in key for key in keys)
    assert any(made["cameo"] in key for key in keys)
    assert (await bob.call("GET", f"/v1/posts/{made['with_face']}")).json().get("video", {}).get("tombstone")
    assert (await bob.ok("GET", f"/v1/posts/{made['liked']}"))["likes"] == 0
    assert await words_left(ada.handle, "narwhal") == []
    assert not await erasure.run_batch(now=utc_now())


async def words_left(*words: str) -> list[tuple[str, str]]:
    """Tables that still hold any of these words; the ledger of consent may, and what it is built from."""
    tables = await engine.fetch(
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
    )
    kept = {"ledger", "cameo_revisions"}
    found = []
    for table in {row["name"] for row in tables} - kept:
        text = str(await engine.fetch(f"SELECT t::text FROM {table} t"))
        found += [(table, word) for word in words if word in text]
    return found


async def test_an_erasure_goes_on_where_it_was_left(
    ada: Person, bob: Person, media: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies after each batch; then one step fails for a while."""
    await make_something(ada, bob, media)
    await ada.ok("DELETE", "/v1/me")
    monkeypatch.setattr(erasure, "VIDEOS_AT_ONCE", 1)
    steps = erasure.STEPS

    async def broken(_: str, __: datetime) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(erasure, "STEPS", (broken, *steps[1:]))
    assert await erasure.run_batch(now=utc_now())
    assert not await erasure.run_batch(now=utc_now())
    monkeypatch.setattr(erasure, "STEPS", steps)
    later = utc_now() + erasure.RETRY_AFTER
    batches = 0
    while await erasure.run_batch(now=later):
        batches += 1
    assert batches >= len(steps)
    (row,) = await engine.fetch("SELECT * FROM erasures WHERE account_id = $1", ada.id)
    assert (row["step"], row["ended_at"]) == (len(steps), None)
    much_later = row["began_at"] + erasure.AGAIN_AFTER
    while await erasure.run_batch(now=much_later):
        pass
    (row,) = await engine.fetch("SELECT * FROM erasures WHERE account_id = $1", ada.id)
    assert (row["step"], row["ended_at"]) == (2 * len(steps), much_later)


async def test_an_old_session_needs_the_password_to_leave(
    app: Litestar, anyone: httpx.AsyncClient, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = datetime.now(UTC) + timedelta(seconds=sessions.RECENT_S)
    monkeypatch.setattr(app.state, "clock", lambda: later)
    refused(await ada.call("DELETE", "/v1/me"), 401, "wrong_credentials", "password")
    refused(await ada.call("DELETE", "/v1/me", {"password": "not it"}), 401, "wrong_credentials", "password")
    await ada.ok("GET", "/v1/me")
    assert (await ada.call("DELETE", "/v1/me", {"password": PASSWORD})).status_code == 202


async def test_one_picture_is_taken_back(ada: Person, bob: Person, media: MediaStore) -> None:
    made = await make_something(ada, bob, media)
    path = f"/v1/cameos/{made['cameo']}/reference"
    before = await ada.ok("GET", f"/v1/cameos/{made['cameo']}")
    refused(await bob.call("DELETE", path), 404, "not_found")
    after = await ada.ok("DELETE", path)
    assert (before["has_reference"], after["has_reference"]) == (True, False)
    assert after["revision"] == before["revision"] + 1
    refused(await ada.call("GET", path), 404, "not_found")
    refused(await ada.call("DELETE", path), 404, "not_found")
    assert any(made["cameo"] in key for key in await loose())
    # What was drawn stays, and the cameo can get another one.
    assert (await bob.call("GET", f"/v1/posts/{made['with_face']}")).status_code == 200
    await ada.ok("PUT", path, content=jpeg(), headers={"content-type": "image/jpeg"})


async def test_a_minor_lends_nothing_and_draws_nobody(
    anyone: httpx.AsyncClient, ada: Person, bob: Person
) -> None:
    body = {"handle": next(HANDLES), "password": PASSWORD, "age_bracket": "13_17"}
    teen = Person(anyone, (await anyone.post("/v1/accounts", json=body)).json())
    cameo = {"display_name": "Me", "audience": "everyone"}
    refused(await teen.call("POST", "/v1/cameos", cameo), 403, "consent_refused")
    lent = await ada.ok("POST", "/v1/cameos", cameo)
    drawing = {"prompt": "a cat", "cameos": [lent["id"]]}
    refused(await teen.call("POST", "/v1/videos", drawing), 403, "consent_refused")
    refused(await teen.call("POST", f"/v1/cameos/{lent['id']}/requests", {}), 403, "consent_refused")
    assert not (await teen.ok("POST", "/v1/consent/check", drawing))["allowed"]
    await teen.ok("POST", "/v1/videos", {"prompt": "a cat"})
    # Who says so later has a cameo that nobody uses any more.
    await bob.ok("POST", "/v1/videos", drawing)
    await ada.ok("PATCH", "/v1/me", {"age_bracket": "13_17"})
    refused(await bob.call("POST", "/v1/videos", drawing), 403, "consent_refused")
    refused(await ada.call("POST", "/v1/cameos", cameo), 403, "consent_refused")


async def test_children_have_no_account(anyone: httpx.AsyncClient) -> None:
    body = {"handle": next(HANDLES), "password": PASSWORD, "age_bracket": "under_13"}
    refused(await anyone.post("/v1/accounts", json=body), 403, "forbidden", "age_bracket")
    adult = await sign_up(anyone, body["handle"])
    assert (await adult.ok("GET", "/v1/me"))["age_bracket"] == "undeclared"


async def person_of(tmp_path: Path, media: MediaStore, age: str | None = None, **env: str) -> Person:
    """Somebody who has signed up to a Riffle with other settings."""
    app = create_app(load({"RIFFLE_HOME": str(tmp_path), **env}), cards=FixedCards(), media=media)
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),  # type: ignore[arg-type]
        base_url="http://riffle.test",
    )
    body = {"handle": next(HANDLES), "password": PASSWORD} | ({} if age is None else {"age_bracket": age})
    return Person(client, (await client.post("/v1/accounts", json=body)).json())


async def test_what_a_new_account_can_spend_is_a_setting(
    database: Any, tmp_path: Path, media: MediaStore
) -> None:
    poor = await person_of(tmp_path, media, RIFFLE_START_CREDITS="0")
    assert (await poor.ok("GET", "/v1/me/credits"))["balance"] == 0
    refused(await poor.call("POST", "/v1/videos", {"prompt": "a cat"}), 402, "insufficient_credits")
    assert load({"RIFFLE_HOME": str(tmp_path)}).start_credits == START_CREDITS


@pytest.mark.parametrize(
    ("setting", "allowed"),
    [
        ("adults", {None: 201, "18_plus": 201, "13_17": 403}),
        ("declared_adults", {None: 403, "18_plus": 201, "13_17": 403}),
        ("everyone", {None: 201, "18_plus": 201, "13_17": 201}),
    ],
)
async def test_for_whom_cameos_are_is_a_setting(
    database: Any, tmp_path: Path, media: MediaStore, setting: str, allowed: dict[str | None, int]
) -> None:
    for age, status in allowed.items():
        person = await person_of(tmp_path, media, age, RIFFLE_CAMEOS_FOR=setting)
        cameo = {"display_name": "Me", "audience": "everyone"}
        assert (await person.call("POST", "/v1/cameos", cameo)).status_code == status, age
