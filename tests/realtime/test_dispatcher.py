"""Jobs from lease to end over a real database, a real store and a model server that misbehaves on cue."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest

from db import credits, engine, events, videos
from media.store import MediaStore, open_store
from realtime import limits, wake
from realtime.dispatcher import Dispatcher
from realtime.link import Link
from schemas.events import Event, Name, video_stream
from schemas.videos import Relation, Status, Tier
from schemas.work import Render
from tests.realtime.models import Models, done, draw, fault, step
from tests.realtime.world import new_cameo, new_person, new_video, now, revoke_cameo, source, until

ENDS = {Name.VIDEO_COMPLETED, Name.VIDEO_FAILED, Name.VIDEO_CANCELLED}
FILES = ("video.mp4", "thumbnail.webp", "spritesheet.jpg", "latents.npz")


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return open_store((tmp_path / "media").as_uri())


@pytest.fixture
async def models(database: object) -> AsyncIterator[Models]:
    async with Models().running() as running:
        yield running


@contextlib.asynccontextmanager
async def dispatching(models: Models, store: MediaStore, *, deaf: bool = False) -> AsyncIterator[Dispatcher]:
    """A dispatcher with its wake-ups; `deaf` = without."""
    dispatcher = Dispatcher(Link(models.url), store)
    handlers: dict[str, Callable[[str], None]] = {
        events.WORK: dispatcher.work_arrived,
        events.CANCEL: dispatcher.cancelled,
    }
    tasks = [asyncio.create_task(dispatcher.run())]
    if not deaf:
        tasks.append(asyncio.create_task(wake.Wake(engine.url(), handlers, dispatcher.doubt).run()))
    try:
        yield dispatcher
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def log(video: str) -> list[Event]:
    return await events.since(video_stream(video), 0, limit=200)


async def ended(video: str, timeout: float = 10) -> list[Event]:
    """All events of a video once it has ended: numbered without holes, exactly one end."""

    async def over() -> bool:
        return any(event.name in ENDS for event in await log(video))

    await until(over, timeout)
    await asyncio.sleep(0.05)
    found = await log(video)
    assert [event.seq for event in found] == list(range(1, len(found) + 1))
    assert sum(event.name in ENDS for event in found) == 1
    return found


async def drawing(video: str) -> None:
    """Its first step has been told."""

    async def begun() -> bool:
        return len(await log(video)) >= 3

    await until(begun)


def names(found: list[Event]) -> list[str]:
    return [event.name.removeprefix("video.") for event in found]


async def stored(store: MediaStore, video: str, attempt: int) -> set[str]:
    found = set()
    for name in FILES:
        with contextlib.suppress(FileNotFoundError):
            await store.size(f"videos/{video}/{attempt}/{name}")
            found.add(name)
    return found


WHOLE = ["queued", "started", "step", "step", "step", "step", "completed"]


async def test_a_swarm_from_queue_to_media(models: Models, store: MediaStore) -> None:
    person = await new_person()
    async with dispatching(models, store):
        made = [await new_video(person) for _ in range(8)]
        for video in made:
            found = await ended(video)
            assert names(found) == WHOLE
            assert [event.picture for event in found if event.name == Name.VIDEO_STEP] == [
                b"picture %d" % i for i in (1, 2, 3, 4)
            ]
            assert await stored(store, video, 1) == set(FILES)
            row = await videos.get(video, person)
            assert row.status == Status.COMPLETED
    assert {render.owner for render in models.renders} == {person}
    assert sorted(render.job for render in models.renders) == sorted(made)


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
            await models.send(fault(render, "internal", retryable=True))
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
        await models.send(fault(render, "internal", retryable=True))

    models.script = always
    person = await new_person()
    before = await credits.balance(person)
    async with dispatching(models, store):
        found = await ended(await new_video(person))
    assert names(found)[-1] == "failed"
    assert await credits.balance(person) == before


async def test_a_final_fault_fails_at_once(models: Models, store: MediaStore) -> None:
    async def always(models: Models, render: Render) -> None:
        await models.send(fault(render, "bad_input", retryable=False))

    models.script = always
    person = await new_person()
    before = await credits.balance(person)
    async with dispatching(models, store):
        video = await new_video(person)
        found = await ended(video)
    assert names(found) == ["queued", "started", "failed"]
    assert len(models.renders) == 1
    assert await credits.balance(person) == before


async def test_a_full_queue_costs_no_attempt(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BUSY_BACKOFF_S", 0.02)

    async def busy(models: Models, render: Render) -> None:
        if len(models.renders) < 8:
            await models.send(fault(render, "busy", retryable=True))
        else:
            await draw(models, render)

    models.script = busy
    async with dispatching(models, store):
        assert names(await ended(await new_video(await new_person()))) == WHOLE
    assert {render.attempt for render in models.renders} == {1}


async def test_cancel_reaches_the_model_server_at_once(models: Models, store: MediaStore) -> None:
    async def slow(models: Models, render: Render) -> None:
        await models.send(step(render, 1))
        await asyncio.sleep(60)

    models.script = slow
    person = await new_person()
    async with dispatching(models, store) as dispatcher:
        video = await new_video(person)
        await drawing(video)
        await videos.cancel(video, person, now=now())
        await until(lambda: models.cancels == [video] and not dispatcher._running, 1)
        assert names(await ended(video)) == ["queued", "started", "step", "cancelled"]
    assert await stored(store, video, 1) == set()


async def test_a_late_end_of_a_lost_lease_writes_nothing(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two dispatchers, each with its model server: the first loses its lease while it draws, ends late."""
    monkeypatch.setattr(limits, "LEASE_S", 1.0)
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
        first._link._socket = None  # It leases no more: the next attempt is the other's.
        monkeypatch.setattr(limits, "LEASE_S", 10.0)
        async with Models().running() as healthy, dispatching(healthy, store):
            found = await ended(video)
            assert names(found)[:5] == ["queued", "started", "step", "queued", "started"]
            go.set()
            await until(lambda: not first._running)
    assert await log(video) == found
    assert [render.attempt for render in healthy.renders] == [2]
    assert await stored(store, video, 1) == set()
    assert await stored(store, video, 2) == set(FILES)


