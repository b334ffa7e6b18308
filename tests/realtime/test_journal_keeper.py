"""The journal is written as things happen; a database that is older than it was is noticed and renewed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db import engine
from domain.consent import cameos
from domain.events import journal as journals
from domain.events.journal import Journal
from realtime import limits
from realtime.journal_keeper import JournalKeeper
from realtime.wakeups import WakeupListener
from schemas.cameos import RevokeCameo
from schemas.events import video_stream
from schemas.stream import Position, Welcome
from tests.realtime.phones import phone
from tests.realtime.world import World, new_cameo, new_person, now, until


@contextlib.asynccontextmanager
async def keeping(journal: Journal) -> AsyncIterator[JournalKeeper]:
    keeper = JournalKeeper(journal)
    handlers = {journals.PUT_OUT: keeper.work_arrived}
    listening = WakeupListener(engine.url(), handlers, keeper.work_arrived)
    tasks = [asyncio.create_task(part.run()) for part in (keeper, listening)]
    await until(lambda: listening.connected)
    try:
        yield keeper
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_revocation_stands_in_the_journal_at_once(world: World, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    async with keeping(journal):
        ada = await new_person()
        face = await new_cameo(ada)
        await until(lambda: journal.last_beat() > 0)
        await cameos.revoke(face, ada, RevokeCameo(), now=now())
        await until(
            lambda: [entry.cameo_id for entry in journal.entries()] == [face], timeout=limits.BEAT_S / 2
        )


async def test_a_database_that_fell_back_is_noticed_while_phones_are_connected(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BEAT_S", 0.05)
    person = await world.person()
    stream = video_stream(await world.video(person))
    epoch, seq = await world.head(stream)
    async with keeping(Journal(tmp_path)), phone(world.port) as device:
        await until(lambda: Journal(tmp_path).last_beat() > 1)
        await device.hello(await world.ticket(person), Position(stream=stream, epoch=epoch, after=seq))
        welcome = await device.frame()
        assert isinstance(welcome, Welcome)
        assert welcome.recovered
        await engine.fetch("UPDATE beats SET beat = 0")

        async def renewed() -> bool:
            return (await world.head(stream))[0] != epoch

        await until(renewed)
        await world.append(stream)
        welcome = await device.frame()
        assert isinstance(welcome, Welcome)
        assert (welcome.recovered, welcome.epoch) == (False, (await world.head(stream))[0])


async def test_nothing_is_renewed_where_nothing_fell_back(world: World, tmp_path: Path) -> None:
    stream = video_stream(await world.video(await world.person()))
    before = await world.head(stream)
    keeper = JournalKeeper(Journal(tmp_path))
    await keeper.renew_if_restored()
    async with keeping(Journal(tmp_path)):
        await until(lambda: Journal(tmp_path).last_beat() > 0)
    await keeper.renew_if_restored()
    assert await world.head(stream) == before
