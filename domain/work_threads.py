"""Threads for one kind of slow work, and a bound on who waits: no kind stands before another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from schemas.errors import Code, RiffleError

P = ParamSpec("P")
T = TypeVar("T")


class WorkThreads:
    """At most `threads` at once and `max_waiting` behind them; `busy` is what the next one is told."""

    def __init__(self, name: str, *, threads: int, max_waiting: int, busy: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._bound = threads + max_waiting
        self._busy = busy
        self._taken = 0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`work(*args)` in one of the threads; it goes on, and counts, where the asker leaves.

        Raises:
            RiffleError: busy, where too many wait; what `work` raises.
        """
        if self._taken >= self._bound:
            raise RiffleError(Code.BUSY, self._busy)
        self._taken += 1
        loop = asyncio.get_running_loop()
        done: Future[T] = self._pool.submit(partial(work, *args, **kwargs))
        done.add_done_callback(lambda _: self._leave(loop))
        return await asyncio.wrap_future(done)

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        # Counted by the loop alone; one that has closed meanwhile counts nothing any more.
        try:
            loop.call_soon_threadsafe(self._count_down)
        except RuntimeError:
            self._count_down()

    def _count_down(self) -> None:
        self._taken -= 1
