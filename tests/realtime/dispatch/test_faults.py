"""Jobs whose model server, store, database or lease fails: each ends exactly once all the same."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from db import engine
from domain.accounts import credits
from domain.clock import utc_now
from domain.videos import leases
from media.store import MediaStore
from realtime import limits
from realtime.sweeper import Sweeper
from schemas.videos import Relation, Tier
from schemas.work import FaultCode, Render
from tests.build import FILES, source
from tests.realtime.jobs import WHOLE, dispatching, drawing, ended, log, names, stored
from tests.realtime.models import Models, done, draw, fault, step
from tests.realtime.world import new_person, new_video, until


async def test_the_model_server_dies_and_no_step_is_told_twice(models: Models, store: MediaStore) -> None:
    async def die_once(models: Models, render: Render) -> None:
        if len(models.renders) > 1:
            return await draw(models, render)
        for i in (1, 2):
            await models.send(step(render, i))
        await asyncio.sleep(0.1)
        asyncio.get_running_loop().call_soon(models.die)
        return None

    models.script = die_once
    async with dispatching(models, store):
        video = await new_video(await new_person())
        found = await ended(video)
    assert names(found) == WHOLE
    assert [render.attempt for render in models.renders] == [1, 1]


async def test_a_retryable_fault_leads_to_another_attempt(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FAULT_BACKOFF_S", 0.05)

    async def fail_once(models: Models, render: Render) -> None:
        if render.attempt == 1:
            await models.send(fault(render, FaultCode.INTERNAL, retryable=True))
        else:
            await draw(models, render)

    models.script = fail_once
    async with dispatching(models, store):
        video = await new_video(await new_person())
        found = await ended(video)
    assert names(found)[-1] == "completed"
    assert [render.attempt for render in models.renders] == [1, 2]
    assert await stored(store, video, 1) == set()


async def test_endless_faults_end_in_failure_and_refund(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FAULT_BACKOFF_S", 0.01)

    async def always(models: Models, render: Render) -> None:
        await models.send(fault(render, FaultCode.INTERNAL, retryable=True))

    models.script = always
    person = await new_person()
    before = await credits.balance(person)
    async with dispatching(models, store):
        found = await ended(await new_video(person))
    assert names(found)[-1] == "failed"
    assert await credits.balance(person) == before


async def test_a_final_fault_fails_at_once(models: Models, store: MediaStore) -> None:
    async def always(models: Models, render: Render) -> None:
        await models.send(fault(render, FaultCode.BAD_INPUT, retryable=False))

    models.script = always
    person = await new_person()
    before = await credits.balance(person)
    async with dispatching(models, store):
        video = await new_video(person)
        found = await ended(video)
    assert names(found) == ["queued", "failed"]
    assert len(models.renders) == 1
    assert await credits.balance(person) == before


async def test_a_full_queue_costs_no_attempt(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BUSY_BACKOFF_S", 0.02)

    async def busy(models: Models, render: Render) -> None:
        if len(models.renders) < 8:
            await models.send(fault(render, FaultCode.BUSY, retryable=True))
        else:
            await draw(models, render)

    models.script = busy
    async with dispatching(models, store):
        assert names(await ended(await new_video(await new_person()))) == WHOLE
    assert {render.attempt for render in models.renders} == {1}


async def test_a_late_end_of_a_lost_lease_writes_nothing(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two dispatchers, each with its model server: the first loses its lease while it draws, ends late."""
    monkeypatch.setattr(leases, "LEASE_S", 1.0)
    monkeypatch.setattr(limits, "HEARTBEAT_S", 60.0)
    monkeypatch.setattr(limits, "POLL_S", 0.1)
    go = asyncio.Event()

    async def late(models: Models, render: Render) -> None:
        await models.send(step(render, 1))
        await go.wait()
        await models.send(done(render))

    models.script = late
    async with dispatching(models, store) as first:
        video = await new_video(await new_person())
        await drawing(video)
        # It is full, so it leases no more: the next attempt is the other's.
        monkeypatch.setattr(limits, "MAX_PREVIEWS", 1)
        monkeypatch.setattr(leases, "LEASE_S", 10.0)
        async with Models().running() as healthy, dispatching(healthy, store):
            found = await ended(video)
            assert names(found)[:5] == ["queued", "started", "step", "queued", "started"]
            go.set()
            await until(lambda: not first.running_jobs)
    assert await log(video) == found
    assert [render.attempt for render in healthy.renders] == [2]
    # What was stored for nothing is written down, and collected.
    await Sweeper(store, utc_now).sweep()
    assert await stored(store, video, 1) == set()
    assert await stored(store, video, 2) == set(FILES)


