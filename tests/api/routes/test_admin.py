"""The moderators' pages: a login of their own, tables to read, forms that act, roles, and the audit log."""

from __future__ import annotations

import asyncio
import itertools
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar

from api.app import create_app
from api.http.rate_limits import FAILED_BY_HANDLE
from db.engine import fetch
from db.tables.safety import ModeratorTable
from domain.safety.admin import admin_actions, moderators, site
from media.store import MediaStore
from schemas.errors import RiffleError
from settings import PROJECT, load
from tests import clips
from tests.api.people import Person, refused
from tests.api.routes.test_takedowns import claim, posted
from tests.build import VIDEO

NAMES = (f"moderator_{number}" for number in itertools.count())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed as ever, only not for long."""
    monkeypatch.setattr(ModeratorTable, "_pbkdf2_iteration_count", 1000)


class Desk:
    """A browser at /admin."""

    def __init__(self, client: httpx.AsyncClient, name: str) -> None:
        self.client, self.name, self.password = client, name, ""

    async def sign_in(self, password: str) -> httpx.Response:
        await self.client.get("/admin/")
        self.password = password
        token = self.client.cookies["csrftoken"]
        self.client.headers["x-csrftoken"] = token
        body = {"username": self.name, "password": password}
        return await self.client.post("/admin/public/login/", json=body)

    async def form(self, slug: str, **data: Any) -> httpx.Response:
        return await self.client.post(f"/admin/api/forms/{slug}/", json=data)

    async def rows(self, table: str) -> list[dict[str, Any]]:
        reply = await self.client.get(f"/admin/api/tables/{table}/")
        assert reply.status_code == 200, reply.text
        found: list[dict[str, Any]] = reply.json()["rows"]
        return found


async def desk(app: Litestar, *, superuser: bool) -> Desk:
    name = next(NAMES)
    password = await moderators.add(name, superuser=superuser, now=datetime.now(UTC))
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    made = Desk(httpx.AsyncClient(transport=transport, base_url="http://riffle.test"), name)
    reply = await made.sign_in(password)
    assert reply.status_code in (200, 303), reply.text
    return made


@pytest.fixture
async def plain(app: Litestar) -> AsyncIterator[Desk]:
    made = await desk(app, superuser=False)
    yield made
    await made.client.aclose()


@pytest.fixture
async def chief(app: Litestar) -> AsyncIterator[Desk]:
    made = await desk(app, superuser=True)
    yield made
    await made.client.aclose()


async def test_nobody_gets_in_without_a_login_of_their_own(
    anyone: httpx.AsyncClient, ada: Person, app: Litestar
) -> None:
    assert (await anyone.get("/admin")).headers["location"] == "/admin/"
    page = await anyone.get("/admin/")
    assert page.status_code == 200
    assert "Piccolo" in page.text
    # Without it the icons fill the screen; scripts stay as strict as anywhere.
    assert "style-src 'self' 'unsafe-inline'" in page.headers["content-security-policy"]
    assert "unsafe-eval" not in page.headers["content-security-policy"]
    assert "style-src" not in (await anyone.get("/")).headers["content-security-policy"]
    script = page.text.split('src="./')[1].split('"')[0]
    assert (await anyone.get(f"/admin/{script}")).status_code == 200
    assert (await anyone.get("/admin/api/tables/")).status_code == 401
    assert (await ada.call("GET", "/admin/api/tables/")).status_code == 401
    stranger = Desk(anyone, ada.handle)
    assert (await stranger.sign_in("correct horse")).status_code == 401


async def test_wrong_sign_ins_close_nothing_for_good(
    app: Litestar, anyone: httpx.AsyncClient, chief: Desk
) -> None:
    stranger = Desk(anyone, "nobody_here")
    for _ in range(FAILED_BY_HANDLE.amount):
        assert (await stranger.sign_in("wrong")).status_code == 401
    reply = await stranger.sign_in("wrong")
    assert (reply.status_code, reply.json()["error"]["code"]) == (429, "rate_limited")
    # Others still get in, from the same address too; and so does everybody when the window has ended.
    again = Desk(anyone, chief.name)
    assert (await again.sign_in(chief.password)).status_code in (200, 303)
    app.state.rate_limiter.storage.reset()
    assert (await stranger.sign_in("wrong")).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 4000, 400),
        (b"[" * 5000, 413),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"username": ["a"], "password": {}}', 400),
        (b'{"username": "a", "password": "\xff"}', 400),
        (b"", 400),
    ],
)
async def test_sign_ins_that_are_none(
    anyone: httpx.AsyncClient, body: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    await anyone.get("/admin/")
    headers = {"x-csrftoken": anyone.cookies["csrftoken"], "content-type": "application/json"}
    reply = await anyone.post("/admin/public/login/", content=body, headers=headers)
    assert (reply.status_code, "error" in reply.json()) == (status, True)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_the_tables_are_there_to_read_and_accounts_are_not(plain: Desk) -> None:
    tables = (await plain.client.get("/admin/api/tables/")).json()
    assert {"takedowns", "proofs", "reports", "registry_entries", "appeals", "audit_log"} <= set(tables)
    assert not {"accounts", "tokens", "moderators", "moderator_sessions"} & set(tables)
    assert len(await plain.rows("registry_entries")) > 0
    for table in tables:
        await plain.rows(table)
    for method, path in (("DELETE", ""), ("POST", ""), ("PATCH", "1/"), ("PUT", "1/"), ("DELETE", "1/")):
        reply = await plain.client.request(method, f"/admin/api/tables/audit_log/{path}", json={})
        assert reply.status_code == 405, reply.text


async def test_a_takedown_is_decided_and_written_down(
    plain: Desk, anyone: httpx.AsyncClient, ada: Person, bob: Person, media: MediaStore
) -> None:
    post = await posted(ada, media, seed=901)
    made = await claim(anyone, post["id"])
    row = next(row for row in await plain.rows("takedowns") if row["id"] == made["id"])
    assert (row["claimant"], row["status"]) == ("Grace Example", "open")
    decided = await plain.form(
        "decide-a-takedown", takedown_id=made["id"], decision="upheld", note="it is her face"
    )
    assert decided.status_code == 200, decided.text
    refused(await bob.call("GET", f"/v1/posts/{post['id']}"), 404, "not_found")
    again = await plain.form("decide-a-takedown", takedown_id=made["id"], decision="rejected", note="no")
    assert again.status_code == 422
    assert "can't become rejected" in again.json()["custom_form_error"]
    assert (await plain.form("decide-a-takedown", takedown_id=made["id"])).status_code == 422
    log = [row for row in await plain.rows("audit_log") if row["subject"] == made["id"]]
    assert [(row["actor"], row["action"]) for row in log] == [(plain.name, "takedown.upheld")]


async def test_the_registry_is_for_superusers(plain: Desk, chief: Desk, ada: Person) -> None:
    prompt = {"prompt": "Quorlina Vexley waters her plants"}
    await ada.ok("POST", "/v1/videos", prompt)
    entry = {
        "entry_id": "reg_quorlina_vexley",
        "name": "Quorlina Vexley",
        "kind": "minor",
        "names": "Lina Vexley\nQuorli",
    }
    slug = "put-a-name-into-the-registry"
    assert "superuser" in (await plain.form(slug, **entry)).json()["custom_form_error"]
    assert (await chief.form(slug, **entry)).status_code == 200
    for text in (prompt, {"prompt": "qu0rli sleeps"}):
        refused(await ada.call("POST", "/v1/videos", text), 403, "likeness_protected")
    speaker = {"entry_id": entry["entry_id"], "handle": ada.handle, "role": "estate"}
    assert (await chief.form("say-who-speaks-for-a-name", **speaker)).status_code == 200
    # Nobody grants the likeness of a minor, who speaks for one neither.
    refused(await ada.call("POST", "/v1/videos", prompt), 403, "likeness_protected")
    grant = await ada.call("POST", f"/v1/registry/{entry['entry_id']}/grants", {"grantee": ada.handle})
    refused(grant, 403, "forbidden")
    off = await chief.form("switch-a-name-of-the-registry", entry_id=entry["entry_id"], active="off")
    assert off.status_code == 200
    await ada.ok("POST", "/v1/videos", prompt)


async def test_a_proof_is_seen_and_judged(plain: Desk, ada: Person) -> None:
    cameo = await ada.ok("POST", "/v1/cameos", {"display_name": "Me", "audience": "only_me"})
    clip = clips.proof(77)
    reply = await ada.call(
        "PUT", f"/v1/cameos/{cameo['id']}/proof", content=clip, headers={"content-type": "video/mp4"}
    )
    proof = reply.json()
    seen = await plain.form("see-a-proof", proof_id=proof["id"])
    assert (seen.status_code, seen.headers["content-type"], seen.content) == (200, "video/mp4", clip)
    assert (await plain.form("see-a-proof", proof_id="proof_0")).status_code == 422
    done = await plain.form(
        "decide-a-proof", proof_id=proof["id"], decision="verified", note="the digits fit"
    )
    assert done.status_code == 200
    (listed,) = (await ada.ok("GET", f"/v1/cameos/{cameo['id']}/proofs"))["data"]
    assert (listed["status"], listed["note"]) == ("verified", "the digits fit")
    log = [row["action"] for row in await plain.rows("audit_log") if row["subject"] == proof["id"]]
    assert sorted(log) == ["proof.seen", "proof.verified"]


async def test_only_what_somebody_complained_about_is_looked_at(
    plain: Desk, anyone: httpx.AsyncClient, ada: Person, bob: Person, media: MediaStore
) -> None:
    post = await posted(ada, media, seed=911)
    other = await posted(ada, media, seed=912)
    reply = await plain.form("see-a-video", video_id=post["id"])
    assert reply.status_code == 422
    assert "is reported" in reply.json()["custom_form_error"]
    await bob.ok("POST", "/v1/reports", {"kind": "post", "id": post["id"], "reason": "spam"})
    await claim(anyone, other["id"])
    for subject in (post["id"], post["video"]["id"], other["id"]):
        seen = await plain.form("see-a-video", video_id=subject)
        assert (seen.status_code, seen.headers["content-type"]) == (200, "video/mp4"), seen.text
        assert seen.content == VIDEO
    # What its maker deleted is gone for moderators too.
    await ada.ok("DELETE", f"/v1/videos/{post['video']['id']}")
    assert (await plain.form("see-a-video", video_id=post["id"])).status_code == 422
    log = [row for row in await plain.rows("audit_log") if row["action"] == "video.seen"]
    assert {(row["actor"], row["subject"]) for row in log} == {
        (plain.name, post["video"]["id"]),
        (plain.name, other["video"]["id"]),
    }


async def test_reports_and_appeals_are_decided(
    plain: Desk, ada: Person, bob: Person, media: MediaStore
) -> None:
    post = await posted(ada, media, seed=902)
    report = await bob.ok("POST", "/v1/reports", {"kind": "post", "id": post["id"], "reason": "spam"})
    dismissed = await plain.form("decide-a-report", report_id=report["id"], decision="dismissed")
    assert dismissed.status_code == 200
    key = refused(await ada.call("POST", "/v1/videos", {"prompt": "Batman"}), 403, "likeness_protected")
    appeal = await ada.ok("POST", "/v1/appeals", {"request_id": key["request_id"], "reason": "please"})
    decided = await plain.form(
        "decide-an-appeal", appeal_id=appeal["id"], decision="rejected", note="it is Batman"
    )
    assert decided.status_code == 200
    assert (await ada.ok("GET", "/v1/appeals"))["data"][0]["status"] == "rejected"
    hide = {"video_id": post["video"]["id"], "reason": "on second thought"}
    assert (await plain.form("hide-or-show-a-video", hidden="on", **hide)).status_code == 200
    refused(await bob.call("GET", f"/v1/posts/{post['id']}"), 404, "not_found")
    assert (await plain.form("hide-or-show-a-video", hidden="off", **hide)).status_code == 200
    await bob.ok("GET", f"/v1/posts/{post['id']}")


async def test_every_form_has_a_schema(plain: Desk) -> None:
    for act in admin_actions.ADMIN_ACTIONS:
        slug = act.name.replace(" ", "-").lower()
        reply = await plain.client.get(f"/admin/api/forms/{slug}/schema/")
        assert reply.status_code == 200, slug
        assert reply.json()["properties"], slug


async def test_sign_ins_and_new_passwords_are_written_down(plain: Desk) -> None:
    new = "n3w-" * 8
    body = {"current_password": plain.password, "new_password": new, "confirm_new_password": new}
    changed = await plain.client.post("/admin/api/change-password/", json=body)
    assert changed.status_code in (200, 303), changed.text
    log = await fetch("SELECT action FROM audit_log WHERE subject = $1 ORDER BY id", plain.name)
    actions = [row["action"] for row in log]
    assert actions == ["moderator.added", "moderator.signed_in", "moderator.password"]


async def test_the_audit_log_cannot_be_changed(plain: Desk) -> None:
    for statement in ("UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log", "TRUNCATE audit_log"):
        with pytest.raises(asyncpg.PostgresError):
            await fetch(statement)


async def test_a_removed_moderator_is_out_at_once(plain: Desk) -> None:
    await moderators.remove(plain.name, now=datetime.now(UTC))
    assert (await plain.client.get("/admin/api/tables/")).status_code == 401
    with pytest.raises(RiffleError, match="no moderator"):
        await moderators.remove("nobody_here", now=datetime.now(UTC))
    with pytest.raises(RiffleError, match="already"):
        await moderators.add(plain.name, superuser=False, now=datetime.now(UTC))
    with pytest.raises(RiffleError, match="3 to 60"):
        await moderators.add("a b", superuser=False, now=datetime.now(UTC))


def test_the_api_starts_without_the_pages_packages() -> None:
    code = "import sys, api.app; sys.exit(bool({'piccolo_admin', 'fastapi', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0


async def test_first_requests_at_once_build_the_pages_once(
    home: Path, media: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []
    create = site.create_admin

    def counted(**options: Any) -> Any:
        built.append(options)
        return create(**options)

    monkeypatch.setattr(site, "create_admin", counted)
    app = create_app(load({"RIFFLE_HOME": str(home)}), media=media)
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://riffle.test") as client:
        replies = await asyncio.gather(*(client.get("/admin/") for _ in range(4)))
    assert [reply.status_code for reply in replies] == [200] * 4
    assert len(built) == 1
