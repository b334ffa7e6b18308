"""Sketches of frames, by which copies are recognised: which parts are lighter or darker than what is around.

A sketch is no picture: 32x32 cells of three values, of which no face can be told. `media.sketch_match` says
which stored ones a frame is a copy of.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray
from PIL import Image

from media.decode_budget import PixelBudget
from media.pixel_shape import shown_sides

SIDE = 32
# Two bits a cell.
BYTES = SIDE * SIDE // 4
# The surroundings of a cell: so many cells each way. Wider ones would let the cut edge of a crop count.
RADIUS = 3
# Differences of fewer grey levels are noise of the encoder.
NOISE_LEVELS = 2.0
# Clips are looked at in this size, the smallest in which the smallest window still has whole cells.
LOOK_PX = 128
# Pictures are looked at in this one, in which a tile of six a side has a pixel for each cell.
PICTURE_PX = 384
# So many cells, and this share of those compared, must show something: a flat wall is like every wall.
MIN_CELLS = 80
MIN_SHARE = 0.2
# Frames of a clip that agree so well are taken once.
SAME = 0.9
# A minute of a stitch, of which every second frame is new; 256 bytes each.
MAX_STORED = 256
# Ten seconds at 60 a second; 64 kB each while they are looked at.
MAX_LOOKED_AT = 600

Grey = NDArray[np.float32]
# Left, top, right and bottom of a part of a frame.
Box = tuple[float, float, float, float]
Cells = NDArray[np.int8]


def look_at(data: bytes, media_type: str, stride: int = 1) -> list[Grey]:
    """The frames of a picture or an MP4 that was decoded before, grey and small, as sketches are made of.

    Of a clip every frame whose number `stride` divides is taken, at most MAX_LOOKED_AT.

    Raises:
        ValueError: it can't be read.
    """
    try:
        if media_type != "video/mp4":
            with Image.open(io.BytesIO(data)) as picture:
                return [_small(picture)]
        found: list[Grey] = []
        budget = PixelBudget()
        with av.open(io.BytesIO(data), "r", format="mp4") as container:
            stream = container.streams.video[0]
            for number, frame in enumerate(container.decode(stream)):
                budget.spend(frame.width, frame.height)
                if number % stride:
                    continue
                if len(found) == MAX_LOOKED_AT:
                    break
                width, height = shown_sides(stream, frame.width, frame.height, LOOK_PX)
                small = frame.reformat(width=width, height=height, format="gray", interpolation="AREA")
                turned = np.rot90(small.to_ndarray(), round(frame.rotation / 90) % 4)
                found.append(np.ascontiguousarray(turned, dtype=np.float32))
        return found
    except (FFmpegError, OSError, SyntaxError, IndexError, Image.DecompressionBombError) as wrong:
        raise ValueError("its frames can't be read") from wrong


def sketch(picture: NDArray[np.floating | np.uint8]) -> Cells:
    """The sketch of a grey frame: SIDE x SIDE cells of -1, 0 and 1."""
    return grid_of(SummedArea(np.asarray(picture, dtype=np.float32)), SIDE, SIDE)


def sketches_of(frames: Sequence[NDArray[np.floating | np.uint8]]) -> list[bytes]:
    """What is stored of a clip: a packed sketch of each frame that differs from those before it."""
    return [pack(cells) for _, cells in distinct(frames, MAX_STORED)]


def distinct(frames: Sequence[NDArray[np.floating | np.uint8]], most: int) -> list[tuple[int, Cells]]:
    """Places and sketches of the frames that differ from those before them and show something.

    Of more than `most` those that are spread over the clip.
    """
    kept: list[tuple[int, Cells]] = []
    seen = np.zeros((0, SIDE * SIDE), np.float32)
    for place, frame in enumerate(frames):
        cells = sketch(frame)
        if not shows_something(cells):
            continue
        flat = cells.reshape(1, -1).astype(np.float32)
        flat /= np.linalg.norm(flat)
        if len(seen) and float((seen @ flat[0]).max()) >= SAME:
            continue
        kept.append((place, cells))
        seen = np.concatenate([seen, flat])
    if len(kept) > most:
        kept = [kept[round(spot)] for spot in np.linspace(0, len(kept) - 1, most)]
    return kept


def shows_something(cells: Cells) -> bool:
    """Whether there is enough in a (part of a) sketch to recognise it by."""
    return int(np.count_nonzero(cells)) >= max(MIN_CELLS, MIN_SHARE * cells.size)


def pack(cells: Cells) -> bytes:
    """A sketch as BYTES bytes."""
    flat = cells.reshape(-1)
    return np.packbits(np.concatenate([flat > 0, flat < 0])).tobytes()


def unpack(packed: Sequence[bytes]) -> Cells:
    """Sketches as an array (number, SIDE, SIDE)."""
    bits = np.unpackbits(np.frombuffer(b"".join(packed), np.uint8).reshape(len(packed), BYTES), axis=1)
    half = SIDE * SIDE
    return (bits[:, :half].astype(np.int8) - bits[:, half:].astype(np.int8)).reshape(-1, SIDE, SIDE)


class SummedArea:
    """The summed-area table of a frame: the means of any grid over any part of it are read from it."""

    def __init__(self, picture: Grey) -> None:
        self.height, self.width = picture.shape
        self._sums = np.zeros((self.height + 1, self.width + 1))
        self._sums[1:, 1:] = picture.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)

    def means(self, width: int, height: int, box: Box | None = None) -> NDArray[np.float64]:
        """Means of a grid's cells, shape (height, width), over a part of the frame in pixels; None = all."""
        left, top, right, bottom = box or (0.0, 0.0, float(self.width), float(self.height))
        x0, across = _between(left, right, width, self.width)
        y0, down = _between(top, bottom, height, self.height)
        rows = self._sums[y0] + (self._sums[y0 + 1] - self._sums[y0]) * down[:, None]
        corners = rows[:, x0] + (rows[:, x0 + 1] - rows[:, x0]) * across
        cells = corners[1:, 1:] - corners[:-1, 1:] - corners[1:, :-1] + corners[:-1, :-1]
        return np.asarray(cells * (width * height / ((right - left) * (bottom - top))))