async def test_a_silent_model_server_loses_its_work(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SILENCE_S", 0.3)
    monkeypatch.setattr(limits, "HEARTBEAT_S", 0.1)

    async def hang_first(models: Models, render: Render) -> None:
        if render.attempt > 1:
            await draw(models, render)

    models.script = hang_first
    async with dispatching(models, store):
        found = await ended(await new_video(await new_person()))
    assert names(found)[-1] == "completed"
    assert [render.attempt for render in models.renders] == [1, 2]


async def test_a_source_without_latents_is_a_failure_with_a_reason(models: Models, store: MediaStore) -> None:
    person = await new_person()
    async with dispatching(models, store):
        preview = await new_video(person)
        await ended(preview)
        await store.delete(f"videos/{preview}/1/latents.npz")
        found = await ended(await new_video(person, Tier.FULL, source=source(Relation.RENDER, preview)))
    assert names(found) == ["queued", "failed"]
    assert found[-1].data["code"] == "generation_failed"


async def test_a_store_that_fails_leads_to_another_attempt(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FAULT_BACKOFF_S", 0.05)
    put, failures = MediaStore.put, iter([OSError("disk full")])

    async def failing(self: MediaStore, key: str, data: bytes) -> None:
        for failure in failures:
            raise failure
        await put(self, key, data)

    monkeypatch.setattr(MediaStore, "put", failing)
    async with dispatching(models, store):
        video = await new_video(await new_person())
        found = await ended(video)
    assert names(found)[-1] == "completed"
    assert await stored(store, video, 2) == set(FILES)


async def test_an_outage_of_the_database_ends_in_one_completion(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every connection is cut while a job is drawn; whatever attempt it takes, it completes once."""
    monkeypatch.setattr(leases, "LEASE_S", 1.0)
    monkeypatch.setattr(limits, "HEARTBEAT_S", 0.2)
    monkeypatch.setattr(limits, "POLL_S", 0.2)

    async def cut(models: Models, render: Render) -> None:
        await models.send(step(render, 1))
        if render.attempt == 1:
            await asyncio.sleep(0.1)
            rival = await asyncpg.connect(engine.url())
            await rival.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await rival.close()
        await draw(models, render)

    models.script = cut
    async with dispatching(models, store):
        video = await new_video(await new_person())
        await asyncio.sleep(0.5)
        found = await ended(video)
    assert names(found)[-1] == "completed"


@pytest.mark.parametrize("broken", ["lease", "heartbeat"])
async def test_an_error_that_nobody_expected_ends_nothing(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setattr(limits, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(limits, "POLL_S", 0.05)
    real, failures = getattr(leases, broken), 0

    async def fail_twice(*given: object, **named: object) -> object:
        nonlocal failures
        failures += 1
        if failures <= 2:
            raise ZeroDivisionError
        return await real(*given, **named)

    monkeypatch.setattr(leases, broken, fail_twice)

    async def slowly(models: Models, render: Render) -> None:
        await until(lambda: failures > 2)
        await draw(models, render)

    models.script = slowly
    async with dispatching(models, store):
        assert names(await ended(await new_video(await new_person()))) == WHOLE


async def test_a_stop_in_the_moment_of_a_wakeup_is_heard(models: Models, store: MediaStore) -> None:
    async with dispatching(models, store) as dispatcher:
        await ended(await new_video(await new_person()))
    running = asyncio.create_task(dispatcher.run())
    for _ in range(20):
        await asyncio.sleep(0)
    dispatcher.resync()
    running.cancel()
    await asyncio.wait({running}, timeout=10)
    assert running.cancelled()


async def test_a_database_that_is_away_for_a_moment_is_no_error(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(leases, "LEASE_S", 0.5)
    real, refused = leases.step, []

    async def away_once(video: str, attempt: int, **named: Any) -> bool:
        if not refused:
            refused.append(attempt)
            raise ConnectionRefusedError(111, "Connection refused")
        return await real(video, attempt, **named)

    monkeypatch.setattr(leases, "step", away_once)
    async with dispatching(models, store):
        found = await ended(await new_video(await new_person()), timeout=20)
    assert names(found)[-1] == "completed"
    assert refused == [1]
    assert "the attempt is abandoned" in caplog.text
    ours = [record for record in caplog.records if record.name.startswith("realtime.")]
    assert [record for record in ours if record.levelname == "ERROR" or record.exc_info] == []
