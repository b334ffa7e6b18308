"""Cutting our own videos: the very frames, and nothing else."""

from __future__ import annotations

import functools
import io
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from media.cut import cut_clip, cut_picture
from model_server.media import encode


@functools.cache
def drawn() -> bytes:
    noise = np.random.default_rng(3).integers(0, 255, (17, 96, 64, 3), dtype=np.uint8)
    return encode.mp4(noise, 8)


def played(video: bytes) -> list[NDArray[Any]]:
    with av.open(io.BytesIO(video), "r") as container:
        assert container.streams.video[0].average_rate == 8
        return [frame.to_ndarray(format="yuv420p") for frame in container.decode(video=0)]


@pytest.mark.parametrize("frames", [range(12, 17), range(5), range(16, 17), range(17)])
def test_a_clip_has_the_very_frames(frames: range) -> None:
    video = drawn()
    whole, part = played(video), played(cut_clip(video, frames))
    assert len(part) == len(frames)
    for number, found in zip(frames, part, strict=True):
        assert np.array_equal(whole[number], found)


def test_a_picture_is_the_very_frame() -> None:
    video = drawn()
    with av.open(io.BytesIO(video), "r") as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with Image.open(io.BytesIO(cut_picture(video, 6))) as found:
        assert found.format == "PNG"
        assert np.array_equal(np.asarray(found), frames[6])


@pytest.mark.parametrize("video", [b"", b"nonsense", drawn()[:3000]])
def test_what_is_no_video(video: bytes) -> None:
    with pytest.raises(ValueError, match=r"MP4 that can be read|has no frame"):
        cut_clip(video, range(12, 17))
    with pytest.raises(ValueError, match=r"MP4 that can be read|has no frame"):
        cut_picture(video, 16)


def test_frames_that_are_not_there() -> None:
    with pytest.raises(ValueError, match="no frames 17 to 20"):
        cut_clip(drawn(), range(17, 20))
    with pytest.raises(ValueError, match="no frame 17"):
        cut_picture(drawn(), 17)
