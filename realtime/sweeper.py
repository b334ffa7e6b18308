"""Background work of time and revocations: consent cascades, deleted accounts, expired grants, media."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

from db.engine import AWAY
from domain import media_keys, retention
from domain.accounts import erasure
from domain.clock import Clock
from domain.consent import cameos, cascades
from domain.safety import takedowns
from media.store import MediaStore
from realtime import limits
from realtime.media_compare import OrphanSweep

log = logging.getLogger(__name__)


class Sweeper:
    """Works a batch at a time; several may run, here or elsewhere, and any may die in the middle."""

    def __init__(self, store: MediaStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._wakeup = asyncio.Event()
        self._orphans = OrphanSweep(store)
        self._forget_at = 0.0

    def work_arrived(self, _payload: str = "") -> None:
        """Handle a notification that there is something to do."""
        self._wakeup.set()

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await self.sweep()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limits.SWEEP_S):
                    await self._wakeup.wait()
            self._wakeup.clear()

    async def sweep(self) -> None:
        """Do all that is due now; what fails keeps none of the rest from it."""
        for work in (
            self._carry_out_revocations,
            self._erase_accounts,
            self._expire_grants,
            self._delete_media,
            self._seek_copies,
            self._compare_media,
            self._forget_old,
        ):
            await _attempt(work)

    async def _in_turn(self, batch: Callable[[], Awaitable[object]]) -> None:
        """Batches until nothing is left, or it is the others' turn: then the next sweep comes at once."""
        for _ in range(limits.SWEEP_BATCHES):
            if not await batch():
                return
        self._wakeup.set()

    async def _carry_out_revocations(self) -> None:
        await self._in_turn(lambda: cascades.run_batch(now=self._clock()))

    async def _erase_accounts(self) -> None:
        await self._in_turn(lambda: erasure.run_batch(now=self._clock()))

    async def _expire_grants(self) -> None:
        # Passed over for this sweep alone.
        failed: set[str] = set()
        await self._in_turn(lambda: cameos.expire(now=self._clock(), failed=failed))

    async def _delete_media(self) -> None:
        await self._in_turn(self._delete_some)

    async def _delete_some(self) -> bool:
        """Delete a batch of media; False where there is none, or the store is away."""
        keys = await media_keys.claim_due()
        if not keys:
            return False
        results = await asyncio.gather(*(self._store.delete(key) for key in keys), return_exceptions=True)
        failed = {key: error for key, error in zip(keys, results, strict=True) if error is not None}
        await media_keys.forget([key for key in keys if key not in failed])
        if failed:
            await media_keys.postpone(list(failed))
            key, error = next(iter(failed.items()))
            log.warning("%d media objects could not be deleted, such as %s: %r", len(failed), key, error)
        return len(failed) < len(keys)

    async def _forget_old(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._forget_at:
            # What a bounded round left over is for the next one.
            more = await retention.sweep(now=self._clock())
            self._forget_at = now_s + (0.0 if more else limits.RETENTION_EVERY_S)

    async def _seek_copies(self) -> None:
        await self._in_turn(lambda: takedowns.seek_left(now=self._clock()))

    async def _compare_media(self) -> None:
        await self._orphans.step(time.monotonic())


async def _attempt(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except AWAY as error:
        log.warning("sweeping failed: %r", error)
    except Exception:
        # Phones and jobs of this process must not end with it; the state is in the database.
        log.exception("sweeping failed")
