"""PostgreSQL is killed under load: every caller hears that it is away, and is served when it is back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from db import engine, server
from schemas.errors import Code, RiffleError
from settings import Settings, load

CALLERS = 2 * engine.POOL_SIZE


@pytest_asyncio.fixture(loop_scope="session")
async def own(tmp_path: Path) -> AsyncIterator[Settings]:
    """A server that this test may kill, open in this process."""
    settings = load({"RIFFLE_HOME": str(tmp_path / "home")})
    await engine.open(settings)
    try:
        yield settings
    finally:
        await engine.close()
        await asyncio.to_thread(server.stop, settings)


class Caller:
    """Makes queries and transactions until it is told to stop; an error that isn't AWAY ends it."""

    def __init__(self) -> None:
        self.served, self.refused = asyncio.Event(), 0

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await engine.fetch("SELECT 1")
                async with engine.transaction():
                    await engine.fetch("SELECT pg_sleep(0.002)")
                    await engine.fetch("SELECT 1")
                self.served.set()
            except engine.AWAY:
                self.refused += 1
                await asyncio.sleep(0.02)


def kill(settings: Settings) -> None:
    pid = (settings.home / "postgres" / "postmaster.pid").read_text().split()[0]
    os.kill(int(pid), signal.SIGKILL)


async def test_a_kill_is_heard_as_away_and_everybody_comes_back(own: Settings) -> None:
    callers, stop = [Caller() for _ in range(CALLERS)], asyncio.Event()
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for caller in callers:
            tasks.create_task(caller.run(stop))
        for _ in range(3):
            await asyncio.sleep(0.1)
            await asyncio.to_thread(kill, own)
            await asyncio.to_thread(server.ensure, own)
            for caller in callers:
                caller.served.clear()
            await asyncio.gather(*(caller.served.wait() for caller in callers))
        stop.set()
    assert all(caller.refused for caller in callers)


async def test_what_broke_a_transaction_is_what_its_caller_hears(own: Settings) -> None:
    class Broken(Exception):
        pass

    async def break_off() -> None:
        async with engine.transaction():
            await engine.fetch("SELECT 1")
            await asyncio.to_thread(kill, own)
            # Until the connection has heard of it.
            await asyncio.sleep(0.2)
            raise Broken

    with pytest.raises(Broken):
        await break_off()
    await asyncio.to_thread(server.ensure, own)
    await engine.ping()


async def test_a_database_that_hangs_is_told_soon_and_asked_once(own: Settings) -> None:
    await engine.ping()
    processes = [
        int(row["pid"])
        for row in await engine.fetch("SELECT pid FROM pg_stat_activity WHERE datname IS NOT NULL")
    ]
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(2):
            async with asyncio.timeout(engine.PING_WITHIN_S + 2):
                with pytest.raises(RiffleError) as caught:
                    await asyncio.gather(*(engine.ping() for _ in range(2 * engine.POOL_SIZE)))
            assert caught.value.code is Code.BUSY
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)
    async with asyncio.timeout(10):
        await engine.ping()
