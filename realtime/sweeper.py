"""Background work of time and revocations: consent cascades, deleted accounts, expired grants, media."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from db.engine import AWAY
from domain.accounts import erasure
from domain.clock import Clock
from domain.consent import cameos, cascades
from media.store import MediaStore
from realtime import limits

log = logging.getLogger(__name__)


class Sweeper:
    """Works a batch at a time; several may run, here or elsewhere, and any may die in the middle."""

    def __init__(self, store: MediaStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._wakeup = asyncio.Event()

    def work_arrived(self, _payload: str = "") -> None:
        """Handle a notification that there is something to do."""
        self._wakeup.set()

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            try:
                await self.sweep()
            except AWAY as error:
                log.warning("sweeping failed: %r", error)
            except Exception:
                # Phones and jobs of this process must not end with it; the state is in the database.
                log.exception("sweeping failed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limits.SWEEP_S):
                    await self._wakeup.wait()
            self._wakeup.clear()

    async def sweep(self) -> None:
        """Do all that is due now."""
        while await cascades.run_batch(now=self._clock()):
            pass
        while await erasure.run_batch(now=self._clock()):
            pass
        while await cameos.expire(now=self._clock()):
            pass
        await self._delete_media()

    async def _delete_media(self) -> None:
        while keys := await cascades.garbage_keys():
            try:
                await self._store.delete(*keys)
            except Exception as error:
                # The keys stay where they are: the next sweep tries again.
                log.warning("%d objects could not be deleted: %r", len(keys), error)
                return
            await cascades.forget_garbage(keys)
