"""A clip as a phone records it, written anew: steady, upright, square pixels, even sides, no sound."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from media.decode_budget import OverBudget, PixelBudget
from media.h264 import CODEC, PIXEL_FORMAT, REFERENCE
from media.pixel_shape import shown_sides

SIDE = 640
MIN_SIDE = 64
MAX_S = 10
# A recorder ends with a whole group of frames, some tenths after its button.
SLACK_S = 0.5
# Shown and looked at no faster; slower clips keep their rate.
MAX_FPS = 30
MIN_FPS = 1
# By how much the rate of the times and the average may differ.
STEADY = Fraction(1, 100)
# Slow motion goes to 240; more pictures in the time of a clip only cost time.
MAX_SOURCE_FPS = 240
MAX_FRAMES = round((MAX_S + SLACK_S) * MAX_SOURCE_FPS)

Pixels = NDArray[np.uint8]


class UnusableFile(ValueError):
    """What is wrong with an uploaded picture or clip, for who sent it."""


def check_sides(width: int, height: int, max_pixels: int) -> None:
    """Refuse what is too large to decode or too small to see.

    Raises:
        UnusableFile: it is; the text says how large it may be.
    """
    if width * height > max_pixels:
        raise UnusableFile(f"it has {width}x{height} pixels: at most {max_pixels:,} are taken")
    if min(width, height) < MIN_SIDE:
        raise UnusableFile(f"it has {width}x{height} pixels: at least {MIN_SIDE} each way are needed")


def rewrite_clip(data: bytes, max_pixels: int) -> bytes:
    """An MP4 of any rate, steady or not, as one of at most MAX_FPS that lasts as long.

    Raises:
        UnusableFile: no clip that can be read, too large, too small or too long; the text says which.
    """
    written = io.BytesIO()
    try:
        # Of all that FFmpeg reads only MP4: other formats can name files and addresses to open.
        with (
            av.open(io.BytesIO(data), "r", format="mp4") as source,
            av.open(written, "w", format="mp4") as target,
        ):
            taken = _video_stream(source, max_pixels)
            budget = PixelBudget()
            budget.check_declared(taken.frames, taken.width, taken.height)
            rate = _steady_rate(taken)
            made = target.add_stream(CODEC, rate=rate, options=REFERENCE)
            made.pix_fmt = PIXEL_FORMAT
            for number, pixels in enumerate(_retimed(taken, source.decode(taken), rate, max_pixels, budget)):
                if number == 0:
                    made.height, made.width = pixels.shape[:2]
                target.mux(made.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            target.mux(made.encode())
    except (UnusableFile, OverBudget):
        raise
    # Damaged files raise far more than FFmpeg's own errors: missing codecs, sides, times.
    except Exception as wrong:
        raise UnusableFile("this is no MP4 clip that can be read") from wrong
    return written.getvalue()


def _video_stream(source: av.container.InputContainer, max_pixels: int) -> av.VideoStream:
    if not source.streams.video:
        raise UnusableFile("there is no picture in this clip")
    taken = source.streams.video[0]
    if taken.codec_context is None:
        raise UnusableFile("this clip has a codec that can't be read: send H.264 or HEVC")
    check_sides(taken.width, taken.height, max_pixels)
    return taken


def _steady_rate(taken: av.VideoStream) -> Fraction:
    """The rate to write: the clip's own where it is steady and slow enough, else MAX_FPS."""
    guessed, average = taken.base_rate or Fraction(0), taken.average_rate or Fraction(0)
    # What isn't steady has a guessed rate that is anything.
    steady = abs(guessed - average) <= STEADY * average
    return max(Fraction(MIN_FPS), min(guessed, Fraction(MAX_FPS))) if steady else Fraction(MAX_FPS)


def _retimed(
    taken: av.VideoStream,
    frames: Iterator[av.VideoFrame],
    rate: Fraction,
    max_pixels: int,
    budget: PixelBudget,
) -> Iterator[Pixels]:
    """What is to be seen at each tick of `rate`: the newest frame by then."""
    start = now = length = 0.0
    shown: av.VideoFrame | None = None
    sides: tuple[int, int] | None = None
    ticks = 0
    for count, frame in enumerate(frames):
        if count == MAX_FRAMES:
            raise UnusableFile(f"a clip has at most {MAX_SOURCE_FPS} pictures a second")
        if count == 0:
            start = frame.time or 0.0
        # A frame without a time follows the one before; times never run back.
        at = now if frame.time is None else max(now, frame.time - start)
        length = at + _duration(frame, rate)
        if length > MAX_S + SLACK_S:
            raise UnusableFile(f"a clip has at most {MAX_S} seconds")
        check_sides(frame.width, frame.height, max_pixels)
        budget.spend(frame.width, frame.height)
        # Half a tick early is on time: 30.02 pictures a second are 30.
        due = round(at * rate)
        if shown is not None and due > ticks:
            pixels = _upright(taken, shown, sides)
            sides = pixels.shape[0], pixels.shape[1]
            for _ in range(ticks, due):
                yield pixels
            ticks = due
        shown, now = frame, at if frame.time is not None else length
    if shown is None:
        raise UnusableFile("there is no picture in this clip")
    pixels = _upright(taken, shown, sides)
    for _ in range(ticks, max(ticks + 1, round(length * rate))):
        yield pixels


def _duration(frame: av.VideoFrame, rate: Fraction) -> float:
    if frame.duration and frame.time_base:
        return float(frame.duration * frame.time_base)
    return float(1 / rate)


def _upright(taken: av.VideoStream, frame: av.VideoFrame, sides: tuple[int, int] | None) -> Pixels:
    """The pixels as they are meant to be seen, at most SIDE wide and high, in even numbers, or of `sides`."""
    turns = round(frame.rotation / 90) % 4
    if sides is None:
        shown = shown_sides(taken, frame.width, frame.height, SIDE)
        width, height = (max(2, side // 2 * 2) for side in shown)
    else:
        # A stream may change its sides on the way; the file has one.
        height, width = sides if turns % 2 == 0 else sides[::-1]
    pixels = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
    return np.ascontiguousarray(np.rot90(pixels, turns))
