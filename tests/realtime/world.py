"""A gateway with its wake-ups in this process, and people and videos in a real database."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from db import engine
from domain.accounts import sessions, tickets
from domain.clock import utc_now
from domain.events.stream import EVENT, append, head
from realtime.gateway.gateway import Gateway
from realtime.gateway.streams import Streams
from realtime.wakeups import WakeupListener
from schemas.events import VideoStep
from schemas.videos import Recipe, Tier
from tests import build

STEP = VideoStep(i=1, n=4, progress=25)


def now() -> datetime:
    return datetime.now(UTC)


async def new_person() -> str:
    return (await build.person(now())).id


async def new_video(
    person: str, tier: Tier = Tier.PREVIEW, *, recipe: Recipe | None = None, **given: Any
) -> str:
    recipes = [recipe or build.recipe()]
    (row,) = await build.queue(person, tier=tier, recipes=recipes, now=now(), **given)
    return row.id


async def new_cameo(owner: str) -> str:
    """A cameo that everyone may use."""
    return (await build.cameo(owner, now=now())).id


async def revoke_cameo(cameo: str) -> None:
    """Without the cascade over its uses, so that only the dispatcher can notice."""
    await engine.fetch("UPDATE cameos SET status = 'revoked', revision = revision + 1 WHERE id = $1", cameo)


async def until(true: Callable[[], object], timeout: float = 5) -> None:
    """Wait for what `true` says; it may be a coroutine function."""
    async with asyncio.timeout(timeout):
        while True:
            found = true()
            if await found if inspect.isawaitable(found) else found:
                return
            await asyncio.sleep(0.01)


class World:
    """What the tests of the gateway act on."""

    def __init__(self) -> None:
        self.streams = Streams(utc_now)
        self.ready = asyncio.Event()
        self.gateway = Gateway(0, self.streams, lambda: self.wakeups.connected, utc_now)
        handlers = {EVENT: self.streams.event_appended, sessions.ENDED: self.gateway.session_ended}
        self.wakeups = WakeupListener(engine.url(), handlers, self._ready)
        self.port = 0
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.port = await self.gateway.start()
        await self.start_wakeups()

    async def stop(self) -> None:
        await self.gateway.stop()
        await self.stop_wakeups()

    async def start_wakeups(self) -> None:
        self.ready.clear()
        self._listening = asyncio.create_task(self.wakeups.run())
        async with asyncio.timeout(5):
            await self.ready.wait()

    async def stop_wakeups(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening

    async def person(self) -> str:
        return await new_person()

    async def session(self, person: str) -> str:
        """The id of a new session."""
        access, _, _ = await sessions.issue(person, "a phone", now())
        return (await sessions.authenticate(access, now()))[1]

    async def ticket(self, person: str) -> str:
        return await tickets.issue_ticket(await self.session(person))

    async def video(self, person: str) -> str:
        return await new_video(person)

    async def append(self, stream: str, picture: bytes | None = None) -> None:
        await append(stream, STEP, picture=picture, now=now())

    async def head(self, stream: str) -> tuple[str, int]:
        found = await head(stream)
        assert found is not None
        return found[:2]

    async def kill_wakeups(self) -> None:
        """The database ends the connection that listens."""
        await engine.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND query LIKE 'LISTEN%'"
        )

    async def replace_history(self, stream: str, epoch: str) -> None:
        """As by a restored backup."""
        await engine.fetch("UPDATE streams SET epoch = $1 WHERE stream = $2", epoch, stream)

    def _ready(self) -> None:
        self.gateway.resync()
        self.ready.set()
