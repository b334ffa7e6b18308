"""Dispatchers whose machines' clocks differ by hours share the work all the same."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from domain.clock import utc_now
from media.store import MediaStore
from realtime import limits
from schemas.work import Render
from tests.realtime import jobs
from tests.realtime.jobs import WHOLE, dispatching, drawing, ended, names
from tests.realtime.models import Models, done, step
from tests.realtime.world import new_person, new_video


@pytest.mark.parametrize("hours", [-3, 3])
async def test_a_clock_that_is_wrong_takes_no_work_from_others(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    monkeypatch.setattr(limits, "POLL_S", 0.05)
    monkeypatch.setattr(limits, "HEARTBEAT_S", 0.1)
    go = asyncio.Event()

    async def wait(models: Models, render: Render) -> None:
        for i in range(1, 5):
            await models.send(step(render, i))
        await go.wait()
        await models.send(done(render))

    def wrong() -> datetime:
        return utc_now() + timedelta(hours=hours)

    models.script = wait
    async with dispatching(models, store):
        video = await new_video(await new_person())
        await drawing(video)
        monkeypatch.setattr(jobs, "utc_now", wrong)
        async with Models().running() as others, dispatching(others, store):
            await asyncio.sleep(0.5)
            go.set()
            assert names(await ended(video)) == WHOLE
    assert others.renders == []
