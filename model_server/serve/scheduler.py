"""Who is drawn next: pure decisions. No threads, no model; the clock and the measurements are passed in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from msgspec.structs import replace

from model_server.serve.fair import FairQueue
from model_server.serve.faults import BUSY, STALE_ATTEMPT, JobError, fault
from schemas.videos import Tier
from schemas.work import Done, Fault, Queued, Render, Stopped

# Four full swarms (4 x 16 previews). At a third of a second each on two cores the last one waits 20 s, which
# is as long as a person looks at an empty tile; beyond that the dispatcher keeps the job and tries again.
MAX_QUEUED = 64
# A Done is under 1 MB, so the memory for repeats stays under 32 MB.
MAX_RECENT = 32
# A render behind an endless stream of previews still gets a step after at most this many of its own steps'
# time, and never sooner than RENDER_PATIENCE_S: previews lose a tenth of the machine at worst.
RENDER_PATIENCE_STEPS = 10
RENDER_PATIENCE_S = 1.0
# Weight of the newest job in the moving average of how long a job takes.
NEWEST = 0.25
# Guesses until the first job of a tier has been measured, in seconds.
FIRST_GUESS_S = {Tier.PREVIEW: 0.5, Tier.FULL: 6.0}

Ended = Done | Stopped | Fault


@dataclass(slots=True, eq=False)
class Job:
    """One accepted Render. `stepping`: a step runs at this moment; `dropped`: it leaves after that step."""

    task: Render
    begun: bool = False
    stepping: bool = False
    dropped: bool = False
    spent_s: float = 0.0

    def stopped(self) -> Stopped:
        """The frame of a job that leaves undrawn."""
        return Stopped(job=self.task.job, attempt=self.task.attempt)


class Scheduler:
    """A bounded queue, previews first, one job of each owner in turn, each (job, attempt) drawn once."""

    def __init__(self, *, max_queued: int = MAX_QUEUED, max_recent: int = MAX_RECENT) -> None:
        self._max_queued = max_queued
        self._max_recent = max_recent
        self._live: dict[str, Job] = {}
        self._waiting: dict[Tier, FairQueue[Job]] = {tier: FairQueue() for tier in Tier}
        self._begun: dict[Tier, Job | None] = dict.fromkeys(Tier)
        self._recent: OrderedDict[str, Ended] = OrderedDict()
        # Seconds for each pixel of a tier's jobs, once one has been drawn: a longer clip takes longer.
        self._pixel_s: dict[Tier, float] = {}
        self._render_step_s = 0.0
        self._render_since: float | None = None

    def submit(self, task: Render, now: float) -> list[Queued | Ended]:
        """Take a job in; the frames to answer with.

        A repeat of a live attempt is answered with its place (0 = being drawn). A newer attempt of the same
        task takes over the work already done; of a changed one it starts anew; the older one is Stopped.
        """
        ended, live = self._recent.get(task.job), self._live.get(task.job)
        newest = max(known.attempt for known in (ended, live and live.task, task) if known)
        if newest > task.attempt:
            return [fault(task, JobError(STALE_ATTEMPT, "a newer attempt of this job is here"))]
        if ended is not None and (ended.attempt == task.attempt or isinstance(ended, Done)):
            return [self._remember(replace(ended, attempt=task.attempt))]
        frames: list[Queued | Ended] = []
        if live is not None and live.task.attempt < task.attempt:
            frames.append(live.stopped())
            if live.dropped or replace(live.task, attempt=task.attempt) != task:
                self._remove(live)
                live = None
            else:
                live.task = task
        if live is None:
            if self.queued >= self._max_queued:
                full = JobError(BUSY, f"{self._max_queued} jobs wait already", retryable=True)
                return [*frames, fault(task, full)]
            live = self._live[task.job] = Job(task)
            self._waiting[task.tier].push(task.owner, live)
            if task.tier is Tier.FULL and self._render_since is None:
                self._render_since = now
        return [*frames, self._place(live)]

    def cancel(self, job: str) -> list[Ended]:
        """Drop a job: at once, or after the step that is running (then `stepped` returns its Stopped)."""
        live = self._live.get(job)
        if live is None:
            return []
        live.dropped = True
        return [] if live.stepping else [self._end(live, live.stopped())]

    def next(self, ready: Collection[Tier], now: float) -> Job | None:
        """The job whose next step runs now, of those whose engine is ready."""
        preview = self._head(Tier.PREVIEW) if Tier.PREVIEW in ready else None
        render = self._head(Tier.FULL) if Tier.FULL in ready else None
        job = render if preview is None or (render is not None and self._starving(now)) else preview
        if job is None:
            return None
        if not job.begun:
            self._waiting[job.task.tier].take(job.task.owner, job)
            self._begun[job.task.tier] = job
        job.begun = job.stepping = True
        return job

    def stepped(
        self, job: Job, seconds: float, now: float, outcome: Done | Fault | None = None
    ) -> list[Ended]:
        """A step took `seconds`; `outcome` if it was the last. The frames that end the job, if it ended."""
        job.stepping = False
        job.spent_s += seconds
        tier = job.task.tier
        if tier is Tier.FULL:
            self._render_step_s, self._render_since = seconds, now
        if not self.wants(job):
            return [self._end(job, job.stopped())] if self._live.get(job.task.job) is job else []
        if isinstance(outcome, Done):
            pixels = _pixels(job)
            known = self._pixel_s.get(tier, FIRST_GUESS_S[tier] / pixels)
            self._pixel_s[tier] = known + NEWEST * (job.spent_s / pixels - known)
        return [] if outcome is None else [self._end(job, replace(outcome, attempt=job.task.attempt))]

    def wants(self, job: Job) -> bool:
        """Whether anybody still wants this job; the drawing of one that nobody wants is thrown away."""
        return self._live.get(job.task.job) is job and not job.dropped

    @property
    def queued(self) -> int:
        """Jobs that nothing has been done for yet."""
        return sum(map(len, self._waiting.values()))

    @property
    def begun(self) -> int:
        """Jobs that are part-way: at most one of each tier."""
        return sum(job is not None for job in self._begun.values())

    def _head(self, tier: Tier) -> Job | None:
        return self._begun[tier] or next(iter(self._waiting[tier]), None)

    def _starving(self, now: float) -> bool:
        waited_s = 0.0 if self._render_since is None else now - self._render_since
        return waited_s > max(RENDER_PATIENCE_S, RENDER_PATIENCE_STEPS * self._render_step_s)

    def _place(self, job: Job) -> Queued:
        """Position 1 = next to begin, 0 = begun; the wait is the measured time of all that stands before."""
        ahead: list[Job] = []
        if not job.begun:
            tiers = (Tier.PREVIEW,) if job.task.tier is Tier.PREVIEW else (Tier.PREVIEW, Tier.FULL)
            ahead = [other for tier in tiers for other in self._waiting[tier]]
            ahead = ahead[: ahead.index(job) + 1]
        begun = [other for other in self._begun.values() if other and ahead and other.task.tier in tiers]
        wait_s = sum(max(0.0, self._estimate(other) - other.spent_s) for other in begun + ahead[:-1])
        return Queued(
            job=job.task.job, attempt=job.task.attempt, position=len(ahead), eta_ms=round(wait_s * 1000)
        )

    def _estimate(self, job: Job) -> float:
        """Seconds from its beginning to its end."""
        tier = job.task.tier
        return self._pixel_s[tier] * _pixels(job) if tier in self._pixel_s else FIRST_GUESS_S[tier]

    def _remove(self, job: Job) -> None:
        del self._live[job.task.job]
        if job.begun:
            self._begun[job.task.tier] = None
        else:
            self._waiting[job.task.tier].remove(job.task.owner, job)
        if self._head(Tier.FULL) is None:
            self._render_since = None

    def _end(self, job: Job, frame: Ended) -> Ended:
        self._remove(job)
        return frame if isinstance(frame, Fault) and frame.retryable else self._remember(frame)

    def _remember(self, frame: Ended) -> Ended:
        self._recent[frame.job] = frame
        self._recent.move_to_end(frame.job)
        while len(self._recent) > self._max_recent:
            self._recent.popitem(last=False)
        return frame


def _pixels(job: Job) -> int:
    recipe = job.task.recipe
    return max(1, recipe.width * recipe.height * recipe.frames)
