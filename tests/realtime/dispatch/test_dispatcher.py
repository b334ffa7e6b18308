"""Jobs from lease to end over a real database, a real store and a scripted model server."""

from __future__ import annotations

import asyncio

import pytest

from db import engine
from domain.videos import transitions, visibility
from domain.videos.leases import LeasedJob
from media.store import MediaStore
from realtime import limits
from realtime.dispatch.inputs import load_inputs
from schemas.events import EventName
from schemas.videos import Relation, Status, Tier
from schemas.work import Inputs, Render
from tests.build import FILES, source
from tests.realtime.jobs import WHOLE, dispatching, drawing, ended, names, stored
from tests.realtime.models import Models, done, draw, step
from tests.realtime.world import new_cameo, new_person, new_video, now, revoke_cameo, until


async def test_a_swarm_from_queue_to_media(models: Models, store: MediaStore) -> None:
    person = await new_person()
    async with dispatching(models, store):
        made = [await new_video(person) for _ in range(8)]
        for video in made:
            found = await ended(video)
            assert names(found) == WHOLE
            assert [event.picture for event in found if event.name == EventName.VIDEO_STEP] == [
                b"picture %d" % i for i in (1, 2, 3, 4)
            ]
            assert await stored(store, video, 1) == set(FILES)
            row = await visibility.get_viewable(video, person, now())
            assert row.status == Status.COMPLETED
    assert {render.owner for render in models.renders} == {person}
    assert sorted(render.id for render in models.renders) == sorted(made)


async def test_cancel_reaches_the_model_server_at_once(models: Models, store: MediaStore) -> None:
    async def slow(models: Models, render: Render) -> None:
        await models.send(step(render, 1))
        await asyncio.sleep(60)

    models.script = slow
    person = await new_person()
    async with dispatching(models, store) as dispatcher:
        video = await new_video(person)
        await drawing(video)
        await transitions.cancel(video, person, now=now())
        await until(lambda: models.cancels == [video] and not dispatcher.running_jobs, 1)
        assert names(await ended(video)) == ["queued", "started", "step", "cancelled"]
    assert await stored(store, video, 1) == set()


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
    assert (await visibility.get_viewable(video, person, now())).status == Status.QUEUED
    async with dispatching(models, store):
        found = await ended(video)
    assert names(found)[-1] == "completed"


async def test_work_is_found_without_wake_ups(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "POLL_S", 0.1)
    async with dispatching(models, store, deaf=True):
        assert names(await ended(await new_video(await new_person()))) == WHOLE


@pytest.mark.parametrize(("slow_s", "held"), [(0.2, True), (3.0, False)])
async def test_jobs_are_sent_in_the_order_of_their_leases(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch, slow_s: float, held: bool
) -> None:
    """Those whose inputs load first wait for the ones before them; one that takes long holds up nobody."""
    loading: list[str] = []

    async def load_slowly(job: LeasedJob, store: MediaStore) -> Inputs:
        loading.append(job.id)
        if job.id == made[0]:
            await asyncio.sleep(slow_s)
        return await load_inputs(job, store)

    monkeypatch.setattr("realtime.dispatch.job.load_inputs", load_slowly)
    person = await new_person()
    made = [await new_video(person) for _ in range(3)]
    async with dispatching(models, store):
        await until(lambda: len(models.renders) == 3, slow_s + 5)
        assert sorted(loading) == sorted(made)
        sent = [render.id for render in models.renders]
        if held:
            assert sent == made
        else:
            assert sent[-1] == made[0]
        for video in made:
            await ended(video)


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
    assert (await visibility.get_viewable(render, person, now())).fidelity == 0.9


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


async def test_a_job_that_heard_of_its_end_by_itself_is_stopped_at_the_model_server_too(
    models: Models, store: MediaStore
) -> None:
    """As at its next step, a moment before the notification comes."""
    async with dispatching(models, store) as dispatcher:
        await until(lambda: models.connections == 1)
        dispatcher.video_cancelled("video_that_is_not_running_any_more")
        await until(lambda: models.cancels == ["video_that_is_not_running_any_more"])
