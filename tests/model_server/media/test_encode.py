"""Encoded files play back as what went in."""

from __future__ import annotations

from io import BytesIO

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model_server.media import encode
from schemas.playback import file_of


def moving(width: int, height: int, frames: int = 17) -> NDArray[np.uint8]:
    """A red square that crosses a green-blue slope: smooth enough for H.264 to keep."""
    rows, columns = np.mgrid[0:height, 0:width]
    video = np.zeros((frames, height, width, 3), dtype=np.uint8)
    video[..., 1] = rows * 255 // height
    video[..., 2] = columns * 255 // width
    for index, frame in enumerate(video):
        left = index * (width - 16) // frames
        frame[8:24, left : left + 16] = (255, 0, 0)
    return video


def boxes(data: bytes) -> list[str]:
    """Names of an MP4's top-level boxes, in order."""
    names, place = [], 0
    while place < len(data):
        names.append(data[place + 4 : place + 8].decode())
        place += int.from_bytes(data[place : place + 4], "big")
    return names


@pytest.mark.parametrize(
    ("width", "height", "factor"), [(64, 96, 4), (128, 192, 2), (192, 320, 2), (320, 320, 1)]
)
def test_a_video_says_what_its_file_has(width: int, height: int, factor: int) -> None:
    said = file_of(width, height, 17, 8)
    with av.open(BytesIO(encode.mp4(moving(width, height), 8))) as container:
        stream = container.streams.video[0]
        assert (said.width, said.height) == (stream.width, stream.height) == (width * factor, height * factor)
        assert (said.frames, said.fps) == (stream.frames, stream.average_rate)
        assert stream.duration is not None
        assert said.seconds == float(stream.duration * stream.time_base) == 2.125


@pytest.mark.parametrize(
    ("width", "height", "factor"), [(64, 96, 4), (128, 192, 2), (192, 320, 2), (320, 320, 1)]
)
def test_the_mp4_plays_back_frame_by_frame(width: int, height: int, factor: int) -> None:
    frames = moving(width, height)
    data = encode.mp4(frames, 8)
    with av.open(BytesIO(data)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height) == (width * factor, height * factor)
        assert stream.average_rate == 8
        played = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(played) == len(frames)
    for frame, shown in zip(frames, played, strict=True):
        small = np.asarray(Image.fromarray(shown).resize((width, height), Image.Resampling.BOX), dtype=float)
        assert np.sqrt(np.mean((small - frame) ** 2)) < 12


@pytest.mark.parametrize("frames", [1, 9, 17, 41, 161])
def test_the_index_comes_before_the_data(frames: int) -> None:
    names = boxes(encode.mp4(moving(64, 96, frames), 8))
    assert names.index("moov") < names.index("mdat")


def test_there_is_a_keyframe_each_second() -> None:
    with av.open(BytesIO(encode.mp4(moving(64, 96), 8))) as container:
        keys = [index for index, frame in enumerate(container.decode(video=0)) if frame.key_frame]
    assert keys == [0, 8, 16]


def test_odd_sizes_become_even() -> None:
    with av.open(BytesIO(encode.mp4(moving(301, 303), 8))) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (300, 302)


def test_the_same_frames_give_the_same_bytes() -> None:
    assert encode.media(moving(64, 96), 8) == encode.media(moving(64, 96), 8)


def test_the_poster_is_the_middle_frame_at_the_videos_size() -> None:
    frames = moving(64, 96)
    with Image.open(BytesIO(encode.thumbnail(frames))) as image:
        assert (image.format, image.size) == ("WEBP", (256, 384))
        small = np.asarray(image.convert("RGB").resize((64, 96), Image.Resampling.BOX), dtype=float)
    errors = [np.mean((small - frame) ** 2) for frame in frames]
    assert int(np.argmin(errors)) == 8


def test_the_spritesheet_holds_every_frame_in_order() -> None:
    frames = moving(64, 96)
    with Image.open(BytesIO(encode.spritesheet(frames))) as image:
        assert (image.format, image.size) == ("JPEG", (6 * 64, 3 * 96))
        sheet = np.asarray(image, dtype=float)
    for index, frame in enumerate(frames):
        row, column = divmod(index, encode.SHEET_COLUMNS)
        cell = sheet[row * 96 : (row + 1) * 96, column * 64 : (column + 1) * 64]
        assert np.sqrt(np.mean((cell - frame) ** 2)) < 20
    assert sheet[2 * 96 :, 5 * 64 + 16 :].max() < 30


def test_a_picture_keeps_its_own_size() -> None:
    with Image.open(BytesIO(encode.picture(moving(64, 96)[0]))) as image:
        assert (image.format, image.size) == ("WEBP", (64, 96))
