"""Keeps the journal: writes out what the database puts there, counts its beats, notices a restored one."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from db.engine import AWAY
from domain import restored
from domain.events.journal import Journal
from realtime import limits

log = logging.getLogger(__name__)


class JournalKeeper:
    """One for each home; several homes of one database share its outbox, and each has a part of the whole."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._wakeup = asyncio.Event()

    def work_arrived(self, _payload: str = "") -> None:
        """Handle a notification that there is something to write."""
        self._wakeup.set()

    async def run(self) -> None:
        """Keep the journal until cancelled."""
        while True:
            try:
                await self._keep()
            except AWAY as error:
                log.warning("the journal waits for the database: %r", error)
                await asyncio.sleep(limits.RETRY_S)

    async def renew_if_restored(self) -> None:
        """Begin every stream anew where the database is older than the one that this home has seen."""
        if await self._journal.is_restored():
            log.warning("the database is older than it was: every stream begins anew")
            done = await restored.renew(self._journal)
            log.warning("%d streams renewed, %d entries of the journal carried out again, %d failed", *done)

    async def _keep(self) -> None:
        """From one beat to the next."""
        await self.renew_if_restored()
        await self._write_out()
        await self._journal.beat()
        loop = asyncio.get_running_loop()
        until = loop.time() + limits.BEAT_S
        while loop.time() < until:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._wakeup.wait()
            self._wakeup.clear()
            await self._write_out()

    async def _write_out(self) -> None:
        while await self._journal.write_out():
            pass
