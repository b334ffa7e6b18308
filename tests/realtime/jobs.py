"""A dispatcher as tests run it, and what they read of it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from db import engine
from domain.clock import utc_now
from domain.events import stream
from media.credentials import Credentials, credentials
from media.provenance import Signer
from media.store import MediaStore
from realtime.dispatch.dispatcher import Dispatcher
from realtime.dispatch.link import ModelServerLink
from realtime.wakeups import WakeupListener
from schemas.events import Event, EventName, video_stream
from tests.build import FILES
from tests.realtime.models import Models
from tests.realtime.world import until

ENDS = {EventName.VIDEO_COMPLETED, EventName.VIDEO_FAILED, EventName.VIDEO_CANCELLED}


@functools.cache
def _credentials() -> Credentials:
    with tempfile.TemporaryDirectory() as home:
        return credentials(Path(home))


@contextlib.asynccontextmanager
async def dispatching(models: Models, store: MediaStore, *, deaf: bool = False) -> AsyncIterator[Dispatcher]:
    """A dispatcher with its wake-ups; `deaf` = without."""
    dispatcher = Dispatcher(ModelServerLink(models.url), store, Signer(_credentials()), utc_now)
    handlers: dict[str, Callable[[str], None]] = {
        stream.WORK: dispatcher.work_arrived,
        stream.CANCEL: dispatcher.video_cancelled,
    }
    tasks = [asyncio.create_task(dispatcher.run())]
    if not deaf:
        tasks.append(asyncio.create_task(WakeupListener(engine.url(), handlers, dispatcher.resync).run()))
    try:
        yield dispatcher
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def log(video: str) -> list[Event]:
    return await stream.since(video_stream(video), 0, limit=200)


async def ended(video: str, timeout: float = 10) -> list[Event]:
    """All events of a video once it has ended: numbered without holes, exactly one end."""

    async def over() -> bool:
        return any(event.name in ENDS for event in await log(video))

    await until(over, timeout)
    await asyncio.sleep(0.05)
    found = await log(video)
    assert [event.seq for event in found] == list(range(1, len(found) + 1))
    assert sum(event.name in ENDS for event in found) == 1
    return found


async def drawing(video: str) -> None:
    """Its first step has been told."""

    async def begun() -> bool:
        return len(await log(video)) >= 3

    await until(begun)


def names(found: list[Event]) -> list[str]:
    return [event.name.removeprefix("video.") for event in found]


async def stored(store: MediaStore, video: str, attempt: int) -> set[str]:
    found = set()
    for name in FILES:
        with contextlib.suppress(FileNotFoundError):
            await store.size(f"videos/{video}/{attempt}/{name}")
            found.add(name)
    return found


WHOLE = ["queued", "started", "step", "step", "step", "step", "completed"]
