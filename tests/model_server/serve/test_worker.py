"""The drawing loop with injected faults: one job's trouble is nobody else's."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

import settings
from model_server.serve import worker as module
from model_server.serve.engines import Engines, EngineState
from model_server.serve.faults import JobError
from model_server.serve.generation import Output, Progress
from model_server.serve.worker import Worker
from schemas.videos import Tier
from schemas.work import Cancel, Done, Fault, FaultCode, Media, Queued, Render, Step, Stopped
from tests.model_server.server import recipe, render

Frame = Queued | Step | Done | Stopped | Fault
Draw = Callable[[Render, Engines], Iterator[Progress | Output]]


def engines(state: EngineState = EngineState.READY) -> Engines:
    """Engines that nothing was loaded into."""
    made = Engines(settings.load({}))
    made.states = dict.fromkeys(Tier, state)
    return made


def drawn() -> Output:
    return Output(
        stage="encode", media=Media(video=b"v", thumbnail=b"t", spritesheet=b"s"), latents=b"latents"
    )


@asynccontextmanager
async def running(draw: Draw, made: Engines | None = None) -> AsyncIterator[tuple[Worker, list[Frame]]]:
    """A worker that draws with `draw`, and the frames it emits."""
    frames: list[Frame] = []
    worker = Worker(made or engines(), frames.append, run=draw)
    loop = asyncio.create_task(worker.run())
    try:
        yield worker, frames
        assert not loop.done()
    finally:
        loop.cancel()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another thread or request brings about."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


async def ends(frames: list[Frame], count: int) -> dict[str, Frame]:
    """The first `count` frames that end a job, by job."""

    def found() -> list[Frame]:
        return [frame for frame in frames if isinstance(frame, Done | Stopped | Fault)]

    await until(lambda: len(found()) >= count)
    return {frame.job: frame for frame in found()}


class Loaded(Engines):
    """Engines that are loaded at once, with nothing; `order` says in which order."""

    def __init__(self) -> None:
        super().__init__(settings.load({}))
        self.order: list[Tier] = []

    def load(self, tier: Tier) -> None:
        self.order.append(tier)
        self.states[tier] = EngineState.READY


def faulty(request: Render, _: Engines) -> Iterator[Progress | Output]:
    yield Progress(stage="begin")
    yield Progress(stage="denoise", i=1, n=2, picture=b"webp")
    if request.id == "crash":
        raise ZeroDivisionError
    if request.id == "stop":
        raise StopIteration
    if request.id == "nan":
        raise JobError(FaultCode.NOT_FINITE, "ran away")
    yield Progress(stage="denoise", i=2, n=2)
    if request.id != "short":
        yield drawn()


async def test_a_failing_job_ends_with_its_reason_and_the_others_are_drawn() -> None:
    async with running(faulty) as (worker, frames):
        for job in ("crash", "good", "nan", "fine"):
            worker.submit(render(job, recipe(), owner=job))
        found = await ends(frames, 4)
    crash, nan = found["crash"], found["nan"]
    assert isinstance(crash, Fault)
    assert (crash.code, crash.retryable) == (FaultCode.INTERNAL, True)
    assert "ZeroDivisionError" in crash.message
    assert isinstance(nan, Fault)
    assert (nan.code, nan.message, nan.retryable) == (FaultCode.NOT_FINITE, "ran away", False)
    for job in ("good", "fine"):
        done = found[job]
        assert isinstance(done, Done)
        assert set(done.timings) == {"begin", "denoise", "encode"}
        assert [(f.i, f.n, f.picture) for f in frames if isinstance(f, Step) and f.job == job] == [
            (1, 2, b"webp"),
            (2, 2, None),
        ]


async def test_a_drawing_that_ends_without_a_video_is_a_fault() -> None:
    async with running(faulty) as (worker, frames):
        worker.submit(render("short", recipe()))
        worker.submit(render("good", recipe()))
        found = await ends(frames, 2)
    assert isinstance(found["short"], Fault)
    assert isinstance(found["good"], Done)


async def test_a_missing_engine_ends_its_jobs_at_once_and_not_the_other_tiers() -> None:
    made = engines(EngineState.FAILED)
    made.errors[Tier.FULL] = "OSError: no folder"
    async with running(module.run_request, made) as (worker, frames):
        worker.submit(render("full", recipe(1, Tier.FULL), Tier.FULL))
        fault = (await ends(frames, 1))["full"]
    assert isinstance(fault, Fault)
    assert (fault.code, fault.retryable) == (FaultCode.ENGINE_UNAVAILABLE, False)
    assert "no folder" in fault.message


async def test_jobs_wait_for_an_engine_that_is_still_loading() -> None:
    made = engines(EngineState.LOADING)
    async with running(faulty, made) as (worker, frames):
        worker.submit(render("early", recipe()))
        await asyncio.sleep(0.05)
        assert [type(frame) for frame in frames] == [Queued]
        made.states[Tier.PREVIEW] = EngineState.READY
        worker.submit(render("late", recipe()))
        found = await ends(frames, 2)
    assert all(isinstance(frame, Done) for frame in found.values())


async def test_cancel_takes_effect_after_the_step_that_runs_and_the_loop_stays_free() -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow(request: Render, _: Engines) -> Iterator[Progress | Output]:
        for i in range(100):
            entered.set()
            leave.wait(5)
            yield Progress(stage="denoise", i=i + 1, n=100)

    async with running(slow) as (worker, frames):
        worker.submit(render("long", recipe()))
        await until(entered.is_set)
        worker.cancel(Cancel(job="long"))
        # It was next, and has begun.
        assert [frame.position for frame in frames if isinstance(frame, Queued)] == [1, 0]
        assert len(frames) == 2
        leave.set()
        found = await ends(frames, 1)
    assert isinstance(found["long"], Stopped)
    assert not any(isinstance(frame, Step) for frame in frames)


async def test_a_newer_attempt_goes_on_with_the_drawing_under_its_own_number() -> None:
    begun = 0

    def counted(request: Render, _: Engines) -> Iterator[Progress | Output]:
        nonlocal begun
        begun += 1
        for i in range(4):
            time.sleep(0.02)
            yield Progress(stage="denoise", i=i + 1, n=4)
        yield drawn()

    async with running(counted) as (worker, frames):
        worker.submit(render("a", recipe()))
        await until(lambda: any(isinstance(frame, Step) for frame in frames))
        worker.submit(render("a", recipe(), attempt=2))
        await ends(frames, 2)
    assert begun == 1
    assert isinstance(frames[-1], Done)
    assert frames[-1].attempt == 2
    assert [frame.i for frame in frames if isinstance(frame, Step)] == [1, 2, 3, 4]


async def test_cost_counts_the_threads_that_draw() -> None:
    def spin() -> None:
        end = time.thread_time() + 0.15
        while time.thread_time() < end:
            pass

    def costly(request: Render, _: Engines) -> Iterator[Progress | Output]:
        helper = threading.Thread(target=spin)
        helper.start()
        helper.join()
        yield drawn()

    async with running(costly) as (worker, frames):
        worker.submit(render("a", recipe()))
        done = (await ends(frames, 1))["a"]
    assert isinstance(done, Done)
    assert 0.14 <= done.cpu_seconds <= 0.3


async def test_calls_go_between_the_steps_of_jobs_and_are_bounded() -> None:
    def endless(request: Render, _: Engines) -> Iterator[Progress | Output]:
        while True:
            time.sleep(0.005)
            yield Progress(stage="denoise", i=1, n=2)

    async with running(endless) as (worker, _):
        worker.submit(render("a", recipe()))
        async with asyncio.timeout(5):
            assert await worker.call("embed", lambda: 7) == 7
            with pytest.raises(ValueError, match="bad"):
                await worker.call("embed", lambda: int("bad"))
            calls = [
                asyncio.create_task(worker.call("embed", lambda: 1)) for _ in range(module.MAX_CALLS + 3)
            ]
            results = await asyncio.gather(*calls, return_exceptions=True)
    refused = [result for result in results if isinstance(result, JobError)]
    assert [error.code for error in refused] == [FaultCode.BUSY] * 3
    assert results.count(1) == module.MAX_CALLS


async def test_the_engine_of_renders_is_loaded_later_or_when_a_render_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Loaded()
    monkeypatch.setattr(module, "FULL_AFTER_S", 60.0)
    async with running(faulty, made) as (worker, frames):
        loading = asyncio.create_task(worker.load())
        worker.submit(render("preview", recipe()))
        await ends(frames, 1)
        assert made.order == [Tier.PREVIEW]
        worker.submit(render("full", recipe(tier=Tier.FULL), Tier.FULL))
        assert isinstance((await ends(frames, 2))["full"], Done)
        await loading
    assert made.order == [Tier.PREVIEW, Tier.FULL]
    made = Loaded()
    monkeypatch.setattr(module, "FULL_AFTER_S", 0.01)
    async with running(faulty, made) as (worker, _):
        await worker.load()
    assert made.order == [Tier.PREVIEW, Tier.FULL]


@pytest.mark.parametrize("tier", list(Tier))
async def test_a_drawing_that_hangs_is_told_from_one_that_is_slow(
    monkeypatch: pytest.MonkeyPatch, tier: Tier
) -> None:
    monkeypatch.setattr(module, "LEAST_STALL_S", 0.3)
    monkeypatch.setattr(module, "FIRST_STALL_S", dict.fromkeys(Tier, 1.0))
    go = threading.Event()

    def draw(request: Render, _: Engines) -> Iterator[Progress | Output]:
        if request.id != "hangs":
            for i in range(1, 5):
                time.sleep(0.1)
                yield Progress(stage="step", i=i, n=4)
        else:
            go.wait(10)
        yield drawn()

    def stalled() -> bool:
        return worker.is_stalled(time.monotonic())

    async with running(draw) as (worker, frames):
        # Nothing is known yet: a first one may load for long.
        worker.submit(render("hangs", recipe(1, tier), tier))
        await asyncio.sleep(0.6)
        assert not stalled()
        await until(stalled)
        go.set()
        await ends(frames, 1)
        assert not stalled()
    go.clear()
    async with running(draw) as (worker, frames):
        worker.submit(render("slow", recipe(2, tier), tier))
        while not any(isinstance(frame, Done) for frame in frames):
            assert not stalled()
            await asyncio.sleep(0.01)
        worker.submit(render("hangs", recipe(3, tier), tier))
        began = time.monotonic()
        await until(stalled)
        # Ten times its longest unit, of 0.1 s or a little more.
        assert time.monotonic() - began > 0.9
        go.set()
        await ends(frames, 2)
        assert not stalled()
