"""Transactions give their connection back whatever breaks, and nest."""

from __future__ import annotations

import asyncio
import contextlib

import asyncpg
import pytest

from db import engine
from settings import load
from tests.build import person

pytestmark = pytest.mark.usefixtures("database")


async def hang(begun: asyncio.Event) -> None:
    async with engine.transaction():
        begun.set()
        await engine.fetch("SELECT pg_sleep(30)")


async def test_cancelled_and_broken_transactions_free_their_connections() -> None:
    for _ in range(2 * engine.POOL_SIZE):
        begun = asyncio.Event()
        task = asyncio.create_task(hang(begun))
        await begun.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def break_off() -> None:
        async with engine.transaction():
            await engine.fetch("SELECT pg_terminate_backend(pg_backend_pid())")

    for _ in range(2 * engine.POOL_SIZE):
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await break_off()
    async with asyncio.timeout(5):
        await asyncio.gather(*(engine.ping() for _ in range(2 * engine.POOL_SIZE)))
    assert not engine.in_transaction()


async def test_a_transaction_in_another_is_part_of_it() -> None:
    ada = await person()

    async def outer() -> None:
        async with engine.transaction():
            async with engine.transaction():
                await engine.fetch("UPDATE accounts SET demo = true WHERE id = $1", ada.id)
            assert engine.in_transaction()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await outer()
    assert not await engine.exists("SELECT FROM accounts WHERE id = $1 AND demo", ada.id)


async def test_it_is_opened_once(database: str) -> None:
    assert engine.url() == database
    with pytest.raises(RuntimeError, match="open already"):
        await engine.open(load({"RIFFLE_DATABASE_URL": database}))
