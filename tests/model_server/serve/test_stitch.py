"""Joined clips play one after the other, frame by frame, and what repeats is left out."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from uuid import uuid4

import av
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import settings
from model_server.engine import latents
from model_server.media import encode
from model_server.media.mark import marked, place
from model_server.serve import stitch
from model_server.serve.engines import Engines
from model_server.serve.faults import JobError
from model_server.serve.generation import Output
from schemas.videos import Tier
from schemas.work import Clip, Closenesses, Compare, Fault, FaultCode, Inputs, Render, Step
from tests.model_server.media.test_encode import boxes, moving
from tests.model_server.server import Client, Server, recipe, render
from tests.product import ModelFolders

CLIPS = [moving(64, 96), moving(64, 96)[::-1].copy(), np.full((17, 96, 64, 3), 200, np.uint8)]
VIDEOS = [encode.mp4(frames, 8) for frames in CLIPS]


def task(skips: tuple[int, ...] = (0, 5, 0), tier: Tier = Tier.PREVIEW, **changes: Any) -> Render:
    made = recipe(tier=tier, frames=17 * len(skips) - sum(skips), **changes)
    clips = [Clip(video=VIDEOS[place], skip=skip) for place, skip in enumerate(skips)]
    return render(f"video_{uuid4().hex}", made, tier, inputs=Inputs(clips=clips))


def played(data: bytes) -> NDArray[np.float64]:
    """Frames of an MP4, [F, H, W, 3]."""
    with av.open(BytesIO(data), "r") as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]).astype(
            float
        )


def apart(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Root mean square of the difference, 0..255."""
    return float(np.sqrt(np.mean(np.square(np.asarray(first, float) - np.asarray(second, float)))))


async def test_clips_follow_each_other_and_the_overlap_is_left_out(server: Server) -> None:
    asked = task()
    async with server.client() as client:
        await client.send(asked)
        frames = await client.until_ended(asked.id)
        (done,) = await client.draw(asked)
    steps = [frame for frame in frames if isinstance(frame, Step)]
    assert [(step.i, step.n) for step in steps] == [(1, 3), (2, 3), (3, 3)]
    whole = played(done.media.video)
    sources = [played(video) for video in VIDEOS]
    expected = np.concatenate([sources[0], sources[1][5:], sources[2]])
    # Encoded once more, every frame stays the frame that it was: others are far away.
    assert whole.shape == expected.shape == (46, 384, 256, 3)
    for number, frame in enumerate(whole):
        assert apart(frame, expected[number]) < 6, number
    assert apart(whole[16], expected[17]) > 20
    names = boxes(done.media.video)
    assert names.index("moov") < names.index("mdat")
    with Image.open(BytesIO(done.media.thumbnail)) as poster:
        assert (poster.format, poster.size) == ("WEBP", (256, 384))
        assert apart(np.asarray(poster), expected[23]) < 12
    with Image.open(BytesIO(done.media.spritesheet)) as sheet:
        # As many pictures as a preview has, in rows of six.
        assert (sheet.format, sheet.size) == ("JPEG", (6 * 64, 3 * 96))


async def test_the_mark_is_kept_and_not_made_twice(server: Server) -> None:
    asked = task((0, 0, 0))
    async with server.client() as client:
        (done,) = await client.draw(asked)
    plain = played(VIDEOS[2])[0]
    left, top = place(plain.shape[1], plain.shape[0])
    corner = (slice(top - 4, top + 16), slice(left - 4, left + 24))
    # The third clip is plain grey, so there the mark is all that can be seen.
    once, joined = plain[corner], played(done.media.video)[34][corner]
    twice = np.asarray(marked(Image.fromarray(plain.astype(np.uint8))))[corner]
    assert once.std() > 20
    assert apart(joined, once) < 4
    assert apart(joined, twice) > 12


async def test_its_latents_are_those_of_its_frames(server: Server) -> None:
    """A clip joined with itself lies where the clip lies, another one elsewhere."""
    same = msgspec.structs.replace(task((0, 0)), inputs=Inputs(clips=[Clip(video=VIDEOS[2])] * 2))
    for tier in (Tier.PREVIEW, Tier.FULL):
        other = task((0, 5), tier)
        again = msgspec.structs.replace(
            same, id=f"video_{uuid4().hex}", tier=tier, recipe=recipe(tier=tier, frames=34)
        )
        async with server.client() as client:
            made, far = await client.draw(again, other)
            alone = await _encoded(client, CLIPS[2])
            near, away = [await _closeness(client, end.latents, alone) for end in (made, far)]
        assert latents.unpack(made.latents)[latents.NATIVE].shape[2:] == (5, 6, 4)
        assert near > 0.9
        assert away < 0.5


async def _encoded(client: Client, frames: NDArray[np.uint8]) -> bytes:
    """The latents of plain frames, by way of joining them with nothing."""
    asked = render(
        f"video_{uuid4().hex}", recipe(frames=17), inputs=Inputs(clips=[Clip(video=encode.mp4(frames, 8))])
    )
    (done,) = await client.draw(asked)
    return done.latents


async def _closeness(client: Client, first: bytes, second: bytes) -> float:
    await client.send(Compare(call=uuid4().hex, pairs=[(first, second)]))
    answer = await client.next()
    assert isinstance(answer, Closenesses)
    return answer.values[0]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"recipe": recipe(frames=45)}, "46 frames together, not 45"),
        ({"recipe": recipe(frames=46, model="other")}, "not 'other'"),
        ({"inputs": Inputs(clips=[Clip(video=b"nonsense")])}, "no MP4"),
        (
            {"inputs": Inputs(clips=[Clip(video=VIDEOS[0]), Clip(video=VIDEOS[0], skip=17)])},
            "clip 2 has no frames",
        ),
    ],
)
async def test_what_can_not_be_joined(server: Server, wrong: dict[str, Any], says: str) -> None:
    asked = msgspec.structs.replace(task(), **wrong)
    async with server.client() as client:
        await client.send(asked)
        (end,) = [frame for frame in await client.until_ended(asked.id) if isinstance(frame, Fault)]
    assert (end.code, end.retryable) == (FaultCode.BAD_INPUT, False)
    assert says in end.message


def test_clips_of_both_sizes(model_folders: ModelFolders) -> None:
    """A preview and a render play at one size; the latents are on the preview's grid."""
    made = Engines(
        settings.load(
            {"RIFFLE_TEACHER": str(model_folders.teacher), "RIFFLE_BUNDLE": str(model_folders.bundle)}
        )
    )
    for tier in Tier:
        made.load(tier)
    large = encode.mp4(moving(128, 192), 8)
    full = recipe(tier=Tier.FULL, frames=34)
    clips = [Clip(video=large), Clip(video=VIDEOS[0])]
    *_, last = stitch.stitch(render("video_1", full, Tier.FULL, inputs=Inputs(clips=clips)), made)
    assert isinstance(last, Output)
    assert played(last.media.video).shape == (34, 384, 256, 3)
    assert latents.unpack(last.latents)[latents.NATIVE].shape[2:] == (5, 6, 4)


def test_a_whole_that_no_frame_could_carry(
    model_folders: ModelFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Engines(settings.load({"RIFFLE_BUNDLE": str(model_folders.bundle)}))
    made.load(Tier.PREVIEW)
    monkeypatch.setattr(stitch, "MAX_INPUT_BYTES", 1000)
    with pytest.raises(JobError, match="at most 1000"):
        list(stitch.stitch(task(), made))
