"""The main job end to end, over the real product, as its clients see it."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import av
import numpy as np
import pytest
from openai import OpenAI
from websockets.asyncio.client import ClientConnection, connect

from media.provenance import read_manifests as read_manifest
from tests.product import Product

ENDINGS = {"video.completed", "video.failed", "video.cancelled"}


@asynccontextmanager
async def phone(
    product: Product, token: str, follow: list[dict[str, Any]]
) -> AsyncIterator[ClientConnection]:
    """A connected phone that has said hello; a gateway that is being restarted is waited for."""
    async with asyncio.timeout(30):
        while await asyncio.to_thread(product.call_health, "realtime") != 200:  # noqa: ASYNC110 - nothing to wait on
            await asyncio.sleep(0.1)
    status, ticket = await asyncio.to_thread(product.call, "POST", "/v1/realtime/ticket", {}, token)
    assert status in (200, 201), ticket
    async with connect(ticket["url"], subprotocols=["riffle.v1"], max_size=None) as socket:  # type: ignore[list-item]
        await socket.send(json.dumps({"type": "hello", "ticket": ticket["ticket"], "follow": follow}))
        yield socket


async def read(socket: ClientConnection, streams: set[str], within_s: float = 120) -> list[dict[str, Any]]:
    """Frames until every stream has ended; a binary frame is put into its event as `bytes`."""
    frames: list[dict[str, Any]] = []
    async with asyncio.timeout(within_s):
        while streams:
            raw = await socket.recv()
            if isinstance(raw, bytes):
                assert frames[-1].get("picture"), "a picture that no event announced"
                frames[-1]["bytes"] = raw
                continue
            frames.append(json.loads(raw))
            if frames[-1].get("name") in ENDINGS:
                streams = streams - {frames[-1]["stream"]}
    return frames


def frames_of(mp4: bytes) -> np.ndarray[Any, Any]:
    """All frames, uint8 [frames, height, width, 3]."""
    with av.open(io.BytesIO(mp4)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def small(video: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Block means on an 8x8 grid per frame: what stays when detail is taken away; float [frames, 8, 8, 3]."""
    frames, height, width, _ = video.shape
    cut = video[:, : height // 8 * 8, : width // 8 * 8].astype(np.float32)
    return cut.reshape(frames, 8, height // 8, 8, width // 8, 3).mean((2, 4))


def test_a_swarm_is_drawn_live_and_three_are_cancelled(product: Product) -> None:
    token = product.sign_up()
    before = product.call("GET", "/v1/me/credits", token=token)[1]
    status, first = product.call(
        "POST", "/v1/videos", {"prompt": "a fox jumps in a forest at night", "n": 8}, token
    )
    assert status == 200, first
    ids = first["swarm"]["video_ids"]
    assert len(ids) == 8
    assert ids[0] == first["id"]

    async def watch() -> list[dict[str, Any]]:
        follow = [{"stream": f"video:{video_id}", "after": 0} for video_id in ids]
        async with phone(product, token, follow) as socket:
            for video_id in ids[-3:]:
                reply = await asyncio.to_thread(
                    product.call, "POST", f"/v1/videos/{video_id}/cancel", None, token
                )
                assert reply[0] == 200, reply
                assert reply[1]["status"] == "cancelled"
            return await read(socket, {f"video:{video_id}" for video_id in ids})

    frames = asyncio.run(watch())
    for video_id in ids:
        events = [f for f in frames if f["type"] == "event" and f["stream"] == f"video:{video_id}"]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        names = [event["name"] for event in events]
        assert names[0] == "video.queued"
        if video_id in ids[-3:]:
            assert names[-1] == "video.cancelled"
        else:
            assert names[-1] == "video.completed"
            assert any(event.get("bytes", b"")[8:12] == b"WEBP" for event in events[:-1])
    credits = product.call("GET", "/v1/me/credits", token=token)[1]
    assert credits["held"] == 0
    assert before["balance"] - credits["balance"] == 5 * first["cost"]["credits"]
    videos = [product.call("GET", f"/v1/videos/{video_id}", token=token)[1] for video_id in ids[:5]]
    assert len({video["seed"] for video in videos}) == 5


def test_the_openai_sdk_works_unchanged(product: Product) -> None:
    client = OpenAI(api_key=product.sign_up(), base_url=product.url + "/v1", max_retries=0)
    video = client.videos.create_and_poll(prompt="a penguin walks left in the snow by day")
    assert video.status == "completed"
    mp4 = client.videos.download_content(video.id).read()
    assert frames_of(mp4).shape[0] >= 17
    assert mp4.index(b"moov") < mp4.index(b"mdat")
    credentials = read_manifest(mp4)
    assert credentials is not None
    assert credentials["validation_state"] == "Valid"
    assert client.videos.download_content(video.id, variant="thumbnail").read()
    assert client.videos.download_content(video.id, variant="spritesheet").read()
    remix = client.videos.remix(video.id, prompt="a penguin walks left in the snow at night")
    assert remix.remixed_from_video_id == video.id
    assert client.videos.poll(remix.id).status == "completed"
    for _ in range(3):
        client.videos.create(prompt="a dog on a beach")
    listed = [item.id for item in client.videos.list(limit=2)]
    assert len(listed) == len(set(listed)) == 5
    assert client.videos.retrieve(listed[-1]).id == video.id
    assert client.videos.delete(remix.id).deleted


def test_the_same_seed_draws_the_same_and_the_render_keeps_it(product: Product) -> None:
    token = product.sign_up()
    body = {"prompt": "a rocket floats up in space at night", "seed": 7}
    twins = [product.call("POST", "/v1/videos", body, token)[1]["id"] for _ in range(2)]
    other = product.call("POST", "/v1/videos", {**body, "seed": 8}, token)[1]["id"]
    pixels = {}
    client = OpenAI(api_key=token, base_url=product.url + "/v1")
    for video_id in [*twins, other]:
        assert product.wait(video_id, token)["status"] == "completed"
        pixels[video_id] = frames_of(client.videos.download_content(video_id).read())
    assert np.array_equal(pixels[twins[0]], pixels[twins[1]])
    assert not np.array_equal(pixels[twins[0]], pixels[other])
    status, render = product.call("POST", f"/v1/videos/{twins[0]}/render", {}, token)
    assert status == 200, render
    done = product.wait(render["id"], token, within_s=300)
    assert done["status"] == "completed", done
    assert done["tier"] == "full"
    assert done["cost"]["cpu_seconds"] > 0
    assert 0 <= done["fidelity"] <= 1
    full = frames_of(client.videos.download_content(render["id"]).read())
    assert full.shape[2] >= pixels[other].shape[2]
    distance = {key: float(np.abs(small(full) - small(value)).mean()) for key, value in pixels.items()}
    assert distance[twins[0]] < distance[other]


def test_fifty_parallel_creates_with_one_key_make_one_job(product: Product) -> None:
    token = product.sign_up()

    def create(_: int) -> tuple[int, Any]:
        body = {"prompt": "a cat on a beach", "n": 1}
        return product.call("POST", "/v1/videos", body, token, idempotency_key="only-once")

    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(create, range(50)))
    assert {status for status, _ in replies} == {200}
    assert len({video["id"] for _, video in replies}) == 1
    status, reply = product.call(
        "POST", "/v1/videos", {"prompt": "a dog on a beach"}, token, idempotency_key="only-once"
    )
    assert status == 409
    assert reply["error"]["code"] == "idempotency_mismatch"
    assert len(product.call("GET", "/v1/videos", token=token)[1]["data"]) == 1


def test_a_socket_cut_anywhere_resumes_exactly(product: Product) -> None:
    token = product.sign_up()
    video = product.call("POST", "/v1/videos", {"prompt": "a robot spins in a room"}, token)[1]
    stream = f"video:{video['id']}"
    product.wait(video["id"], token)

    async def events(position: dict[str, Any]) -> list[dict[str, Any]]:
        async with phone(product, token, [{"stream": stream, **position}]) as socket:
            frames = await read(socket, {stream})
        assert frames[0]["type"] == "welcome"
        assert frames[0]["recovered"] is True
        return [frame for frame in frames if frame["type"] == "event"]

    whole = asyncio.run(events({"after": 0}))
    epoch = whole[0]["epoch"]
    for cut in range(len(whole)):
        rest = asyncio.run(events({"epoch": epoch, "after": cut}))
        assert [event["seq"] for event in rest] == [event["seq"] for event in whole[cut:]]


@pytest.mark.parametrize("word", ["models", "realtime", "api"])
def test_a_killed_part_loses_nothing(product: Product, word: str) -> None:
    kill_while_drawing(product, word, 0.7)


@pytest.mark.long
@pytest.mark.parametrize("tenths", range(0, 20, 2))
@pytest.mark.parametrize("word", ["models", "realtime", "api"])
def test_a_part_killed_at_any_moment_loses_nothing(product: Product, word: str, tenths: int) -> None:
    kill_while_drawing(product, word, tenths / 10)


def kill_while_drawing(product: Product, word: str, after_s: float) -> None:
    """SIGKILL a part `after_s` seconds after six previews were asked for: each completes and is paid once."""
    token = product.sign_up()
    status, first = product.call("POST", "/v1/videos", {"prompt": "a duck falls in a meadow", "n": 6}, token)
    assert status == 200, first
    ids = first["swarm"]["video_ids"]
    time.sleep(after_s)
    product.kill(word)
    for video_id in ids:
        assert product.wait(video_id, token)["status"] == "completed"
    credits = product.call("GET", "/v1/me/credits", token=token)[1]
    assert credits["held"] == 0
    start = 1000
    assert credits["balance"] == start - 6 * first["cost"]["credits"]

    async def names(video_id: str) -> list[str]:
        stream = f"video:{video_id}"
        async with phone(product, token, [{"stream": stream, "after": 0}]) as socket:
            frames = [frame for frame in await read(socket, {stream}) if frame["type"] == "event"]
        assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
        return [frame["name"] for frame in frames]

    product.wait_until_up()
    for video_id in ids:
        assert asyncio.run(names(video_id)).count("video.completed") == 1


def test_posts_fill_trends_and_lanes_by_closeness(product: Product) -> None:
    token = product.sign_up()

    def made(path: str, prompt: str) -> str:
        status, video = product.call("POST", path, {"prompt": prompt, "seed": 3}, token)
        assert status == 200, video
        assert product.wait(video["id"], token)["status"] == "completed"
        return str(video["id"])

    def post(video_id: str) -> dict[str, Any]:
        status, reply = product.call("POST", "/v1/posts", {"video_id": video_id, "caption": "look"}, token)
        assert status == 201, reply
        return dict(reply)

    root = made("/v1/videos", "a lion walks right in a desert by day")
    trend = post(root)
    near = post(made(f"/v1/videos/{root}/remix", "a lion walks right in a desert at sunset"))
    far = post(made(f"/v1/videos/{root}/remix", "a boat in the ocean at night"))
    assert {near["trend_id"], far["trend_id"]} == {trend["trend_id"]}
    lane = product.call("GET", f"/v1/trends/{trend['trend_id']}/lane?order=closeness", token=token)[1]
    values = [
        item["post"]["closeness"]["root"] for item in lane["items"] if item["post"]["id"] != trend["id"]
    ]
    assert len(values) == 2
    assert values == sorted(values, reverse=True)
    feed = product.call("GET", "/v1/feed?cut=fresh", token=token)[1]
    item = next(item for item in feed["items"] if item["trend"]["id"] == trend["trend_id"])
    assert item["trend"]["posts"] == 3
    assert product.call("PUT", f"/v1/posts/{near['id']}/like", None, token)[0] in (200, 204)
    assert product.call("GET", f"/v1/posts/{near['id']}", token=token)[1]["likes"] == 1


def test_a_cameo_is_asked_for_and_approved_before_it_is_used(product: Product) -> None:
    owner, friend = product.sign_up(), product.sign_up()
    cameo = product.call(
        "POST", "/v1/cameos", {"display_name": "Ada", "audience": "people_i_approve"}, owner
    )[1]
    body = {"prompt": "a cat on a beach", "cameos": [cameo["id"]]}
    balance = product.call("GET", "/v1/me/credits", token=friend)[1]["balance"]
    status, refusal = product.call("POST", "/v1/videos", body, friend)
    assert status == 403
    assert refusal["error"]["code"] == "consent_refused"
    assert product.call("GET", "/v1/me/credits", token=friend)[1]["balance"] == balance
    grant = product.call("POST", f"/v1/cameos/{cameo['id']}/requests", {}, friend)[1]
    assert grant["status"] == "pending"
    assert product.call("POST", f"/v1/cameo-requests/{grant['id']}/accept", None, friend)[0] in (403, 404)
    assert (
        product.call("POST", f"/v1/cameo-requests/{grant['id']}/accept", None, owner)[1]["status"]
        == "accepted"
    )
    status, video = product.call("POST", "/v1/videos", body, friend)
    assert status == 200, video
    assert product.wait(video["id"], friend)["status"] == "completed"
    assert (
        product.call("GET", f"/v1/cameos/{cameo['id']}/uses", token=owner)[1]["data"][0]["video_id"]
        == video["id"]
    )
    assert (
        product.call("POST", f"/v1/cameos/{cameo['id']}/revoke", {"grant_id": grant["id"]}, owner)[0] == 200
    )
    assert product.call("POST", "/v1/videos", body, friend)[0] == 403
