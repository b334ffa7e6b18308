"""Uploads are decoded in processes that die at what takes too long, and take nobody with them."""

from __future__ import annotations

import asyncio
import io
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from media import decode_budget, decode_pool
from media.decode_budget import PixelBudget
from media.decode_pool import DecodePool, DecoderBusy
from media.decode_worker import TASKS, DecodeReply, DecodeRequest, perform
from media.fingerprint import UnreadableVideo, fingerprint_of
from media.sketch import look_at
from tests.clips import mp4, proof, scene

# The real worker with a shorter time, and tasks that no clip brings about as surely.
FAULTS = """
import os, signal, sys
from media import decode_worker as worker
worker.MAX_DECODE_S = 1.0
def by_option(data, option):
    if data == b"hang":
        while True: pass
    if data == b"die": os.kill(os.getpid(), signal.SIGSEGV)
    if data == b"recurse": return by_option(data, option)
    if data == b"eat": return bytes(2**33)[:1]
    if data == b"print": os.write(1, b"noise")
    return ("Valid", "fine", [])
worker.TASKS["active_manifest"] = by_option
worker.main()
"""


@pytest.fixture
def pool() -> Iterator[DecodePool]:
    made = DecodePool()
    yield made
    made.close()


@pytest.fixture
def faulty() -> Iterator[DecodePool]:
    made = DecodePool([sys.executable, "-c", FAULTS])
    yield made
    made.close()


async def answer(pool: DecodePool, data: bytes, who: str = "ada") -> str | None:
    found = await pool.active_manifest(data, "", who=who)
    return found.title if found else None


async def test_what_is_decoded_comes_back(pool: DecodePool) -> None:
    clip = proof(3)
    seen = await pool.inspect(clip, who="ada")
    assert (seen.moving, seen.bits) == (True, fingerprint_of(clip))
    frames = await pool.look_at(clip, "video/mp4", 2, who="ada")
    for ours, theirs in zip(frames, look_at(clip, "video/mp4", 2), strict=True):
        assert np.array_equal(ours, theirs)
    assert (await pool.claimed_videos(clip, "video/mp4", "", who="ada", kind="proof")).titles == []
    data, kind = await pool.clean_reference(clip, "video/mp4", who="ada")
    assert (kind, data[4:8]) == ("video/mp4", b"ftyp")
    assert await pool.active_manifest(clip, "", who="ada") is None


@pytest.mark.parametrize("task", ["clean_reference", "inspect_clip", "look_at"])
@pytest.mark.parametrize("says", [True, False])
def test_pictures_times_pixels_are_bounded(task: str, says: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = mp4(scene(1, count=20, side=128))
    if not says:
        monkeypatch.setattr(PixelBudget, "check_declared", lambda *_: None)
    assert perform(DecodeRequest(task, clip, "video/mp4")).result is not None
    monkeypatch.setattr(decode_budget, "MAX_DECODED_PIXELS", 19 * 128 * 128)
    assert "too large for its length" in (perform(DecodeRequest(task, clip, "video/mp4")).wrong or "")


@pytest.mark.parametrize("data", [b"hang", b"die", b"recurse", b"eat"])
async def test_a_worker_that_hangs_or_dies_costs_one_answer(faulty: DecodePool, data: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(UnreadableVideo):
        await answer(faulty, data)
    assert time.monotonic() - began < 8
    assert (await answer(faulty, b"fine", "bob")) == "fine"


async def test_what_libraries_print_is_no_reply(faulty: DecodePool) -> None:
    assert (await answer(faulty, b"print")) == "fine"


async def test_kinds_do_not_wait_for_each_other(faulty: DecodePool) -> None:
    slow = asyncio.create_task(answer(faulty, b"hang"))
    await asyncio.sleep(0)
    assert (await faulty.inspect(proof(1), who="bob")).moving
    with pytest.raises(UnreadableVideo):
        await slow


async def test_nobody_fills_the_queue(faulty: DecodePool) -> None:
    mine = [asyncio.create_task(answer(faulty, b"hang")) for _ in range(decode_pool.MAX_EACH)]
    await asyncio.sleep(0)
    with pytest.raises(DecoderBusy):
        await answer(faulty, b"fine")
    assert (await answer(faulty, b"fine", "bob")) == "fine"
    await asyncio.gather(*mine, return_exceptions=True)


async def test_who_leaves_is_counted_until_the_work_ends(faulty: DecodePool) -> None:
    for _ in range(decode_pool.MAX_EACH):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await answer(faulty, b"hang")
    with pytest.raises(DecoderBusy):
        await answer(faulty, b"fine")


async def test_no_worker_outlives_its_parent() -> None:
    script = (
        "import asyncio, os\nfrom media.decode_pool import DecodePool\n"
        "pool = DecodePool()\nasyncio.run(pool.inspect(b'', who=''))"
    )
    ran = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(30):
        await ran.wait()
    listed = await asyncio.create_subprocess_exec("ps", "-eo", "ppid,args", stdout=asyncio.subprocess.PIPE)
    text, _ = await listed.communicate()
    assert f" {ran.pid} " not in text.decode()


PICTURE = io.BytesIO()
Image.new("RGB", (96, 96), "red").save(PICTURE, "JPEG", exif=Image.Exif().tobytes() or b"")
CLIP = mp4(scene(2, count=3, side=64))
SEEDS = {
    "clean_reference": [(CLIP, "video/mp4"), (PICTURE.getvalue(), "image/jpeg"), (b"", "image/webp")],
    "inspect_clip": [(CLIP, "")],
    "look_at": [(CLIP, "video/mp4"), (CLIP, "video/mp4;2"), (PICTURE.getvalue(), "image/jpeg")],
    "active_manifest": [(CLIP, "")],
    "claimed_videos": [(CLIP, "video/mp4\n"), (PICTURE.getvalue(), "image/jpeg\n")],
}


@pytest.mark.parametrize("task", sorted(TASKS))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_bytes_bring_a_task_down(task: str, data: st.DataObject) -> None:
    """Whatever is done to a file, the task answers, and with nothing that nobody thought of as a result."""
    seed, option = data.draw(st.sampled_from(SEEDS[task]))
    raw = bytearray(seed)
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, max(0, len(seed) - 1)), st.integers(0, 255)), max_size=20)
    ):
        if raw:
            raw[place] = value
    cut = data.draw(st.integers(0, len(raw)))
    reply = perform(DecodeRequest(task, bytes(raw[:cut] if data.draw(st.booleans()) else raw), option))
    assert isinstance(reply, DecodeReply)
    assert (reply.result is None) == (reply.wrong is not None)
