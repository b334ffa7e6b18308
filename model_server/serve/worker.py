"""Runs the engines: one unit of work at a time in one thread, so that the event loop stays free."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from model_server.media.stitch import join
from model_server.serve.drawing import Drawn, Unit, draw
from model_server.serve.engines import Engines
from model_server.serve.faults import BUSY, INTERNAL, JobError, fault
from model_server.serve.metrics import Metrics
from model_server.serve.scheduler import Ended, Job, Scheduler
from schemas.videos import Tier
from schemas.work import Cancel, Done, Fault, Queued, Render, Step

T = TypeVar("T")
log = logging.getLogger(__name__)

# Calls take milliseconds and go between two steps; more than this waiting means that somebody floods us.
MAX_CALLS = 64
# A look at one file's time of change.
LOOK_EVERY_S = 2.0


def make(task: Render, engines: Engines) -> Iterator[Unit | Drawn]:
    """Draw a job, or join what it was given to join; the last item is a Drawn.

    Raises:
        JobError: the job is wrong, or the model failed on it.
    """
    return join(task, engines) if task.inputs.clips else draw(task, engines)


class CpuClock:
    """CPU seconds of this process without the threads that don't draw (the event loop, the loader)."""

    def __init__(self) -> None:
        self._others: list[int] = []

    def leave_out(self) -> None:
        """Don't count the calling thread, which must live as long as the process."""
        if sys.platform == "linux":
            self._others.append(time.pthread_getcpuclockid(threading.get_ident()))

    def now(self) -> float:
        """Seconds so far; only differences mean something."""
        return time.process_time() - sum(map(time.clock_gettime, self._others))


@dataclass(slots=True)
class Drawing:
    """The work of one begun job, and what it took so far."""

    units: Iterator[Unit | Drawn]
    timings: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    cpu_s: float = 0.0


