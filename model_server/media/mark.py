"""The visible mark: a small "AI" in a corner of everything that is played."""

from __future__ import annotations

from functools import lru_cache

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Floats = NDArray[np.float32]

TEXT = "AI"
# Readable on a phone, out of the picture's way: 16 px of a video 384 px high.
HEIGHT_SHARE = 1 / 24
# A phone shows the middle three quarters of a 2:3 video's width, so the mark stands inside of them.
LEFT_SHARE, TOP_SHARE = 0.15, 0.02
# Light of black and of white in a video, and colour of all greys.
BLACK, WHITE, NEUTRAL = 16, 235, 128
PLATE, INK = (0, 0, 0, 90), (255, 255, 255, 200)


def marked(image: Image.Image) -> Image.Image:
    """The RGB picture with the mark on it; the picture given is left as it is."""
    mark = _mark(max(8, round(image.height * HEIGHT_SHARE)))
    copy = image.copy()
    copy.paste(mark, (round(image.width * LEFT_SHARE), round(image.height * TOP_SHARE)), mark)
    return copy


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
    mark = _mark(max(8, round(height * HEIGHT_SHARE)))
    left, top = (round(side * share) for side, share in ((width, LEFT_SHARE), (height, TOP_SHARE)))
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
    font = ImageFont.load_default(size=0.72 * height)
    width = round(font.getlength(TEXT) + 0.7 * height)
    mark = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(mark)
    draw.rounded_rectangle((0, 0, width - 1, height - 1), height / 2, fill=PLATE)
    draw.text((width / 2, height / 2), TEXT, font=font, fill=INK, anchor="mm")
    return mark
