"""The dispatcher: leases queued videos while there is room, heartbeats the leases, and runs each job.

Several may run, here or on other machines: the lease query shares the work. When the model server dies,
jobs in flight keep their lease and attempt, and are sent again when it is back (`link`); only one
that stays silent for SILENCE_S gets its jobs taken away, which then start again as the next attempt.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from functools import partial

import structlog

from db.engine import AWAY
from domain.clock import Clock
from domain.ids import new_id
from domain.videos import leases
from domain.videos.leases import LeasedJob
from media.provenance import Signer
from media.store import MediaStore
from realtime import limits, metrics
from realtime.dispatch.job import JobRunner
from realtime.dispatch.link import ModelServerLink
from realtime.dispatch.turns import Turn, Turns
from realtime.services import keep_running
from schemas.work import Cancel, Priority

log = logging.getLogger(__name__)


@dataclass(slots=True)
class RunningJob:
    """A leased job and the task that runs it; `drawn`: the model server is done with it."""

    job: LeasedJob
    task: asyncio.Task[None]
    drawn: bool = False


class Dispatcher:
    """One holder of leases, identified by a worker id of its own."""

    def __init__(self, link: ModelServerLink, store: MediaStore, signer: Signer, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._runner = JobRunner(link, store, signer, clock)
        self._worker = new_id("worker")
        self._running: dict[str, RunningJob] = {}
        self._turns = {priority: Turns() for priority in Priority}
        self._sending: set[asyncio.Task[None]] = set()
        self._work_wakeup = asyncio.Event()
        self._heartbeat_wakeup = asyncio.Event()

    @property
    def running_jobs(self) -> int:
        """How many jobs are being drawn, or ended, here."""
        return len(self._running)

    async def run(self) -> None:
        """Work until cancelled; then release every lease, so that others take the jobs at once."""
        try:
            async with asyncio.TaskGroup() as tasks:
                # By itself: an error in it costs no lease.
                tasks.create_task(keep_running("link", partial(self._link.run, self._work_wakeup)))
                tasks.create_task(self._lease_jobs())
                tasks.create_task(self._keep_leases())
        finally:
            with contextlib.suppress(TimeoutError, *AWAY):
                async with asyncio.timeout(limits.STOP_S):
                    await self._release_all()

    def work_arrived(self, _payload: str = "") -> None:
        """Handle a notification that a video was queued."""
        self._work_wakeup.set()

    def video_cancelled(self, video: str) -> None:
        """Stop a video that was cancelled; its row has ended already."""
        self._stop_job(video)
        # Also where the job has heard of it by itself, at its next step: the model would draw on for nobody.
        self._send_soon(Cancel(job=video))

    def resync(self) -> None:
        """Wakeups may have been lost: look for work, and check which leases are still ours."""
        self._work_wakeup.set()
        self._heartbeat_wakeup.set()

    async def _lease_jobs(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limits.POLL_S):
                    await self._work_wakeup.wait()
            self._work_wakeup.clear()
            previews = limits.MAX_PREVIEWS - self._count(Priority.PREVIEW)
            renders = limits.MAX_RENDERS - self._count(Priority.FULL)
            background = limits.MAX_BACKGROUND - self._count(Priority.BACKGROUND)
            storing = sum(running.drawn for running in self._running.values())
            full = max(previews, renders, background) <= 0 or storing >= limits.MAX_STORING
            if not self._link.connected or full:
                continue
            try:
                jobs = await leases.lease(
                    self._worker,
                    limit_preview=max(0, previews),
                    limit_full=max(0, renders),
                    limit_background=max(0, background),
                    now=self._clock(),
                    ttl_s=leases.LEASE_S,
                )
            except AWAY as error:
                log.warning("leasing failed: %r", error)
                continue
            except Exception:
                # Phones and running jobs of this process must not end with it; the next poll tries again.
                log.exception("leasing failed")
                continue
            for job in jobs:
                # A lease of ours that ran out comes back as the next attempt.
                self._stop_job(job.id)
                task = asyncio.create_task(self._run_job(job, self._turns[job.priority].next()), name=job.id)
                self._running[job.id] = RunningJob(job, task)

    async def _run_job(self, job: LeasedJob, turn: Turn) -> None:
        # Each job has a task, so a context, of its own.
        structlog.contextvars.bind_contextvars(job=job.id, attempt=job.attempt)
        try:
            with metrics.RUNNING_JOBS.labels(tier=job.tier).track_inprogress():
                await self._runner.run(job, turn, partial(self._drawn, job))
        except AWAY as error:
            metrics.ATTEMPTS.labels(outcome="abandoned").inc()
            log.warning("the attempt is abandoned; its lease runs out: %r", error)
        except Exception:
            metrics.ATTEMPTS.labels(outcome="abandoned").inc()
            log.exception("the attempt is abandoned; its lease runs out")
        finally:
            turn.end()
            running = self._running.get(job.id)
            if running is not None and running.job is job:
                del self._running[job.id]
            self._work_wakeup.set()

    async def _keep_leases(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limits.HEARTBEAT_S):
                    await self._heartbeat_wakeup.wait()
            self._heartbeat_wakeup.clear()
            try:
                if self._link.silence_s > limits.SILENCE_S:
                    log.error("the model server is silent: its %d jobs start again", len(self._running))
                    await self._release_all()
                await self._heartbeat()
            except AWAY as error:
                log.warning("the heartbeat failed: %r", error)
            except Exception:
                log.exception("the heartbeat failed")

    async def _heartbeat(self) -> None:
        attempts = {video: running.job.attempt for video, running in self._running.items()}
        if not attempts:
            return
        kept = await leases.heartbeat(self._worker, list(attempts.items()), ttl_s=leases.LEASE_S)
        for video, attempt in attempts.items():
            running = self._running.get(video)
            if video not in kept and running is not None and running.job.attempt == attempt:
                # No Cancel: it names no attempt, and another dispatcher may have sent the next one.
                log.info("%s attempt %d is no longer ours", video, attempt)
                self._stop_job(video)

    async def _release_all(self) -> None:
        released = list(self._running.values())
        for running in released:
            self._stop_job(running.job.id)
        await asyncio.gather(*(running.task for running in released), return_exceptions=True)
        for running in released:
            await leases.release(running.job.id, running.job.attempt, now=self._clock())

    def _stop_job(self, video: str) -> None:
        running = self._running.pop(video, None)
        if running is not None:
            running.task.cancel()
            self._work_wakeup.set()

    def _count(self, priority: Priority) -> int:
        return sum(
            running.job.priority is priority and not running.drawn for running in self._running.values()
        )

    def _drawn(self, job: LeasedJob) -> None:
        """The model server has room for another one while this is stored."""
        running = self._running.get(job.id)
        if running is not None and running.job is job:
            running.drawn = True
            self._work_wakeup.set()

    def _send_soon(self, frame: Cancel) -> None:
        task = asyncio.create_task(self._link.send(frame))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
