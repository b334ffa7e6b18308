"""Who may call what: every route and the socket, asked by everybody, as the documentation's table says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from api.app import create_app
from api.http.rate_limits import create_limiter
from domain.accounts import sessions
from media.store import MediaStore
from schemas.events import video_stream
from schemas.stream import FollowRefused, Goodbye, Welcome
from settings import PROJECT, load
from tests.api import access
from tests.api.access import ASKS, Ask, Things
from tests.api.people import Person
from tests.api.pictured import NamedSubjects, PicturedCards
from tests.api.routes.test_admin import desk, quick
from tests.realtime.conftest import world
from tests.realtime.phones import phone
from tests.realtime.world import World

__all__ = ["quick", "world"]

PAGE = PROJECT / "docs" / "reference" / "access.md"
# The owner last: others change nothing of what is theirs.
ROLES = ("anonymous", "moderator", "blocked", "stranger", "owner")
# What anybody may ask without signing in.
PUBLIC = {
    *("GET /health", "GET /ready", "GET /v1/models", "GET /v1/models/{model_id}"),
    "GET /v1/models/{model_id}/subjects",
    "GET /v1/models/{model_id}/subjects/{picture}",
    "GET /v1/models/{model_id}/subjects/{picture}/picture",
    *("POST /v1/accounts", "POST /v1/sessions", "POST /v1/sessions/refresh"),
    *("POST /v1/provenance", "POST /v1/takedowns", "GET /v1/takedowns/{takedown_id}"),
}


def routes_of(app: Litestar) -> set[str]:
    """Method and template of every route that isn't a file of the page or the description of the api."""
    return {
        f"{method} {route.path.replace(':str', '')}"
        for route in app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith(("/v1/", "/health", "/ready"))
        for method in route.methods - {"OPTIONS"}
    }


def test_every_route_is_asked(module_app: Litestar) -> None:
    assert set(ASKS) == routes_of(module_app)


@pytest.fixture(scope="module")
def module_app(database: Any, media: MediaStore, home: Path) -> Litestar:
    """With a model that has pictures."""
    settings = load({"RIFFLE_HOME": str(home), "RIFFLE_REALTIME_PORT": "9001", "RIFFLE_REQUIRE_PROOF": "off"})
    return create_app(settings, cards=PicturedCards(), subjects=NamedSubjects(), media=media)


@pytest.fixture
async def moderator(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has signed in to the moderators' pages, and nowhere else."""
    made = await desk(app, superuser=True)
    yield made.client
    await made.client.aclose()


async def ask(caller: httpx.AsyncClient | Person, route: str, asked: Ask, things: Things) -> str:
    """What came of it: `yes`, or the status and the error's code."""
    method, template = route.split(" ")
    ids = {name: things.ids[other] for name, other in asked.ids.items()}
    path = template.format(**{**things.ids, **ids})
    headers = {} if asked.content is None else {"content-type": asked.content[1]}
    given = {"json": asked.body(things)} if asked.content is None else {"content": asked.content[0]}
    if isinstance(caller, Person):
        headers["authorization"] = f"Bearer {caller.session['access_token']}"
        caller = caller.client
    if given.get("json", ...) is None:
        given = {}
    reply = await caller.request(method, path, headers=headers, **given)  # type: ignore[arg-type]
    if reply.is_success:
        return "yes"
    code = reply.json()["error"]["code"] if reply.content else ""
    return f"{reply.status_code} {code}".strip()


async def answers(
    route: str, asked: Ask, anyone: httpx.AsyncClient, moderator: httpx.AsyncClient, media: MediaStore
) -> list[str]:
    things = await access.things(anyone, media)
    callers = (anyone, moderator, things.blocked, things.stranger, things.owner)
    return [await ask(caller, route, asked, things) for caller in callers]


async def follows(ticket: str, stream: str, world: World) -> str:
    async with phone(world.port) as device:
        await device.hello(ticket, stream)
        frame = await device.frame()
    if isinstance(frame, Welcome):
        return "yes"
    if isinstance(frame, FollowRefused):
        return frame.code
    assert isinstance(frame, Goodbye)
    return frame.reason


async def socket_rows(anyone: httpx.AsyncClient, media: MediaStore, world: World) -> list[str]:
    things = await access.things(anyone, media)
    rows = []
    for what, stream in (
        ("a draft", video_stream(things.ids["draft"])),
        ("a posted video", video_stream(things.ids["posted"])),
        ("their inbox", f"inbox:{things.owner.id}"),
    ):
        cells = []
        for person in (None, None, things.blocked, things.stranger, things.owner):
            ticket = (
                "rt_none" if person is None else (await person.ok("POST", "/v1/realtime/ticket"))["ticket"]
            )
            cells.append(await follows(ticket, stream, world))
        rows.append(row("socket: follow", what, cells))
    return rows


def row(route: str, what: str, cells: list[str]) -> str:
    return "| " + " | ".join([f"`{route}`", what, *cells]) + " |"


async def test_the_table_says_what_everybody_gets(
    app: Litestar,
    anyone: httpx.AsyncClient,
    moderator: httpx.AsyncClient,
    media: MediaStore,
    world: World,
    tmp_path: Path,
) -> None:
    rows = []
    for route, asks in ASKS.items():
        for asked in asks:
            app.state.rate_limiter = create_limiter()
            cells = await answers(route, asked, anyone, moderator, media)
            rows.append(row(route, asked.what, cells))
            check(route, asked, dict(zip(ROLES, cells, strict=True)))
    rows += await socket_rows(anyone, media, world)
    before = PAGE.read_text()
    head, _, _ = before.partition("\n| route ")
    header = "| route | about an owner's | " + " | ".join(ROLES) + " |"
    page = "\n".join([head, header, "|---" * (len(ROLES) + 2) + "|", *rows, ""])
    fresh = tmp_path / "access.md"
    fresh.write_text(page)
    assert page == before, f"the table has changed: if that is right, copy {fresh} to {PAGE}"


def check(route: str, asked: Ask, got: dict[str, str]) -> None:
    """What must hold of every row, whatever the table says."""
    assert not any(cell.startswith("5") for cell in got.values()), (route, got)
    if route not in PUBLIC:
        assert got["anonymous"].startswith("401"), (route, got)
    # A moderator's sign-in is worth nothing outside of the moderators' pages.
    assert got["moderator"] == got["anonymous"], (route, got)
    # Who is blocked gets nothing that a stranger doesn't get.
    assert got["blocked"] != "yes" or got["stranger"] == "yes", (route, got)


async def test_a_session_that_ended_gets_nothing(anyone: httpx.AsyncClient, media: MediaStore) -> None:
    things = await access.things(anyone, media)
    await sessions.end_of_account(things.owner.id, access.now())
    for route, asks in ASKS.items():
        if route not in PUBLIC:
            assert (await ask(things.owner, route, asks[0], things)).startswith("401"), route
