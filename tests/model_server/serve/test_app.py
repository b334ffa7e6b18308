"""The server as a dispatcher meets it: a real process, real sockets, the real engines."""

from __future__ import annotations

from io import BytesIO
from uuid import uuid4

import av
import msgspec
import numpy as np
import pytest
from PIL import Image
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from model_server.engine import latents
from model_server.serve.scheduler import MAX_QUEUED
from schemas.videos import ModelList, Tier
from schemas.work import (
    Cancel,
    Closenesses,
    Compare,
    Done,
    Embed,
    Fault,
    FaultCode,
    Inputs,
    Queued,
    Step,
    Stopped,
    Vectors,
)
from tests.model_server.server import Client, Server, recipe, render
from tests.product import ModelFolders


def names(count: int) -> list[str]:
    """Job ids that no other test uses."""
    return [f"video_{uuid4().hex}" for _ in range(count)]


async def test_a_swarm_shows_pictures_before_each_video_is_done(server: Server) -> None:
    jobs = names(8)
    async with server.client() as client:
        await client.send(*(render(job, recipe(seed)) for seed, job in enumerate(jobs)))
        frames = await client.until_ended(*jobs)
    videos = set()
    for job in jobs:
        mine = [frame for frame in frames if getattr(frame, "job", None) == job]
        assert isinstance(mine[0], Queued)
        steps = [frame for frame in mine if isinstance(frame, Step)]
        assert [(step.i, step.n) for step in steps] == [(i + 1, len(steps)) for i in range(len(steps))]
        for step in steps:
            assert step.picture is not None
            with Image.open(BytesIO(step.picture)) as picture:
                assert (picture.format, picture.size) == ("WEBP", (128, 192))
        done = mine[-1]
        assert isinstance(done, Done)
        with av.open(BytesIO(done.media.video)) as container:
            assert sum(1 for _ in container.decode(video=0)) == 17
        assert latents.unpack(done.latents)[latents.NATIVE].shape[2:] == (5, 6, 4)
        assert set(done.timings) == {"begin", "denoise", "decode", "encode"}
        assert done.cpu_seconds > 0
        assert done.fidelity is None
        videos.add(done.media.video)
    assert len(videos) == len(jobs)


async def test_cancelling_three_mid_way_frees_their_work(server: Server) -> None:
    jobs = names(8)
    async with server.client() as client:
        await client.send(*(render(job, recipe(seed)) for seed, job in enumerate(jobs)))
        while not isinstance(first := await client.next(), Step):
            pass
        gone = [first.job, jobs[3], jobs[6]]
        await client.send(*(Cancel(job=job) for job in gone))
        frames = await client.until_ended(*jobs)
    for job in jobs:
        ends = [f for f in frames if isinstance(f, Done | Stopped | Fault) and f.job == job]
        assert [type(end) for end in ends] == [Stopped if job in gone else Done]
    # The one that was being drawn may show the step that was running, and no more.
    assert sum(isinstance(frame, Step) and frame.job == first.job for frame in frames) <= 1
    assert not any(isinstance(frame, Step) and frame.job in gone[1:] for frame in frames)


async def test_the_same_recipe_draws_the_same_video(server: Server) -> None:
    first, second = names(2)
    async with server.client() as client:
        one, two = await client.draw(render(first, recipe(5)), render(second, recipe(5)))
    assert one.latents == two.latents
    assert one.media == two.media


async def test_a_repeat_gets_the_same_end_without_drawing(server: Server) -> None:
    [job] = names(1)
    async with server.client() as client:
        request = render(job, recipe(6))
        [done] = await client.draw(request)
        drawn = server.count('riffle_units_total{stage="denoise",tier="preview"}')
        assert await client.draw(request) == [done]
        [newer] = await client.draw(msgspec.structs.replace(request, attempt=2))
        assert (newer.attempt, newer.latents) == (2, done.latents)
        assert server.count('riffle_units_total{stage="denoise",tier="preview"}') == drawn


async def test_a_lost_connection_leaves_its_jobs_to_whoever_asks_again(server: Server) -> None:
    jobs = names(4)
    requests = [render(job, recipe(seed + 20)) for seed, job in enumerate(jobs)]
    drawn = server.count('riffle_units_total{stage="denoise",tier="preview"}')
    async with server.client() as client:
        await client.send(*requests)
        while not isinstance(first := await client.next(), Step):
            pass
    async with server.client() as client:
        ends = await client.draw(*(msgspec.structs.replace(request, attempt=2) for request in requests))
    assert [end.attempt for end in ends] == [2] * 4
    assert server.count('riffle_units_total{stage="denoise",tier="preview"}') == drawn + 4 * first.n