async def test_a_stop_gives_work_back_at_once(models: Models, store: MediaStore) -> None:
    async def hang_first(models: Models, render: Render) -> None:
        await models.send(step(render, 1))
        if render.attempt == 1:
            await asyncio.sleep(60)
        await draw(models, render)

    models.script = hang_first
    person = await new_person()
    async with dispatching(models, store):
        video = await new_video(person)
        await drawing(video)
    assert (await videos.get(video, person)).status == Status.QUEUED
    async with dispatching(models, store):
        found = await ended(video)
    assert names(found)[-1] == "completed"


async def test_work_is_found_without_wake_ups(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "POLL_S", 0.1)
    async with dispatching(models, store, deaf=True):
        assert names(await ended(await new_video(await new_person()))) == WHOLE


async def test_no_more_is_leased_than_the_window_holds(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_PREVIEWS", 3)
    monkeypatch.setattr(limits, "MAX_RENDERS", 1)
    go = asyncio.Event()

    async def wait(models: Models, render: Render) -> None:
        await go.wait()
        await draw(models, render)

    models.script = wait
    person = await new_person()
    made = [await new_video(person) for _ in range(7)]
    made += [await new_video(person, Tier.FULL) for _ in range(2)]
    async with dispatching(models, store):
        await until(lambda: len(models.renders) == 4)
        await asyncio.sleep(0.2)
        assert sorted(render.tier for render in models.renders) == ["full", "preview", "preview", "preview"]
        go.set()
        for video in made:
            assert names(await ended(video)) == WHOLE


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


async def test_a_render_gets_its_preview_and_is_compared_with_it(models: Models, store: MediaStore) -> None:
    person = await new_person()
    async with dispatching(models, store):
        preview = await new_video(person)
        await ended(preview)
        render = await new_video(person, Tier.FULL, source=source(Relation.RENDER, preview))
        await ended(render)
        remix = await new_video(person, source=source(Relation.REMIX, preview))
        await ended(remix)
    latents = b"latents of " + preview.encode()
    assert [(one.inputs.preview, one.inputs.source) for one in models.renders] == [
        (None, None),
        (latents, None),
        (None, latents),
    ]
    assert models.compared == [(b"latents of " + made.encode(), latents) for made in (render, remix)]
    measured = await engine.fetch(
        "SELECT video_id, other_id, value FROM closenesses WHERE other_id = $1", preview
    )
    assert {(row["video_id"], row["value"]) for row in measured} == {(render, 0.75), (remix, 0.75)}
    assert (await videos.get(render, person)).fidelity == 0.9


async def test_a_source_without_latents_is_a_failure_with_a_reason(models: Models, store: MediaStore) -> None:
    person = await new_person()
    async with dispatching(models, store):
        preview = await new_video(person)
        await ended(preview)
        await store.delete(f"videos/{preview}/1/latents.npz")
        found = await ended(await new_video(person, Tier.FULL, source=source(Relation.RENDER, preview)))
    assert names(found) == ["queued", "started", "failed"]
    assert found[-1].data["code"] == "generation_failed"


@pytest.mark.parametrize("when", ["before", "during"])
async def test_consent_is_asked_again(models: Models, store: MediaStore, when: str) -> None:
    person, cameo = await new_person(), await new_cameo(await new_person())

    async def revoke(models: Models, render: Render) -> None:
        await models.send(step(render, 1))
        await revoke_cameo(cameo)
        await models.send(done(render))

    models.script = revoke
    video = await new_video(person, cameos=[cameo])
    if when == "before":
        await revoke_cameo(cameo)
    async with dispatching(models, store):
        found = await ended(video)
    assert found[-1].data["code"] == "consent_revoked"
    assert len(models.renders) == (when == "during")
    assert await stored(store, video, 1) == set()


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
    monkeypatch.setattr(limits, "LEASE_S", 1.0)
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