def _between(start: float, end: float, count: int, size: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Where the edges of `count` cells lie among `size` pixels: whole pixels, and what is beyond those."""
    edges = np.linspace(start, end, count + 1)
    whole = np.minimum(edges.astype(np.intp), size - 1)
    return whole, edges - whole


def grid_of(area: SummedArea, width: int, height: int, box: Box | None = None) -> Cells:
    """Which cells of a grid over a frame are lighter (1) or darker (-1) than what is around them.

    `box` is the part of the frame that the grid lies over, in pixels; None for all of it.
    """
    small = area.means(width, height, box)
    sums = np.zeros((height + 1, width + 1), np.float64)
    sums[1:, 1:] = small.cumsum(axis=0).cumsum(axis=1)
    top, bottom = _around(height)
    left, right = _around(width)
    total = sums[bottom][:, right] - sums[top][:, right] - sums[bottom][:, left] + sums[top][:, left]
    difference = small - total / ((bottom - top)[:, None] * (right - left)[None, :])
    lighter, darker = difference > NOISE_LEVELS, difference < -NOISE_LEVELS
    return lighter.astype(np.int8) - darker.astype(np.int8)


@lru_cache(maxsize=SIDE)
def _around(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the surroundings of each cell of a row of `count` begin and end."""
    places = np.arange(count)
    return np.maximum(places - RADIUS, 0), np.minimum(places + RADIUS + 1, count)


def _small(picture: Image.Image) -> Grey:
    # What is transparent is seen before black, as it is where it is stored.
    shown = picture.convert("RGB").convert("L")
    shown.thumbnail((PICTURE_PX, PICTURE_PX), Image.Resampling.BOX)
    return np.asarray(shown, dtype=np.float32)