async def test_a_preview_goes_between_the_steps_of_a_render(server: Server) -> None:
    full, preview = names(2)
    async with server.client() as client:
        await client.send(render(full, recipe(1, Tier.FULL), Tier.FULL))
        while not isinstance(await client.next(), Step):
            pass
        await client.send(render(preview, recipe(2), owner="bob"))
        frames = await client.until_ended(preview)
        assert not any(isinstance(frame, Done) and frame.job == full for frame in frames)
        places = [n for n, f in enumerate(frames) if isinstance(f, Step) and f.job == preview]
        between = [f for f in frames[places[0] : places[-1]] if isinstance(f, Step) and f.job == full]
        assert not between
        [end] = [f for f in await client.until_ended(full) if isinstance(f, Done | Fault)]
    assert isinstance(end, Done)
    assert {name: array.shape[2:] for name, array in latents.unpack(end.latents).items()} == {
        latents.NATIVE: (5, 12, 8),
        latents.SMALL: (5, 6, 4),
    }
    with av.open(BytesIO(end.media.video)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 17


async def test_a_render_keeps_the_picked_preview(server: Server) -> None:
    preview, full = names(2)
    async with server.client() as client:
        [picked] = await client.draw(render(preview, recipe(3)))
        inputs = Inputs(preview=picked.latents)
        [done] = await client.draw(render(full, recipe(3, Tier.FULL), Tier.FULL, inputs=inputs))
    assert done.fidelity is not None
    assert 0.0 <= done.fidelity <= 1.0
    assert done.cpu_seconds > 0


@pytest.mark.parametrize("tier", list(Tier))
async def test_a_remix_lies_nearer_its_source_the_lower_its_strength(server: Server, tier: Tier) -> None:
    base, *jobs = names(3)
    async with server.client() as client:
        [source] = await client.draw(render(base, recipe(30)))
        inputs = Inputs(source=source.latents)
        strengths = (0.2, 0.95)
        remixes = await client.draw(
            *(
                render(job, recipe(31, tier, strength=strength), tier, inputs=inputs)
                for job, strength in zip(jobs, strengths, strict=True)
            )
        )
        await client.send(Compare(call="c", pairs=[(source.latents, remix.latents) for remix in remixes]))
        answer = await client.next()
    assert isinstance(answer, Closenesses)
    assert answer.values[0] > answer.values[1]


@pytest.mark.parametrize(
    ("changes", "tier", "inputs"),
    [
        ({"width": 100}, Tier.PREVIEW, Inputs()),
        ({"model": "another"}, Tier.PREVIEW, Inputs()),
        ({"frames": 16}, Tier.PREVIEW, Inputs()),
        ({"height": 96}, Tier.FULL, Inputs()),
        ({"frames": 18}, Tier.FULL, Inputs()),
        ({"strength": 0.5}, Tier.PREVIEW, Inputs(source=b"nothing")),
        ({"strength": 1.5}, Tier.FULL, Inputs(source=latents.pack(np.zeros((1, 48, 5, 6, 4))))),
        ({}, Tier.FULL, Inputs(preview=latents.pack(np.zeros((1, 7, 5, 6, 4))))),
    ],
)
async def test_a_wrong_job_fails_alone_and_says_why(
    server: Server, changes: dict[str, float | str], tier: Tier, inputs: Inputs
) -> None:
    wrong, right = names(2)
    async with server.client() as client:
        await client.send(render(wrong, recipe(1, tier, **changes), tier, inputs=inputs))
        await client.send(render(right, recipe(1)))
        frames = await client.until_ended(wrong, right)
    [fault] = [frame for frame in frames if isinstance(frame, Fault)]
    assert (fault.job, fault.code, fault.retryable) == (wrong, FaultCode.BAD_INPUT, False)
    assert fault.message
    assert any(isinstance(frame, Done) and frame.job == right for frame in frames)


async def test_beyond_the_queue_it_is_busy(server: Server) -> None:
    jobs = names(MAX_QUEUED + 6)
    async with server.client() as client:
        await client.send(*(render(job, recipe(1, Tier.FULL), Tier.FULL) for job in jobs))
        await client.send(*(Cancel(job=job) for job in jobs))
        frames = await client.until_ended(*jobs)
    faults = [frame for frame in frames if isinstance(frame, Fault)]
    assert len(faults) >= 5
    assert {(fault.code, fault.retryable) for fault in faults} == {(FaultCode.BUSY, True)}
    assert sum(isinstance(frame, Stopped) for frame in frames) == len(jobs) - len(faults)


async def test_embeddings_are_unit_vectors_that_know_meaning(server: Server) -> None:
    async with server.client() as client:
        await client.send(Embed(call="e", texts=["a kitty by the sea", "a cat at the beach", "tax law"]))
        answer = await client.next()
        assert isinstance(answer, Vectors)
        vectors = np.array(answer.vectors)
        assert vectors.shape == (3, 384)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3)
        assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
        await client.send(Embed(call="none", texts=[]))
        fault = await client.next()
    assert isinstance(fault, Fault)
    assert (fault.job, fault.attempt, fault.code) == ("none", 0, FaultCode.BAD_INPUT)


