"""Which request runs its next step: pure decisions. No threads, no model; times are passed in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from msgspec.structs import replace

from domain.videos.pricing import FIRST_GUESS_S
from model_server.serve.fair_queue import FairQueue
from model_server.serve.faults import JobError, fault
from schemas.videos import Tier
from schemas.work import Done, Fault, FaultCode, Priority, Queued, Render, Stopped

# Four full swarms (4 x 16 previews). At a third of a second each on two cores the last one waits 20 s, which
# is as long as a person looks at an empty tile; beyond that the dispatcher keeps the job and tries again.
MAX_QUEUED = 64
# Ends of jobs that are kept to answer repeats. A Done is under 1 MB, so they stay under 32 MB.
MAX_FINISHED = 32
# A render behind an endless stream of previews still gets a step after at most so many of its own steps'
# time, and never sooner than PATIENCE_S: previews lose a tenth of the machine at worst. One that nobody waits
# for takes a hundredth from all others.
PATIENCE_STEPS = {Priority.FULL: 10, Priority.BACKGROUND: 100}
PATIENCE_S = {Priority.FULL: 1.0, Priority.BACKGROUND: 30.0}
# Weight of the newest job in the moving average of how long a job takes.
NEWEST_WEIGHT = 0.25

Ended = Done | Stopped | Fault


@dataclass(slots=True, eq=False)
class Job:
    """One accepted request. `stepping`: a step runs at this moment; `cancelled`: it ends after that step."""

    request: Render
    started: bool = False
    stepping: bool = False
    cancelled: bool = False
    spent_s: float = 0.0

    def stopped(self) -> Stopped:
        """The frame that ends a cancelled job."""
        return Stopped(job=self.request.id, attempt=self.request.attempt)


class Scheduler:
    """A bounded queue: previews first, then renders, then what nobody waits for.

    Of each priority it is one job of each owner in turn; each (id, attempt) runs once.
    """

    def __init__(self, *, max_queued: int = MAX_QUEUED, max_finished: int = MAX_FINISHED) -> None:
        self._max_queued = max_queued
        self._max_finished = max_finished
        self._jobs: dict[str, Job] = {}
        self._waiting: dict[Priority, FairQueue[Job]] = {priority: FairQueue() for priority in Priority}
        self._started: dict[Priority, Job | None] = dict.fromkeys(Priority)
        self._finished: OrderedDict[str, Ended] = OrderedDict()
        # Seconds for each pixel of a tier's jobs, once one has been drawn: a longer clip takes longer.
        self._pixel_s: dict[Tier, float] = {}
        # How long the last step of a priority took, and since when a job of it waits for its next one.
        self._step_s: dict[Priority, float] = dict.fromkeys(Priority, 0.0)
        self._waits_since: dict[Priority, float] = {}

    def submit(self, request: Render, now: float) -> list[Queued | Ended]:
        """Accept a request; returns the frames to answer with.

        A repeat of a live attempt is answered with its place (0 = started). A newer attempt of the same
        request takes over the work already done; of a changed one it starts anew; the older one is Stopped.
        """
        ended, live = self._finished.get(request.id), self._jobs.get(request.id)
        newest = max(known.attempt for known in (ended, live and live.request, request) if known)
        if newest > request.attempt:
            return [fault(request, JobError(FaultCode.STALE_ATTEMPT, "a newer attempt of this job is here"))]
        if ended is not None and (ended.attempt == request.attempt or isinstance(ended, Done)):
            return [self._remember(replace(ended, attempt=request.attempt))]
        frames: list[Queued | Ended] = []
        if live is not None and live.request.attempt < request.attempt:
            frames.append(live.stopped())
            if live.cancelled or replace(live.request, attempt=request.attempt) != request:
                self._remove(live)
                live = None
            else:
                live.request = request
        if live is None:
            if self.queued >= self._max_queued:
                full = JobError(FaultCode.BUSY, f"{self._max_queued} jobs wait already", retryable=True)
                return [*frames, fault(request, full)]
            live = self._jobs[request.id] = Job(request)
            self._waiting[request.priority].push(request.owner, live)
            self._waits_since.setdefault(request.priority, now)
        return [*frames, self._queued_frame(live)]

    def cancel(self, job_id: str) -> list[Ended]:
        """End a job: at once, or after the step that is running (then `stepped` returns its Stopped)."""
        live = self._jobs.get(job_id)
        if live is None:
            return []
        live.cancelled = True
        return [] if live.stepping else [self._end(live, live.stopped())]

    def next(self, ready: Collection[Tier], now: float) -> Job | None:
        """The job whose next step runs now, of those whose engine is ready."""
        heads = [
            head for priority in Priority if (head := self._head(priority)) and head.request.tier in ready
        ]
        if not heads:
            return None
        job = next((head for head in heads[1:] if self._starves(head.request.priority, now)), heads[0])
        if not job.started:
            self._waiting[job.request.priority].take(job.request.owner, job)
            self._started[job.request.priority] = job
        job.started = job.stepping = True
        return job

    def stepped(
        self, job: Job, seconds: float, now: float, outcome: Done | Fault | None = None
    ) -> list[Ended]:
        """A step took `seconds`; `outcome` if it was the last. The frames that end the job, if it ended."""
        job.stepping = False
        job.spent_s += seconds
        tier = job.request.tier
        self._step_s[job.request.priority], self._waits_since[job.request.priority] = seconds, now
        if not self.is_wanted(job):
            return [self._end(job, job.stopped())] if self._jobs.get(job.request.id) is job else []
        if isinstance(outcome, Done):
            pixels = _pixels(job)
            known = self._pixel_s.get(tier, FIRST_GUESS_S[tier] / pixels)
            self._pixel_s[tier] = known + NEWEST_WEIGHT * (job.spent_s / pixels - known)
        return [] if outcome is None else [self._end(job, replace(outcome, attempt=job.request.attempt))]

    def is_wanted(self, job: Job) -> bool:
        """Whether this job is neither cancelled nor replaced; the work of one that is gets thrown away."""
        return self._jobs.get(job.request.id) is job and not job.cancelled

    @property
    def queued(self) -> int:
        """Jobs that wait for their first step."""
        return sum(map(len, self._waiting.values()))

    @property
    def started(self) -> int:
        """Jobs between their first and their last step: at most one of each priority."""
        return sum(job is not None for job in self._started.values())

    def _head(self, priority: Priority) -> Job | None:
        return self._started[priority] or next(iter(self._waiting[priority]), None)

    def _starves(self, priority: Priority, now: float) -> bool:
        """Whether a render has waited for its next step as long as it has to."""
        if priority not in PATIENCE_S:
            return False
        waited_s = now - self._waits_since.get(priority, now)
        return waited_s > max(PATIENCE_S[priority], PATIENCE_STEPS[priority] * self._step_s[priority])

    def _queued_frame(self, job: Job) -> Queued:
        """Position 1 = next to start, 0 = started; the wait is the estimated time of all jobs before."""
        ahead: list[Job] = []
        if not job.started:
            priorities = list(Priority)[: list(Priority).index(job.request.priority) + 1]
            ahead = [other for priority in priorities for other in self._waiting[priority]]
            ahead = ahead[: ahead.index(job) + 1]
        started = [
            other
            for other in self._started.values()
            if other and ahead and other.request.priority in priorities
        ]
        wait_s = sum(max(0.0, self._estimate(other) - other.spent_s) for other in started + ahead[:-1])
        return Queued(
            job=job.request.id, attempt=job.request.attempt, position=len(ahead), eta_ms=round(wait_s * 1000)
        )

    def _estimate(self, job: Job) -> float:
        """Seconds from its first step to its end."""
        tier = job.request.tier
        return self._pixel_s[tier] * _pixels(job) if tier in self._pixel_s else FIRST_GUESS_S[tier]

    def _remove(self, job: Job) -> None:
        del self._jobs[job.request.id]
        priority = job.request.priority
        if job.started:
            self._started[priority] = None
        else:
            self._waiting[priority].remove(job.request.owner, job)
        if self._head(priority) is None:
            self._waits_since.pop(priority, None)

    def _end(self, job: Job, frame: Ended) -> Ended:
        self._remove(job)
        return frame if isinstance(frame, Fault) and frame.retryable else self._remember(frame)

    def _remember(self, frame: Ended) -> Ended:
        self._finished[frame.job] = frame
        self._finished.move_to_end(frame.job)
        while len(self._finished) > self._max_finished:
            self._finished.popitem(last=False)
        return frame


def _pixels(job: Job) -> int:
    recipe = job.request.recipe
    return max(1, recipe.width * recipe.height * recipe.frames)
