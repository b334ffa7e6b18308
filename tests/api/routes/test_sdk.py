"""The openai SDK, unchanged, against a served process."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from domain.videos import leases
from media.credentials import credentials
from media.provenance import Claims, Signer
from media.store import MediaStore, open_store
from realtime.dispatch.inputs import load_inputs
from settings import PROJECT
from tests import clips
from tests.api.people import PASSWORD
from tests.build import SHEET, THUMBNAIL, VIDEO, finish, lease_all, loose

# On a busy machine.
START_WITHIN_S = 120.0


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def url(database_url: str, home: Path) -> Iterator[str]:
    """A served process, and its end: SIGTERM must be enough."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {
        **os.environ,
        "RIFFLE_HOME": str(home),
        "RIFFLE_API_PORT": str(port),
        "RIFFLE_DATABASE_URL": database_url,
    }
    process = subprocess.Popen([sys.executable, "-m", "tests.api.serve"], cwd=PROJECT, env=env)
    base = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_WITHIN_S
        while not _ready(base):
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server is not ready"
            time.sleep(0.1)
        yield base
    finally:
        process.terminate()
        assert process.wait(10) == 0


def _ready(base: str) -> bool:
    try:
        return httpx.get(f"{base}/ready", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def served_media(home: Path) -> MediaStore:
    return open_store((home / "media").as_uri())


@pytest.fixture
def client(database: Any, url: str, request: pytest.FixtureRequest) -> openai.OpenAI:
    handle = f"sdk_{abs(hash(request.node.name)) % 10**9}"
    return openai.OpenAI(base_url=f"{url}/v1", api_key=sign_up(f"{url}/v1", handle), max_retries=0)


def sign_up(base_url: str, handle: str) -> str:
    """The token of a new account."""
    reply = httpx.post(f"{base_url}/accounts", json={"handle": handle, "password": PASSWORD})
    assert reply.status_code == 201, reply.text
    token: str = reply.json()["session"]["access_token"]
    return token


async def _waiting(client: openai.OpenAI) -> str:
    """The id of the one video that was asked for, as soon as it is there."""
    for _ in range(200):
        listed = client.videos.list().data
        if listed:
            return listed[0].id
        await asyncio.sleep(0.05)
    raise AssertionError("no video appears")


async def test_create_and_poll_then_download(client: openai.OpenAI, served_media: MediaStore) -> None:
    poller = openai.AsyncOpenAI(base_url=client.base_url, api_key=client.api_key)
    making = asyncio.create_task(poller.videos.create_and_poll(prompt="a cat", model="riffle-tiny"))
    made = await _waiting(client)
    await finish(made, served_media)
    async with asyncio.timeout(20):
        video = await making
    assert (video.id, video.status, video.progress) == (made, "completed", 100)
    assert (video.seconds, video.size, video.error) == ("2", "128x192", None)
    content = client.videos.download_content
    assert content(made).read() == content(made, variant="video").read() == VIDEO
    assert content(made, variant="thumbnail").read() == THUMBNAIL
    assert content(made, variant="spritesheet").read() == SHEET


async def test_retrieve_list_remix_and_delete(client: openai.OpenAI, served_media: MediaStore) -> None:
    made = [client.videos.create(prompt=f"a cat, number {number}").id for number in range(5)]
    assert [video.id for video in client.videos.list(limit=2, order="asc")] == made
    assert [video.id for video in client.videos.list(limit=2)] == made[::-1]
    assert client.videos.retrieve(made[0]).status == "queued"
    await finish(made[0], served_media)
    remix = client.videos.remix(made[0], prompt="a dog on a beach")
    assert (remix.remixed_from_video_id, remix.prompt) == (made[0], "a dog on a beach")
    assert client.videos.delete(made[0]).deleted is True
    with pytest.raises(openai.NotFoundError) as missing:
        client.videos.retrieve(made[0])
    assert missing.value.code == "not_found"
    assert missing.value.request_id


def by_id(video_id: str) -> dict[str, Any]:
    """A source by its id, beside the SDK, which takes only files for `video`, whatever its types say."""
    return {"video": openai.omit, "extra_body": {"video": {"id": video_id}}}


async def test_edit_and_extend(client: openai.OpenAI, served_media: MediaStore) -> None:
    made = client.videos.create(prompt="a cat").id
    with pytest.raises(openai.ConflictError) as early:
        client.videos.edit(prompt="a dog", **by_id(made))
    assert early.value.code == "not_ready"
    await finish(made, served_media)
    edited = client.videos.edit(
        prompt="a dog",
        video=openai.omit,  # type: ignore[arg-type]
        extra_body={"video": {"id": made}, "strength": 0.5, "n": 2},
    )
    found: dict[str, Any] = edited.to_dict()
    assert (edited.status, edited.prompt, found["source"]["relation"]) == ("queued", "a dog", "edit")
    assert (found["source"]["video_ids"], found["source"]["strength"]) == ([made], 0.5)
    assert len(found["swarm"]["video_ids"]) == 2
    longer = client.videos.extend(prompt="a cat runs", seconds="4", **by_id(made))
    found = longer.to_dict()
    assert (longer.seconds, found["source"]["relation"], found["source"]["video_ids"]) == (
        "4",
        "extend",
        [made],
    )
    assert {longer.id, edited.id} < {video.id for video in client.videos.list()}
    with pytest.raises(openai.BadRequestError) as refusal:
        client.videos.extend(prompt="a cat", seconds="12", **by_id(made))
    assert (refusal.value.code, refusal.value.param) == ("invalid_request", "seconds")
    with pytest.raises(openai.NotFoundError):
        client.videos.edit(prompt="a cat", **by_id("video_nobody"))


async def test_edit_and_extend_by_the_file(
    client: openai.OpenAI, served_media: MediaStore, home: Path
) -> None:
    """Only the very file that was downloaded names its video."""
    made = client.videos.create(prompt="a cat").id
    (key, *_) = await finish(made, served_media)
    signed = Signer(credentials(home)).sign(VIDEO, Claims(video_id=made, model="riffle-tiny"))
    await served_media.put(key, signed)
    file = client.videos.download_content(made).read()
    assert file == signed
    edited = client.videos.edit(prompt="a dog", video=file).to_dict()
    assert edited["source"]["video_ids"] == [made]  # type: ignore[index]
    longer = client.videos.extend(prompt="a dog", seconds="2", video=("cat.mp4", file, "video/mp4")).to_dict()
    assert longer["source"]["relation"] == "extend"  # type: ignore[index]
    changed = bytearray(file)
    changed[len(file) - 10] ^= 1
    for other in (VIDEO, bytes(changed), b"no video", b""):
        with pytest.raises(openai.BadRequestError) as refusal:
            client.videos.edit(prompt="a dog", video=other)
        assert (refusal.value.code, refusal.value.param) == ("invalid_request", "video")
    # Somebody else's draft stays theirs, whoever has its file.
    stranger = sign_up(str(client.base_url).rstrip("/"), "sdk_stranger")
    with pytest.raises(openai.NotFoundError):
        client.with_options(api_key=stranger).videos.edit(prompt="a dog", video=file)


async def test_a_character_is_a_cameo_for_oneself(client: openai.OpenAI, served_media: MediaStore) -> None:
    clip = clips.mp4(clips.scene(4711))
    made = client.videos.create_character(name="My hamster", video=("hamster.mp4", clip, "video/mp4"))
    assert made.name == "My hamster"
    assert made.id is not None
    found = client.videos.get_character(made.id)
    assert (found.id, found.name, found.created_at) == (made.id, "My hamster", made.created_at)
    base, headers = str(client.base_url), {"authorization": f"Bearer {client.api_key}"}
    async with httpx.AsyncClient(base_url=base, headers=headers) as raw:
        cameo = (await raw.get(f"cameos/{made.id}")).json()
        assert (cameo["audience"], cameo["has_reference"]) == ("only_me", True)
        kept = await raw.get(f"cameos/{made.id}/reference")
        assert kept.headers["content-type"] == "video/mp4"
    video = client.videos.create(prompt="a cat on a beach", extra_body={"cameos": [made.id]}).to_dict()
    assert video["cameos"] == [made.id]
    assert video["recipe"]["likeness"] == made.id  # type: ignore[index]
    for name, sent, param in (("Hamster", b"no clip", None), ("", clip, "name")):
        with pytest.raises(openai.BadRequestError) as refusal:
            client.videos.create_character(name=name, video=sent)
        assert refusal.value.param == param
    with pytest.raises(openai.NotFoundError):
        client.videos.get_character("cameo_nobody")
    stranger = client.with_options(api_key=sign_up(base.rstrip("/"), "sdk_copycat"))
    with pytest.raises(openai.PermissionDeniedError) as copied:
        stranger.videos.create_character(name="Mine", video=clip)
    assert copied.value.code == "likeness_protected"


async def test_a_first_picture(client: openai.OpenAI, served_media: MediaStore, database: Any) -> None:
    written = io.BytesIO()
    Image.fromarray(clips.scene(815)[0]).save(written, "PNG")
    photo = ("me.png", written.getvalue(), "image/png")
    made = client.videos.create(prompt="a cat", input_reference=photo, extra_body={"n": 2}).to_dict()
    assert made["recipe"]["input_reference"] is True  # type: ignore[index]
    ids: list[str] = made["swarm"]["video_ids"]  # type: ignore[index,assignment]
    for video_id in ids:
        with Image.open(io.BytesIO(await served_media.get(f"videos/{video_id}/input.webp"))) as kept:
            assert (kept.format, kept.size) == ("WEBP", (128, 128))
    job = next(job for job in await lease_all(now=datetime.now(UTC)) if job.id == ids[0])
    inputs = await load_inputs(job, served_media)
    assert inputs.begin == await served_media.get(f"videos/{ids[0]}/input.webp")
    await leases.release(job.id, job.attempt, now=datetime.now(UTC))
    await finish(ids[0], served_media)
    base = {"base_url": str(client.base_url), "headers": {"authorization": f"Bearer {client.api_key}"}}
    async with httpx.AsyncClient(**base) as raw:  # type: ignore[arg-type]
        render = (await raw.post(f"videos/{ids[0]}/render")).json()
        again = next(job for job in await lease_all(now=datetime.now(UTC)) if job.id == render["id"])
        assert (await load_inputs(again, served_media)).begin == inputs.begin
        url = f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"
        by_url = await raw.post("videos", json={"prompt": "a cat", "input_reference": {"image_url": url}})
        assert by_url.status_code == 200, by_url.text
        for wrong in ({"image_url": "https://example.org/cat.png"}, {"file_id": "file_1"}, {}):
            reply = await raw.post("videos", json={"prompt": "a cat", "input_reference": wrong})
            assert (reply.status_code, reply.json()["error"]["param"]) == (400, "input_reference")
        both = {"relation": "remix", "video_ids": [ids[0]]}
        reply = await raw.post(
            "videos", json={"prompt": "a", "source": both, "input_reference": {"image_url": url}}
        )
        assert (reply.status_code, reply.json()["error"]["param"]) == (400, "input_reference")
    client.videos.delete(ids[0])
    assert f"videos/{ids[0]}/input.webp" in await loose()


async def test_our_fields_travel_in_the_sdks_form(client: openai.OpenAI, served_media: MediaStore) -> None:
    source = client.videos.create(prompt="a cat")
    await finish(source.id, served_media)
    extra = {
        "n": 3,
        "seed": 7,
        "tier": "preview",
        "source": {"relation": "remix", "video_ids": [source.id], "strength": 0.25},
    }
    video = client.videos.create(prompt="a dog", extra_body=extra)
    found = video.to_dict()
    assert found["seed"] == 7
    assert len(found["swarm"]["video_ids"]) == 3  # type: ignore[index]
    assert found["source"]["strength"] == 0.25  # type: ignore[index]
    assert video.remixed_from_video_id == source.id


async def test_refusals_are_the_sdks_exceptions(client: openai.OpenAI) -> None:
    for extra, code in (
        ({"n": 0}, "invalid_n"),
        ({"n": 17}, "invalid_n"),
        ({"colour": "red"}, "unknown_field"),
    ):
        with pytest.raises(openai.BadRequestError) as refusal:
            client.videos.create(prompt="a cat", extra_body=extra)
        assert refusal.value.code == code
    with pytest.raises(openai.BadRequestError) as refusal:
        client.videos.create(prompt="a cat", input_reference=("cat.png", b"\x89PNG" * 1000, "image/png"))
    assert (refusal.value.code, refusal.value.param) == ("invalid_request", "input_reference")
    with pytest.raises(openai.BadRequestError) as refusal:
        client.videos.create(prompt="a cat", size="1280x720")
    assert refusal.value.code == "invalid_size"
    with pytest.raises(openai.ConflictError):
        client.videos.download_content(client.videos.create(prompt="a cat").id)
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="wrong").videos.list()


async def test_a_body_over_the_limit_over_a_real_connection(client: openai.OpenAI, url: str) -> None:
    headers = {"authorization": f"Bearer {client.api_key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers) as raw:
        reply = await raw.post("/v1/videos", json={"prompt": "x" * 5_000_000})
        assert reply.status_code == 413
        assert reply.json()["error"]["code"] == "body_too_large"
        assert (await raw.get("/v1/me")).status_code == 200
