"""The visible mark: a small "AI" in a corner of everything that is played."""

from __future__ import annotations

import math
from functools import lru_cache

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Floats = NDArray[np.float32]

TEXT = "AI"
# Readable where a clip fills a phone's width, and a small thing in a small picture: of 256x384, 2:3 or 3:2,
# it is 14 px high, 0.25 % of the picture.
HEIGHT_SHARE = 0.045
# Its distance from the edges of what is seen, in shares of the width and of the height.
MARGIN = 0.035
# The narrowest phone, 9:21, fills its height with a clip that is higher than wide, and cuts its sides.
NARROWEST = 9 / 21
# Above it lie the page's tabs and the bars of a lane: 106 px of a phone 844 px high, whose camera takes 47.
BELOW_TABS = 0.13
# Light of black and of white in a video, and colour of all greys.
BLACK, WHITE, NEUTRAL = 16, 235, 128
PLATE, INK = (0, 0, 0, 110), (255, 255, 255, 225)
FINER = 8


def marked(image: Image.Image) -> Image.Image:
    """The RGB picture with the mark on it; the picture given is left as it is."""
    mark = _mark(_height(*image.size))
    copy = image.copy()
    copy.paste(mark, place(*image.size), mark)
    return copy


def place(width: int, height: int) -> tuple[int, int]:
    """Where the mark's left upper corner is in a picture of this size, so that a page shows all of it."""
    if width >= height:
        return round(MARGIN * width), round(MARGIN * width)
    cut = max(0.0, 1 - NARROWEST * height / width) / 2
    return round((cut + MARGIN) * width), round(BELOW_TABS * height)


def _height(width: int, height: int) -> int:
    return max(8, round(HEIGHT_SHARE * math.sqrt(width * height)))


def mark_frame(frame: av.VideoFrame) -> None:
    """Put the mark on a frame in yuv420p with even sides, in place."""
    light, grey, colour, left, top = _planes(frame.width, frame.height)
    for plane, keep, add in zip(frame.planes, (light, colour, colour), (grey, None, None), strict=True):
        share = 1 if add is not None else 2
        rows, columns = keep.shape
        pixels = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        corner = pixels[top // share :, left // share :][:rows, :columns]
        ink = NEUTRAL * (1 - keep) if add is None else add
        corner[:] = np.rint(corner * keep + ink)


@lru_cache(maxsize=8)
def _planes(width: int, height: int) -> tuple[Floats, Floats, Floats, int, int]:
    """What is kept of the picture's light and what is added, what is kept of its colour, and where.

    Colours have half the rows and columns of light.
    """
    mark = _mark(_height(width, height))
    left, top = place(width, height)
    # The planes begin at an even place and have even sides.
    sides = ((side + edge % 2 + 1) // 2 * 2 for side, edge in zip(mark.size, (left, top), strict=True))
    even = Image.new("RGBA", (next(sides), next(sides)))
    even.paste(mark, (left % 2, top % 2))
    values = np.asarray(even, dtype=np.float32)
    cover = values[..., 3] / np.float32(255)
    grey = (BLACK + values[..., 0] / np.float32(255) * (WHITE - BLACK)) * cover
    rows, columns = cover.shape
    coarse = cover.reshape(rows // 2, 2, columns // 2, 2).mean((1, 3), dtype=np.float32)
    return 1 - cover, grey, 1 - coarse, left // 2 * 2, top // 2 * 2


@lru_cache(maxsize=8)
def _mark(height: int) -> Image.Image:
    """Drawn FINER times as large and made smaller, so that its plate is round."""
    large = height * FINER
    font = ImageFont.load_default(size=0.82 * large)
    width = round((font.getlength(TEXT) + 0.7 * large) / FINER)
    size = (width * FINER, large)
    plate = Image.new("RGBA", size, (*PLATE[:3], 0))
    ImageDraw.Draw(plate).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), large / 2, fill=PLATE)
    ink = Image.new("RGBA", size, (*INK[:3], 0))
    ImageDraw.Draw(ink).text((size[0] / 2, large / 2), TEXT, font=font, fill=INK, anchor="mm")
    small = (width, height)
    mark = plate.resize(small, Image.Resampling.BOX)
    mark.alpha_composite(ink.resize(small, Image.Resampling.BOX))
    return mark
