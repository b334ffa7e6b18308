"""What revocations leave behind is swept away: media out of the store, whoever made it, whatever fails."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from db import engine
from domain import media_keys
from domain.accounts import social
from domain.clock import utc_now
from domain.consent import cameos, cascades, receipts
from domain.events import stream
from domain.videos import visibility
from media.store import MediaStore
from realtime import limits
from realtime.sweeper import Sweeper
from realtime.wakeups import WakeupListener
from schemas.cameos import RevokeCameo, RevokeMode
from schemas.videos import Relation, Status
from schemas.work import Render
from tests.build import FILES, source
from tests.realtime.jobs import dispatching, drawing, ended, names, stored
from tests.realtime.models import Models, step
from tests.realtime.world import new_cameo, new_person, new_video, now, until


@contextlib.asynccontextmanager
async def sweeping(store: MediaStore) -> AsyncIterator[None]:
    sweeper = Sweeper(store, utc_now)
    listening = WakeupListener(engine.url(), {stream.SWEEP: sweeper.work_arrived}, sweeper.work_arrived)
    tasks = [asyncio.create_task(part.run()) for part in (sweeper, listening)]
    await until(lambda: listening.connected)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def slow(models: Models, render: Render) -> None:
    """Draws for longer than any test waits."""
    for number in range(1, 1000):
        await models.send(step(render, number))
        await asyncio.sleep(0.05)


async def swept() -> bool:
    return await media_keys.count_loose() == 0


async def test_the_media_of_a_tombstone_and_all_that_came_of_it_are_deleted(
    models: Models, store: MediaStore
) -> None:
    ada, bob = await new_person(), await new_person()
    mine = await new_cameo(ada)
    # The scripted model draws the same for everybody, so `untouched` is alike in every byte.
    async with dispatching(models, store):
        first = await new_video(bob, cameos=[mine])
        await ended(first)
        remix = await new_video(bob, source=source(Relation.REMIX, first))
        await ended(remix)
        untouched = await new_video(bob)
        await ended(untouched)
    assert await stored(store, remix, 1) == set(FILES)
    async with sweeping(store):
        await receipts.delete_use(mine, ada, first, now=now())
        await until(lambda: _nothing(store, first))
        await until(lambda: _nothing(store, remix))
        await until(swept)
    assert await stored(store, untouched, 1) == set(FILES)
    assert (await visibility.get_viewable(untouched, bob, now())).withheld is None


async def _nothing(store: MediaStore, video: str) -> bool:
    return await stored(store, video, 1) == set()


async def test_a_store_that_fails_is_asked_again(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SWEEP_S", 0.1)
    monkeypatch.setattr(media_keys, "FIRST_WAIT_S", 0.1)
    delete, failures = MediaStore.delete, iter([OSError("away"), OSError("away")])

    async def failing(self: MediaStore, *keys: str) -> None:
        for failure in failures:
            raise failure
        await delete(self, *keys)

    monkeypatch.setattr(MediaStore, "delete", failing)
    ada = await new_person()
    mine = await new_cameo(ada)
    async with dispatching(models, store):
        video = await new_video(ada, cameos=[mine])
        await ended(video)
    async with sweeping(store):
        await cameos.revoke(mine, ada, RevokeCameo(mode=RevokeMode.TOMBSTONE), now=now())
        await until(lambda: _nothing(store, video))
        await until(swept)
    assert next(failures, None) is None


async def test_a_revocation_stops_the_drawing_within_a_step(models: Models, store: MediaStore) -> None:
    models.script = slow
    ada, bob = await new_person(), await new_person()
    mine = await new_cameo(ada)
    async with dispatching(models, store) as dispatcher:
        video = await new_video(bob, cameos=[mine])
        await drawing(video)
        await cameos.revoke(mine, ada, RevokeCameo(mode=RevokeMode.BLOCK_NEW), now=now())
        log = await ended(video)
        await until(lambda: models.cancels == [video] and not dispatcher.running_jobs)
    assert names(log)[-1] == "failed"
    assert {event.picture for event in log} == {None}
    assert (await visibility.get_viewable(video, bob, now())).status is Status.FAILED
    assert await stored(store, video, 1) == set()


async def test_a_block_stops_it_too(models: Models, store: MediaStore) -> None:
    models.script = slow
    ada, bob = await new_person(), await new_person()
    mine = await new_cameo(ada)
    async with dispatching(models, store):
        video = await new_video(bob, cameos=[mine])
        await drawing(video)
        await social.block(ada, bob, now())
        log = await ended(video)
        await until(lambda: models.cancels == [video])
    assert (names(log)[-1], log[-1].data["code"]) == ("failed", "consent_revoked")


async def test_what_never_ends_keeps_nothing_else_waiting(
    store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[object] = []

    async def never_ends(**_: object) -> bool:
        batches.append(_)
        await asyncio.sleep(0)
        return True

    monkeypatch.setattr(cascades, "run_batch", never_ends)
    await media_keys.adopt(["videos/video_a/1/video.mp4"], 0.0)
    async with sweeping(store):
        await until(swept)
        begun = len(batches)
        await until(lambda: len(batches) > begun + limits.SWEEP_BATCHES)
