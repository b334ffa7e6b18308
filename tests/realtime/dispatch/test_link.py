"""The socket to the model server: jobs survive its death, late words of other attempts reach nobody."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from realtime import limits
from realtime.dispatch.link import CallFailed, Frames, ModelServerLink
from schemas.videos import Tier
from schemas.work import Cancel, Done, FaultCode, FromModels, Queued, Render, Step
from tests import build
from tests.realtime.models import Models, done, draw, step


def render(job: str = "video_1", attempt: int = 1) -> Render:
    return Render(id=job, attempt=attempt, tier=Tier.PREVIEW, owner="acct_1", recipe=build.recipe())


@contextlib.asynccontextmanager
async def linked(models: Models) -> AsyncIterator[ModelServerLink]:
    link, connected = ModelServerLink(models.url), asyncio.Event()
    running = asyncio.create_task(link.run(connected))
    try:
        async with asyncio.timeout(5):
            await connected.wait()
        yield link
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    assert not link.connected


async def until_done(frames: Frames) -> list[FromModels]:
    seen: list[FromModels] = []
    async with asyncio.timeout(5):
        while not (seen and isinstance(seen[-1], Done)):
            seen.append(await frames.get())
    return seen


def steps(frames: list[FromModels]) -> list[int]:
    return [frame.i for frame in frames if isinstance(frame, Step)]


async def test_many_jobs_share_the_socket() -> None:
    async with Models().running() as models, linked(models) as link:

        async def one(n: int) -> list[FromModels]:
            task = render(f"video_{n}")
            with link.job(task) as frames:
                await link.send(task)
                return await until_done(frames)

        for seen in await asyncio.gather(*(one(n) for n in range(20))):
            assert isinstance(seen[0], Queued)
            assert steps(seen) == [1, 2, 3, 4]
        assert models.connections == 1


async def test_a_live_job_is_sent_again_as_the_same_attempt() -> None:
    async def die_once(models: Models, task: Render) -> None:
        if len(models.renders) == 1:
            await models.send(step(task, 1))
            await models.send(step(task, 2))
            await asyncio.sleep(0.05)
            asyncio.get_running_loop().call_soon(models.die)
        else:
            await draw(models, task)

    async with Models().running() as models, linked(models) as link:
        models.script = die_once
        task = render(attempt=3)
        with link.job(task) as frames:
            await link.send(task)
            seen = await until_done(frames)
        assert steps(seen) == [1, 2, 1, 2, 3, 4]
        assert [sent.attempt for sent in models.renders] == [3, 3]
        assert models.connections == 2


async def test_a_job_begun_while_the_server_is_away_is_sent_when_it_comes() -> None:
    models = Models()
    async with models.running():
        pass
    link, connected = ModelServerLink(models.url), asyncio.Event()
    running = asyncio.create_task(link.run(connected))
    task = render()
    with link.job(task) as frames:
        await link.send(task)
        await link.send(Cancel(job="another"))
        await asyncio.sleep(0.2)
        assert link.silence_s > 0.1
        async with models.running():
            assert steps(await until_done(frames)) == [1, 2, 3, 4]
            running.cancel()
            await asyncio.wait({running})
    assert link.silence_s == 0.0
    assert [sent.id for sent in models.renders] == ["video_1"]


async def test_frames_of_another_attempt_reach_nobody() -> None:
    async def late(models: Models, task: Render) -> None:
        await models.send(done(render(attempt=1)))
        await draw(models, task)
        await models.send(done(render(attempt=1)))

    async with Models().running() as models, linked(models) as link:
        models.script = late
        task = render(attempt=2)
        with link.job(task) as frames:
            await link.send(task)
            seen = await until_done(frames)
            await asyncio.sleep(0.02)
            assert frames.empty()
        assert {frame.attempt for frame in seen} == {2}  # type: ignore[union-attr]


async def test_a_newer_attempt_takes_the_place_of_an_older_one() -> None:
    async with Models().running() as models, linked(models) as link:
        old, new = render(attempt=1), render(attempt=2)
        with contextlib.ExitStack() as first:
            first.enter_context(link.job(old))
            with link.job(new) as frames:
                first.close()
                await link.send(new)
                assert isinstance((await until_done(frames))[-1], Done)


async def test_compare_outlives_a_reconnect() -> None:
    async with Models().running() as models, linked(models) as link:
        assert await link.compare([(b"a", b"b"), (b"a", b"c")]) == [0.75, 0.75]
        assert models.compared == [(b"a", b"b"), (b"a", b"c")]
        models.die()
        assert await link.compare([(b"a", b"b")]) == [0.75]


async def test_compare_fails_within_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "COMPARE_S", 0.1)
    link = ModelServerLink("ws://127.0.0.1:9/")
    with pytest.raises(TimeoutError):
        await link.compare([(b"a", b"b")])


async def test_a_call_answered_by_a_fault() -> None:
    models = Models()
    models.comparison_fault = FaultCode.BAD_INPUT
    async with models.running(), linked(models) as link:
        with pytest.raises(CallFailed, match="injected bad_input"):
            await link.compare([(b"a", b"b")])


async def test_a_frame_that_cannot_be_read_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    async with Models().running() as models, linked(models) as link:
        task = render()
        with link.job(task) as frames:
            for broken in (b"", b"\xc1", b"\x91" * 20_000, b"\x81\xa4type\xa2\xff\xfe"):
                assert models.socket is not None
                await models.socket.send(broken)
            await link.send(task)
            assert isinstance((await until_done(frames))[-1], Done)
    assert models.connections == 1
    assert caplog.text.count("can't be decoded") == 4
