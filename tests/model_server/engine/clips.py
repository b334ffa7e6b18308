"""Clips and pictures that conditions are tested with."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.export.small import SIZE

Frames = NDArray[np.uint8]


def clip(frames: int = 12, size: tuple[int, int] = SIZE) -> Frames:
    """A square that walks over a slope of colours, one shade lighter a frame."""
    width, height = size
    out = np.zeros((frames, height, width, 3), dtype=np.uint8)
    out[..., 0] = np.linspace(0, 255, width)
    out[..., 1] = np.linspace(255, 0, height)[:, None]
    for number, frame in enumerate(out):
        frame[20:50, 4 + 2 * number : 30 + 2 * number, 2] = 60 + 12 * number
    return out


def picture(frame: Frames, form: str = "PNG") -> bytes:
    out = BytesIO()
    Image.fromarray(frame).save(out, form, **({"lossless": True} if form == "WEBP" else {}))
    return out.getvalue()
