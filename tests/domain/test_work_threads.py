"""Slow work of one kind: bounded, and no wait for another kind."""

from __future__ import annotations

import asyncio
import threading

import pytest

from domain.accounts import passwords
from domain.work_threads import WorkThreads
from schemas.errors import Code, RiffleError


async def test_past_the_bound_the_next_is_told_to_come_again() -> None:
    threads, held = WorkThreads("test", threads=1, max_waiting=1, busy="full"), threading.Event()
    waiting = [asyncio.create_task(threads.run(held.wait, 10)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(RiffleError, match="full") as refused:
        await threads.run(int)
    assert refused.value.code is Code.BUSY
    held.set()
    await asyncio.gather(*waiting)
    assert await threads.run(int, "7") == 7


async def test_who_leaves_frees_the_place_when_the_work_ends() -> None:
    threads, held = WorkThreads("test", threads=1, max_waiting=0, busy="full"), threading.Event()
    left = asyncio.create_task(threads.run(held.wait, 10))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)
    with pytest.raises(RiffleError):
        await threads.run(int)
    held.set()
    async with asyncio.timeout(5):
        while True:
            try:
                assert await threads.run(int) == 0
                break
            except RiffleError:
                await asyncio.sleep(0.01)


async def test_a_sign_in_waits_for_nothing_else_that_is_slow() -> None:
    held = threading.Event()
    # As many as the event loop's own threads are, and more.
    slow = [asyncio.create_task(asyncio.to_thread(held.wait, 10)) for _ in range(64)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert await passwords.matches("a password", await passwords.hashed("a password"))
    held.set()
    await asyncio.gather(*slow)
