"""Runs the scheduled jobs: one unit of work at a time in one thread, so that the event loop stays free."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import structlog

from model_server.serve.cpu_clock import CpuClock
from model_server.serve.engines import Engines
from model_server.serve.faults import JobError, fault
from model_server.serve.generation import Output, Progress, generate
from model_server.serve.metrics import Metrics
from model_server.serve.scheduler import Ended, Job, Scheduler
from model_server.serve.stitch import stitch
from schemas.videos import Tier
from schemas.work import Cancel, Done, Fault, FaultCode, Queued, Render, Step

# A unit of work is taken for hung after ten times the longest that this tier took, LEAST_STALL_S at least:
# loading a graph in the middle, or a machine twenty times as busy, stay well below. Of the first one nothing
# is known yet: a render's step of a large model on a small machine takes minutes.
STALL_FACTOR = 10
LEAST_STALL_S = 45.0
FIRST_STALL_S = {Tier.PREVIEW: 120.0, Tier.FULL: 600.0}

T = TypeVar("T")
log = logging.getLogger(__name__)

# Calls take milliseconds and go between two steps; more than this waiting means that a client floods us.
MAX_CALLS = 64
# A check of one file's time of change.
REFRESH_EVERY_S = 2.0
# Importing torch takes seconds of a core, which the api's start, beside this one, has better use for.
FULL_AFTER_S = 3.0


def run_request(request: Render, engines: Engines) -> Iterator[Progress | Output]:
    """Generate a video, or stitch the clips that are given; the last item is an Output.

    Raises:
        JobError: the request is wrong, or the model failed on it.
    """
    return stitch(request, engines) if request.inputs.clips else generate(request, engines)


@dataclass(slots=True)
class StartedJob:
    """The work of one started job, and what it took so far."""

    units: Iterator[Progress | Output]
    timings: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    cpu_s: float = 0.0


class Worker:
    """Owns the scheduler and the one thread that computes. `emit` gets each frame, in the event loop."""

    def __init__(
        self,
        engines: Engines,
        emit: Callable[[Queued | Step | Ended], None],
        *,
        scheduler: Scheduler | None = None,
        metrics: Metrics | None = None,
        run: Callable[[Render, Engines], Iterator[Progress | Output]] = run_request,
    ) -> None:
        self.engines = engines
        self.scheduler = scheduler or Scheduler()
        self.metrics = metrics or Metrics()
        self._emit = emit
        self._run = run
        self._started: dict[Job, StartedJob] = {}
        self._calls: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._wakeup = asyncio.Event()
        self._render_waits = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "draw")
        self._unit: tuple[Tier, float] | None = None
        self._longest_s: dict[Tier, float] = {}
        self._cpu = CpuClock()
        self._loader = ThreadPoolExecutor(1, "load", initializer=self._cpu.exclude_thread)

    def is_stalled(self, now: float) -> bool:
        """Whether what the thread computes at this moment takes so long that it has to be hung."""
        if self._unit is None:
            return False
        tier, since = self._unit
        longest = self._longest_s.get(tier)
        limit = FIRST_STALL_S[tier] if longest is None else max(LEAST_STALL_S, STALL_FACTOR * longest)
        return now - since > limit

    def submit(self, request: Render) -> None:
        """Accept a request and answer it."""
        if request.tier is Tier.FULL:
            self._render_waits.set()
        for frame in self.scheduler.submit(request, time.monotonic()):
            self._emit(frame)
        self._wakeup.set()

    def cancel(self, cancel: Cancel) -> None:
        """End a job within one step."""
        for frame in self.scheduler.cancel(cancel.job):
            self._ended(frame)
        self._drop_unwanted()

    async def call(self, kind: str, work: Callable[[], T]) -> T:
        """Run a short piece of model work between two steps, once the preview engine is loaded.

        Raises:
            JobError: too many calls wait, or the engine isn't available.
            Exception: whatever `work` raises.
        """
        if len(self._calls) >= MAX_CALLS:
            raise JobError(FaultCode.BUSY, f"{MAX_CALLS} calls wait already", retryable=True)
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._calls.append((work, future))
        self._wakeup.set()
        try:
            result = await future
        except Exception:
            self.metrics.calls.labels(kind=kind, outcome="failed").inc()
            raise
        self.metrics.calls.labels(kind=kind, outcome="done").inc()
        return result

    async def load(self) -> None:
        """Load both engines in a thread of their own: that of renders a little later, or when one waits."""
        await self._load(Tier.PREVIEW)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FULL_AFTER_S):
                await self._render_waits.wait()
        await self._load(Tier.FULL)

    async def _load(self, tier: Tier) -> None:
        await asyncio.get_running_loop().run_in_executor(self._loader, self.engines.load, tier)
        self._wakeup.set()

    async def keep_loaded(self) -> None:
        """Load the engines, then every bundle that replaces a loaded one."""
        await self.load()
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(REFRESH_EVERY_S)
            await loop.run_in_executor(self._loader, self.engines.refresh)

    async def run(self) -> None:
        """Work until cancelled. An exception of one job ends that job; any other ends the process."""
        self._cpu.exclude_thread()
        while True:
            startable = self.engines.startable
            if self._calls and Tier.PREVIEW in startable:
                await self._run_call(*self._calls.popleft())
            job = self.scheduler.next(startable, time.monotonic())
            if job is not None:
                await self._run_unit(job)
            elif not (self._calls and Tier.PREVIEW in startable):
                self._wakeup.clear()
                await self._wakeup.wait()

    async def _run_call(self, work: Callable[[], Any], future: asyncio.Future[Any]) -> None:
        try:
            result = await self._compute(Tier.PREVIEW, work)
        except Exception as error:
            if not future.done():
                future.set_exception(error)
        else:
            if not future.done():
                future.set_result(result)

    async def _compute(self, tier: Tier, work: Callable[[], T]) -> T:
        """One piece of work in the thread that computes."""
        since = time.monotonic()
        self._unit = tier, since
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._unit = None
            self._longest_s[tier] = max(time.monotonic() - since, self._longest_s.get(tier, 0.0))

    async def _run_unit(self, job: Job) -> None:
        started = self._started.get(job)
        if started is None:
            started = self._started[job] = StartedJob(self._run(job.request, self.engines))
            self._emit(Queued(job=job.request.id, attempt=job.request.attempt, position=0, eta_ms=0))
        wall, cpu = time.monotonic(), self._cpu.now()
        outcome: Done | Fault | None = None
        done: Progress | Output | None = None
        try:
            done = await self._compute(job.request.tier, partial(_advance, started.units))
        except Exception as error:
            outcome = fault(job.request, error)
            with structlog.contextvars.bound_contextvars(job=job.request.id, attempt=job.request.attempt):
                log.log(
                    logging.ERROR if outcome.code == FaultCode.INTERNAL else logging.INFO,
                    "the job failed: %s",
                    outcome.message,
                    exc_info=outcome.code == FaultCode.INTERNAL,
                )
        seconds, cpu_s = time.monotonic() - wall, self._cpu.now() - cpu
        stage = "failed" if done is None else done.stage
        started.timings[stage] += seconds * 1000
        started.cpu_s += cpu_s
        tier = str(job.request.tier)
        self.metrics.units.labels(tier=tier, stage=stage).inc()
        self.metrics.unit_seconds.labels(tier=tier, stage=stage).inc(seconds)
        # A difference of several clocks may be a hair below nothing, which no counter takes.
        self.metrics.cpu_seconds.labels(tier=tier).inc(max(0.0, cpu_s))
        if isinstance(done, Output):
            outcome = _done(job, started, done)
        elif done is not None and done.n and self.scheduler.is_wanted(job):
            self._emit(
                Step(
                    job=job.request.id, attempt=job.request.attempt, i=done.i, n=done.n, picture=done.picture
                )
            )
        for frame in self.scheduler.stepped(job, seconds, time.monotonic(), outcome):
            self._ended(frame)
        self._drop_unwanted()

    def _ended(self, frame: Ended) -> None:
        self.metrics.jobs.labels(outcome=type(frame).__name__.lower()).inc()
        self._emit(frame)

    def _drop_unwanted(self) -> None:
        """Free the work of jobs that ended."""
        for job in [job for job in self._started if not job.stepping and not self.scheduler.is_wanted(job)]:
            del self._started[job]


def _advance(units: Iterator[Progress | Output]) -> Progress | Output:
    # A bare `next` would raise StopIteration into a future, which hangs the loop instead of failing the job.
    unit = next(units, None)
    if unit is None:
        raise RuntimeError("a job ended without a video")
    return unit


def _done(job: Job, started: StartedJob, output: Output) -> Done:
    return Done(
        job=job.request.id,
        attempt=job.request.attempt,
        media=output.media,
        latents=output.latents,
        timings={stage: round(ms, 1) for stage, ms in started.timings.items()},
        cpu_seconds=round(started.cpu_s, 3),
        fidelity=output.fidelity,
    )
