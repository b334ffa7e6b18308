"""Leased jobs reach the model server in the order of their leases, though their inputs load at once."""

from __future__ import annotations

import asyncio
import contextlib

from realtime import limits


class Turn:
    """One job's place in the order."""

    def __init__(self, before: asyncio.Event | None) -> None:
        self._before = before
        self._over = asyncio.Event()

    @property
    def is_over(self) -> asyncio.Event:
        """Set when the next may go."""
        return self._over

    async def come(self) -> None:
        """Wait until the one before has gone; TURN_S at most, so that none of them holds up the others."""
        if self._before is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limits.TURN_S):
                    await self._before.wait()
            self._before = None

    def end(self) -> None:
        """It has been sent, or never will be."""
        self._over.set()


class Turns:
    """Turns in the order in which they are asked for."""

    def __init__(self) -> None:
        self._last: asyncio.Event | None = None

    def next(self) -> Turn:
        """The turn after all others."""
        turn = Turn(self._last)
        self._last = turn.is_over
        return turn