async def test_comparing_bytes_that_are_no_latents_says_so(server: Server) -> None:
    good = latents.pack(np.ones((1, 32, 5, 6, 4)))
    async with server.client() as client:
        await client.send(
            Compare(call="same", pairs=[(good, good)]), Compare(call="bad", pairs=[(good, b"")])
        )
        same, bad = await client.next(), await client.next()
    assert isinstance(same, Closenesses)
    assert same.values == [pytest.approx(1.0)]
    assert isinstance(bad, Fault)
    assert (bad.job, bad.code) == ("bad", FaultCode.BAD_INPUT)


@pytest.mark.parametrize(
    "data", [b"", b"\xc1", "text", msgspec.msgpack.encode({"type": "nope"}), msgspec.msgpack.encode(["x"])]
)
async def test_a_broken_frame_closes_with_a_reason(server: Server, data: bytes | str) -> None:
    async with server.client() as client:
        await client.socket.send(data)
        with pytest.raises(ConnectionClosed):
            await client.next()
        assert client.socket.close_code == 1003
        assert client.socket.close_reason
    async with server.client() as other:
        await still_serves(other)


async def test_a_frame_over_the_limit_ends_the_connection_alone(server: Server) -> None:
    async def flood(client: Client) -> None:
        await client.socket.send(b"\0" * (17 * 1024 * 1024))
        await client.next()

    async with server.client() as client:
        # The server may hang up before or after the last byte of it is sent.
        with pytest.raises(ConnectionClosed):
            await flood(client)
    async with server.client() as other:
        await still_serves(other)


async def still_serves(client: Client) -> None:
    """Draws one more preview."""
    await client.draw(render(*names(1), recipe(1)))


async def test_only_the_work_path_takes_sockets(server: Server) -> None:
    with pytest.raises(InvalidStatus):
        async with connect(f"ws://127.0.0.1:{server.port}/v1/other"):
            pass


def test_pages(server: Server) -> None:
    assert server.get("/health")[0] == 200
    status, body = server.get("/v1/models")
    assert status == 200
    [card] = msgspec.json.decode(body, type=ModelList).data
    assert card.sizes == {
        "preview": ["128x192", "128x128", "192x128"],
        "full": ["256x384", "256x256", "384x256"],
    }
    assert card.seconds == ["2", "3", "4", "5"]
    assert (card.fps, card.price, card.price_seconds) == (8, {"preview": 1, "full": 8}, 2)
    assert card.vocabulary
    assert server.get("/nothing")[0] == 404
    assert server.count('riffle_engine_ready{tier="full"}') == 1


def test_it_is_ready_late_serves_early_and_stops_at_once(
    model_folders: ModelFolders, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = Server(tmp_path_factory.mktemp("models"), model_folders.teacher, model_folders.bundle)
    try:
        server.wait("/health")
        status, body = server.get("/ready")
        assert (status, msgspec.json.decode(body)["ready"]) == (503, False)
        server.wait()
        assert msgspec.json.decode(server.get("/health")[1])["engines"]["preview"] == "ready"
    finally:
        assert server.stop() == 0


def test_without_a_teacher_it_is_not_ready_and_says_why(
    model_folders: ModelFolders, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("models")
    server = Server(home, home / "no-such-teacher", model_folders.bundle)
    try:
        server.wait("/v1/models")
        while b"loading" in server.get("/health")[1]:
            pass
        status, body = server.get("/ready")
        assert status == 503
        assert "no-such-teacher" in msgspec.json.decode(body)["errors"]["full"]
    finally:
        server.stop()
