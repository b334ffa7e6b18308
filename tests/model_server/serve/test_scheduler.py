"""The scheduler alone: who is next, what a repeat gets, when a cancelled job leaves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from model_server.serve import scheduler as module
from model_server.serve.faults import JobError, fault
from model_server.serve.scheduler import Job, Scheduler
from schemas.videos import Recipe, Tier
from schemas.work import Done, Fault, FaultCode, Media, Queued, Render, Stopped

BOTH = tuple(Tier)


def request(
    job: str,
    owner: str = "ann",
    tier: Tier = Tier.PREVIEW,
    attempt: int = 1,
    prompt: str = "cat",
    frames: int = 17,
    *,
    background: bool = False,
) -> Render:
    recipe = Recipe(model="m", prompt=prompt, width=64, height=96, frames=frames, fps=8, seed=1)
    return Render(id=job, attempt=attempt, tier=tier, owner=owner, recipe=recipe, background=background)


def done(job: str, attempt: int = 1) -> Done:
    media = Media(video=b"v", thumbnail=b"t", spritesheet=b"s")
    return Done(job=job, attempt=attempt, media=media, latents=b"l", timings={}, cpu_seconds=0.1)


def drain(scheduler: Scheduler, steps: int = 1, now: float = 0.0) -> list[str]:
    """Draw everything; the jobs in the order in which their steps ran."""
    order: list[str] = []
    counts: dict[Job, int] = {}
    while (job := scheduler.next(BOTH, now)) is not None:
        order.append(job.request.id)
        counts[job] = counts.get(job, 0) + 1
        last = counts[job] == steps
        scheduler.stepped(job, 0.1, now, done(job.request.id, job.request.attempt) if last else None)
    return order


def test_previews_go_before_renders_and_interrupt_one_between_steps() -> None:
    scheduler = Scheduler()
    scheduler.submit(request("full", tier=Tier.FULL), 0.0)
    running = scheduler.next(BOTH, 0.0)
    assert running is not None
    assert running.request.id == "full"
    scheduler.submit(request("preview", owner="bob"), 0.0)
    assert scheduler.stepped(running, 0.1, 0.1) == []
    following = scheduler.next(BOTH, 0.1)
    assert following is not None
    assert following.request.id == "preview"
    [end] = scheduler.stepped(following, 0.1, 0.2, done("preview"))
    assert isinstance(end, Done)
    assert scheduler.next(BOTH, 0.2) is running


def test_owners_take_turns_whatever_one_of_them_piles_up() -> None:
    scheduler = Scheduler()
    for number in range(4):
        scheduler.submit(request(f"a{number}", "ann"), 0.0)
    scheduler.submit(request("b0", "bob"), 0.0)
    scheduler.submit(request("c0", "cy"), 0.0)
    scheduler.submit(request("b1", "bob"), 0.0)
    assert drain(scheduler) == ["a0", "b0", "c0", "a1", "b1", "a2", "a3"]


def test_one_owners_jobs_are_drawn_one_after_the_other() -> None:
    scheduler = Scheduler()
    for number in range(3):
        scheduler.submit(request(f"a{number}"), 0.0)
    assert drain(scheduler, steps=2) == ["a0", "a0", "a1", "a1", "a2", "a2"]


def test_a_starving_render_gets_a_step_after_ten_of_its_steps() -> None:
    scheduler = Scheduler()
    scheduler.submit(request("full", tier=Tier.FULL), 0.0)
    first = scheduler.next(BOTH, 0.0)
    assert first is not None
    scheduler.stepped(first, 0.5, 0.0)
    scheduler.submit(request("preview"), 0.0)
    for now, expected in ((0.0, "preview"), (4.9, "preview"), (5.1, "full"), (5.2, "preview")):
        job = scheduler.next(BOTH, now)
        assert job is not None
        assert job.request.id == expected
        scheduler.stepped(job, 0.5, now)


def test_the_queue_is_bounded_and_busy_is_retryable() -> None:
    scheduler = Scheduler()
    for number in range(module.MAX_QUEUED):
        [frame] = scheduler.submit(request(f"j{number}"), 0.0)
        assert isinstance(frame, Queued)
    [refused] = scheduler.submit(request("late"), 0.0)
    assert isinstance(refused, Fault)
    assert (refused.code, refused.retryable) == (FaultCode.BUSY, True)
    assert scheduler.next(BOTH, 0.0) is not None
    [taken] = scheduler.submit(request("late"), 0.0)
    assert isinstance(taken, Queued)


def test_places_and_waits_follow_the_order_of_service() -> None:
    scheduler = Scheduler()

    def place(*args: object, **kwargs: object) -> tuple[int, int]:
        [frame] = scheduler.submit(request(*args, **kwargs), 0.0)  # type: ignore[arg-type]
        assert isinstance(frame, Queued)
        return frame.position, frame.eta_ms

    assert place("f", tier=Tier.FULL) == (1, 0)
    assert place("a0") == (1, 0)
    assert place("a1") == (2, 500)
    assert place("b0", "bob") == (2, 500)
    assert place("g", "bob", tier=Tier.FULL) == (5, 1500 + 6000)
    job = scheduler.next(BOTH, 0.0)
    assert job is not None
    assert place("a0") == (0, 0)
    scheduler.stepped(job, 0.4, 0.4)
    assert place("b0", "bob") == (1, 100)


def test_measured_times_move_the_wait() -> None:
    scheduler = Scheduler()
    for number in range(40):
        scheduler.submit(request(f"j{number}"), 0.0)
        drain(scheduler)
    scheduler.submit(request("x"), 0.0)
    [frame] = scheduler.submit(request("y"), 0.0)
    assert isinstance(frame, Queued)
    assert 90 <= frame.eta_ms <= 130
    # A clip of twice the frames takes twice as long.
    scheduler.submit(request("long", frames=34), 0.0)
    [after] = scheduler.submit(request("z"), 0.0)
    assert isinstance(after, Queued)
    assert after.eta_ms == pytest.approx(4 * frame.eta_ms, abs=2)


def test_cancel_of_a_waiting_job_is_at_once_and_of_an_unknown_one_nothing() -> None:
    scheduler = Scheduler()
    scheduler.submit(request("a"), 0.0)
    assert scheduler.cancel("a") == [Stopped(job="a", attempt=1)]
    assert scheduler.cancel("a") == []
    assert scheduler.cancel("never") == []
    assert scheduler.next(BOTH, 0.0) is None


@pytest.mark.parametrize("last", [False, True])
def test_cancel_of_a_stepping_job_waits_for_that_step_and_no_longer(last: bool) -> None:
    scheduler = Scheduler()
    scheduler.submit(request("a"), 0.0)
    scheduler.submit(request("b"), 0.0)
    job = scheduler.next(BOTH, 0.0)
    assert job is not None
    assert scheduler.cancel("a") == []
    assert not scheduler.is_wanted(job)
    ends = scheduler.stepped(job, 0.1, 0.1, done("a") if last else None)
    assert ends == [Stopped(job="a", attempt=1)]
    following = scheduler.next(BOTH, 0.1)
    assert following is not None
    assert following.request.id == "b"


def test_cancel_of_a_render_that_yielded_is_at_once() -> None:
    scheduler = Scheduler()
    scheduler.submit(request("f", tier=Tier.FULL), 0.0)
    job = scheduler.next(BOTH, 0.0)
    assert job is not None
    scheduler.stepped(job, 0.1, 0.1)
    assert scheduler.cancel("f") == [Stopped(job="f", attempt=1)]
    assert scheduler.next(BOTH, 0.1) is None


def test_a_repeat_is_not_drawn_twice_and_gets_the_same_end() -> None:
    scheduler = Scheduler()
    scheduler.submit(request("a"), 0.0)
    [again] = scheduler.submit(request("a"), 0.0)
    assert isinstance(again, Queued)
    assert drain(scheduler) == ["a"]
    assert scheduler.submit(request("a"), 0.0) == [done("a")]
    assert scheduler.submit(request("a", attempt=2), 0.0) == [done("a", 2)]
    assert scheduler.next(BOTH, 0.0) is None


def test_a_newer_attempt_takes_over_the_work_done() -> None:
    scheduler = Scheduler()
    scheduler.submit(request("a"), 0.0)
    job = scheduler.next(BOTH, 0.0)
    assert job is not None
    scheduler.stepped(job, 0.1, 0.1)
    frames = scheduler.submit(request("a", attempt=2), 0.1)
    assert frames == [Stopped(job="a", attempt=1), Queued(job="a", attempt=2, position=0, eta_ms=0)]
    assert scheduler.next(BOTH, 0.1) is job
    assert scheduler.stepped(job, 0.1, 0.2, done("a", 1)) == [done("a", 2)]


def test_a_newer_attempt_of_a_changed_task_starts_anew() -> None:
    scheduler = Scheduler()
    scheduler.submit(request("a"), 0.0)
    old = scheduler.next(BOTH, 0.0)
    assert old is not None
    frames = scheduler.submit(request("a", attempt=2, prompt="dog"), 0.0)
    assert frames[0] == Stopped(job="a", attempt=1)
    assert not scheduler.is_wanted(old)
    assert scheduler.stepped(old, 0.1, 0.1, done("a", 1)) == []
    new = scheduler.next(BOTH, 0.1)
    assert new is not None
    assert new is not old
    assert new.request.recipe.prompt == "dog"


@pytest.mark.parametrize("finished", [False, True])
def test_an_older_attempt_is_refused(finished: bool) -> None:
    scheduler = Scheduler()
    scheduler.submit(request("a", attempt=3), 0.0)
    if finished:
        drain(scheduler)
    [frame] = scheduler.submit(request("a", attempt=2), 0.0)
    assert isinstance(frame, Fault)
    assert (frame.code, frame.attempt) == (FaultCode.STALE_ATTEMPT, 2)


def test_a_job_that_was_stopped_or_failed_for_good_can_be_tried_anew_by_a_newer_attempt_only() -> None:
    scheduler = Scheduler()
    scheduler.submit(request("a"), 0.0)
    scheduler.cancel("a")
    assert scheduler.submit(request("a"), 0.0) == [Stopped(job="a", attempt=1)]
    [frame] = scheduler.submit(request("a", attempt=2), 0.0)
    assert isinstance(frame, Queued)


def test_a_retryable_failure_is_drawn_again() -> None:
    scheduler = Scheduler()
    scheduler.submit(request("a"), 0.0)
    job = scheduler.next(BOTH, 0.0)
    assert job is not None
    [end] = scheduler.stepped(
        job, 0.1, 0.1, fault(job.request, JobError(FaultCode.INTERNAL, "x", retryable=True))
    )
    assert isinstance(end, Fault)
    [frame] = scheduler.submit(request("a"), 0.0)
    assert isinstance(frame, Queued)


def test_only_jobs_of_ready_engines_begin() -> None:
    scheduler = Scheduler()
    scheduler.submit(request("f", tier=Tier.FULL), 0.0)
    scheduler.submit(request("p"), 0.0)
    assert scheduler.next((), 0.0) is None
    job = scheduler.next((Tier.FULL,), 0.0)
    assert job is not None
    assert job.request.id == "f"


def test_what_nobody_waits_for_is_interrupted_by_a_render_between_steps() -> None:
    scheduler = Scheduler()
    scheduler.submit(request("feed", tier=Tier.FULL, background=True), 0.0)
    running = scheduler.next(BOTH, 0.0)
    assert running is not None
    scheduler.submit(request("picked", owner="bob", tier=Tier.FULL), 0.0)
    scheduler.submit(request("preview", owner="eve"), 0.0)
    scheduler.stepped(running, 0.1, 0.1)
    assert drain(scheduler, steps=2, now=0.1) == ["preview", "preview", "picked", "picked", "feed", "feed"]


def test_what_nobody_waits_for_still_takes_a_step_now_and_then() -> None:
    scheduler = Scheduler()
    scheduler.submit(request("feed", tier=Tier.FULL, background=True), 0.0)
    scheduler.submit(request("endless", owner="bob", tier=Tier.FULL), 0.0)
    now, order = 0.0, []
    while now < 65.0:
        job = scheduler.next(BOTH, now)
        assert job is not None
        order.append(job.request.id)
        now += 0.5
        scheduler.stepped(job, 0.5, now)
    # Once its patience of 30 s is over, then after a hundred of its steps' time.
    assert order.count("feed") == 1
    assert order.index("feed") == 61


def test_memory_for_repeats_is_bounded() -> None:
    scheduler = Scheduler(max_finished=2)
    for name in "abc":
        scheduler.submit(request(name), 0.0)
        drain(scheduler)
    assert isinstance(scheduler.submit(request("a"), 0.0)[0], Queued)
    assert isinstance(scheduler.submit(request("c"), 0.0)[0], Done)


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=40))
def test_no_owner_waits_for_more_than_one_job_of_each_other_owner(owners: list[str]) -> None:
    scheduler = Scheduler()
    for number, owner in enumerate(owners):
        scheduler.submit(request(f"{owner}{number}", owner), 0.0)
    served = [name[0] for name in drain(scheduler)]
    for owner in set(owners):
        places = [place for place, name in enumerate(served) if name == owner]
        for before, after in zip([-1, *places], places, strict=False):
            between = served[before + 1 : after]
            assert len(between) == len(set(between))


class Machine(RuleBasedStateMachine):
    """Any order of frames and steps: each (job, attempt) ends exactly once, and memory is bounded."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler = Scheduler(max_queued=4, max_finished=2)
        self.now = 0.0
        self.open: set[tuple[str, int]] = set()
        self.stepping: Job | None = None

    def see(self, frames: list[object]) -> None:
        for frame in frames:
            if isinstance(frame, Done | Stopped | Fault):
                self.open.discard((frame.job, frame.attempt))

    @rule(
        job=st.sampled_from("pqrstu"),
        attempt=st.integers(1, 3),
        owner=st.sampled_from("ab"),
        tier=st.sampled_from(Tier),
    )
    def submit(self, job: str, attempt: int, owner: str, tier: Tier) -> None:
        self.open.add((job, attempt))
        frames = self.scheduler.submit(request(job, owner, tier, attempt), self.now)
        assert 1 <= len(frames) <= 2
        assert (frames[-1].job, frames[-1].attempt) == (job, attempt)
        self.see(list(frames))

    @rule(job=st.sampled_from("pqrstu"))
    def cancel(self, job: str) -> None:
        self.see(list(self.scheduler.cancel(job)))

    @rule()
    def begin(self) -> None:
        if self.stepping is None:
            self.stepping = self.scheduler.next(BOTH, self.now)

    @rule(seconds=st.floats(0.01, 2), last=st.booleans())
    def end(self, seconds: float, last: bool) -> None:
        if (job := self.stepping) is not None:
            self.now += seconds
            frame = done(job.request.id, job.request.attempt) if last else None
            self.see(list(self.scheduler.stepped(job, seconds, self.now, frame)))
            self.stepping = None

    @invariant()
    def bounded(self) -> None:
        assert self.scheduler.queued <= 4
        assert self.scheduler.started <= 2
        live = self.scheduler.queued + self.scheduler.started
        # A job that was replaced while it stepped is no longer anybody's.
        assert len(self.open) == live

    def teardown(self) -> None:
        if self.stepping is not None:
            self.end(0.1, True)
        for job in "pqrstu":
            self.cancel(job)
        assert self.open == set()
        assert self.scheduler.queued == self.scheduler.started == 0


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
