"""The dispatcher: leases work while there is room, keeps the leases alive, and carries each job out.

Several may run, here or on other machines: the lease query shares the work. When the model server dies,
jobs in flight keep their lease and attempt, and are sent again when it is back (`link`); only one
that stays silent for SILENCE_S gets its jobs taken away, which then start again as the next attempt.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from db.engine import AWAY
from domain.ids import new_id
from domain.videos import leases
from domain.videos.leases import LeasedJob
from media.provenance import Signer
from media.store import MediaStore
from realtime import limits
from realtime.dispatch.job import carry_out
from realtime.dispatch.link import Link
from schemas.videos import Tier
from schemas.work import Cancel

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """A leased job and the task that carries it out."""

    job: LeasedJob
    task: asyncio.Task[None]


class Dispatcher:
    """One worker of the lease table."""

    def __init__(self, link: Link, store: MediaStore, signer: Signer) -> None:
        self._link = link
        self._store = store
        self._signer = signer
        self._worker = new_id("worker")
        self._running: dict[str, Running] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._look = asyncio.Event()
        self._beat = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled; then give everything back to the queue."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._link.run(self._look))
                tasks.create_task(self._lease())
                tasks.create_task(self._keep())
        finally:
            with contextlib.suppress(TimeoutError, *AWAY):
                async with asyncio.timeout(limits.STOP_S):
                    await self._give_back()

    def work_arrived(self, _payload: str = "") -> None:
        """There is new work."""
        self._look.set()

    def cancelled(self, video: str) -> None:
        """A video was cancelled: nobody wants it any more. Its end stands in the database already."""
        if self._drop(video):
            self._send_soon(Cancel(job=video))

    def doubt(self) -> None:
        """Wake-ups may have been lost: look for work, and ask which leases still hold."""
        self._look.set()
        self._beat.set()

    async def _lease(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), limits.POLL_S)
            self._look.clear()
            previews = limits.MAX_PREVIEWS - self._count(Tier.PREVIEW)
            renders = limits.MAX_RENDERS - self._count(Tier.FULL)
            if not self._link.up or (previews <= 0 and renders <= 0):
                continue
            try:
                jobs = await leases.lease(
                    self._worker,
                    limit_preview=max(0, previews),
                    limit_full=max(0, renders),
                    now=datetime.now(UTC),
                    ttl_s=limits.LEASE_S,
                )
            except AWAY as error:
                log.warning("leasing failed: %r", error)
                continue
            for job in jobs:
                # A lease of ours that ran out comes back as the next attempt.
                self._drop(job.id)
                task = asyncio.create_task(self._carry_out(job), name=job.id)
                self._running[job.id] = Running(job, task)

    async def _carry_out(self, job: LeasedJob) -> None:
        # Each job has a task, so a context, of its own.
        structlog.contextvars.bind_contextvars(job=job.id, attempt=job.attempt)
        try:
            await carry_out(job, self._link, self._store, self._signer)
        except Exception:
            log.exception("the attempt is abandoned; its lease runs out")
        finally:
            running = self._running.get(job.id)
            if running is not None and running.job is job:
                del self._running[job.id]
            self._look.set()

    async def _keep(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._beat.wait(), limits.HEARTBEAT_S)
            self._beat.clear()
            try:
                if self._link.silence_s > limits.SILENCE_S:
                    log.error("the model server is silent: its %d jobs start again", len(self._running))
                    await self._give_back()
                await self._heartbeat()
            except AWAY as error:
                log.warning("the heartbeat failed: %r", error)

    async def _heartbeat(self) -> None:
        asked = {video: running.job.attempt for video, running in self._running.items()}
        if not asked:
            return
        kept = await leases.heartbeat(
            self._worker, list(asked.items()), now=datetime.now(UTC), ttl_s=limits.LEASE_S
        )
        for video, attempt in asked.items():
            running = self._running.get(video)
            if video not in kept and running is not None and running.job.attempt == attempt:
                # No Cancel: it names no attempt, and another dispatcher may have sent the next one.
                log.info("%s attempt %d is no longer ours", video, attempt)
                self._drop(video)

    async def _give_back(self) -> None:
        given = list(self._running.values())
        for running in given:
            self._drop(running.job.id)
        await asyncio.gather(*(running.task for running in given), return_exceptions=True)
        for running in given:
            await leases.release(running.job.id, running.job.attempt, now=datetime.now(UTC))

    def _drop(self, video: str) -> bool:
        running = self._running.pop(video, None)
        if running is None:
            return False
        running.task.cancel()
        self._look.set()
        return True

    def _count(self, tier: Tier) -> int:
        return sum(running.job.tier is tier for running in self._running.values())

    def _send_soon(self, frame: Cancel) -> None:
        task = asyncio.create_task(self._link.send(frame))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