class Worker:
    """Owns the scheduler and the one thread that draws. `emit` gets each frame, in the event loop."""

    def __init__(
        self,
        engines: Engines,
        emit: Callable[[Queued | Step | Ended], None],
        *,
        scheduler: Scheduler | None = None,
        metrics: Metrics | None = None,
        draw: Callable[[Render, Engines], Iterator[Unit | Drawn]] = make,
    ) -> None:
        self.engines = engines
        self.scheduler = scheduler or Scheduler()
        self.metrics = metrics or Metrics()
        self._emit = emit
        self._draw = draw
        self._drawings: dict[Job, Drawing] = {}
        self._calls: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "draw")
        self._cpu = CpuClock()
        self._loader = ThreadPoolExecutor(1, "load", initializer=self._cpu.leave_out)

    def submit(self, task: Render) -> None:
        """Take a job in and answer it."""
        for frame in self.scheduler.submit(task, time.monotonic()):
            self._emit(frame)
        self._wake.set()

    def cancel(self, cancel: Cancel) -> None:
        """Drop a job within one step."""
        for frame in self.scheduler.cancel(cancel.job):
            self._ended(frame)
        self._sweep()

    async def call(self, kind: str, work: Callable[[], T]) -> T:
        """Run a short piece of model work between two steps, once the preview engine is loaded.

        Raises:
            JobError: too many calls wait, or the engine isn't available.
            Exception: whatever `work` raises.
        """
        if len(self._calls) >= MAX_CALLS:
            raise JobError(BUSY, f"{MAX_CALLS} calls wait already", retryable=True)
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._calls.append((work, future))
        self._wake.set()
        try:
            result = await future
        except Exception:
            self.metrics.calls.labels(kind=kind, outcome="failed").inc()
            raise
        self.metrics.calls.labels(kind=kind, outcome="done").inc()
        return result

    async def load(self) -> None:
        """Load both engines, one after the other, in a thread of their own."""
        loop = asyncio.get_running_loop()
        for tier in (Tier.PREVIEW, Tier.FULL):
            await loop.run_in_executor(self._loader, self.engines.load, tier)
            self._wake.set()

    async def keep_loaded(self) -> None:
        """Load the engines, then take every bundle that is put in the place of the loaded one."""
        await self.load()
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await loop.run_in_executor(self._loader, self.engines.refresh)

    async def run(self) -> None:
        """Draw for ever. An exception of one job ends that job; anything else ends this, and the process."""
        self._cpu.leave_out()
        while True:
            settled = self.engines.settled
            if self._calls and Tier.PREVIEW in settled:
                await self._one_call(*self._calls.popleft())
            job = self.scheduler.next(settled, time.monotonic())
            if job is not None:
                await self._one_unit(job)
            elif not (self._calls and Tier.PREVIEW in settled):
                self._wake.clear()
                await self._wake.wait()

    async def _one_call(self, work: Callable[[], Any], future: asyncio.Future[Any]) -> None:
        try:
            result = await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except Exception as error:
            if not future.done():
                future.set_exception(error)
        else:
            if not future.done():
                future.set_result(result)

    async def _one_unit(self, job: Job) -> None:
        drawing = self._drawings.get(job)
        if drawing is None:
            drawing = self._drawings[job] = Drawing(self._draw(job.task, self.engines))
        wall, cpu = time.monotonic(), self._cpu.now()
        outcome: Done | Fault | None = None
        done: Unit | Drawn | None = None
        try:
            done = await asyncio.get_running_loop().run_in_executor(self._thread, _advance, drawing.units)
        except Exception as error:
            outcome = fault(job.task, error)
            with structlog.contextvars.bound_contextvars(job=job.task.job, attempt=job.task.attempt):
                log.log(
                    logging.ERROR if outcome.code == INTERNAL else logging.INFO,
                    "the job failed: %s",
                    outcome.message,
                    exc_info=outcome.code == INTERNAL,
                )
        seconds, cpu_s = time.monotonic() - wall, self._cpu.now() - cpu
        stage = "failed" if done is None else done.stage
        drawing.timings[stage] += seconds * 1000
        drawing.cpu_s += cpu_s
        tier = str(job.task.tier)
        self.metrics.units.labels(tier=tier, stage=stage).inc()
        self.metrics.unit_seconds.labels(tier=tier, stage=stage).inc(seconds)
        # A difference of several clocks may be a hair below nothing, which no counter takes.
        self.metrics.cpu_seconds.labels(tier=tier).inc(max(0.0, cpu_s))
        if isinstance(done, Drawn):
            outcome = _done(job, drawing, done)
        elif done is not None and done.n and self.scheduler.wants(job):
            self._emit(
                Step(job=job.task.job, attempt=job.task.attempt, i=done.i, n=done.n, picture=done.picture)
            )
        for frame in self.scheduler.stepped(job, seconds, time.monotonic(), outcome):
            self._ended(frame)
        self._sweep()

    def _ended(self, frame: Ended) -> None:
        self.metrics.jobs.labels(outcome=type(frame).__name__.lower()).inc()
        self._emit(frame)

    def _sweep(self) -> None:
        """Free the drawings of jobs that ended."""
        for job in [job for job in self._drawings if not job.stepping and not self.scheduler.wants(job)]:
            del self._drawings[job]


def _advance(units: Iterator[Unit | Drawn]) -> Unit | Drawn:
    # A bare `next` would raise StopIteration into a future, which hangs the loop instead of failing the job.
    unit = next(units, None)
    if unit is None:
        raise RuntimeError("a drawing ended without a video")
    return unit


def _done(job: Job, drawing: Drawing, drawn: Drawn) -> Done:
    return Done(
        job=job.task.job,
        attempt=job.task.attempt,
        media=drawn.media,
        latents=drawn.latents,
        timings={stage: round(ms, 1) for stage, ms in drawing.timings.items()},
        cpu_seconds=round(drawing.cpu_s, 3),
        fidelity=drawn.fidelity,
    )
