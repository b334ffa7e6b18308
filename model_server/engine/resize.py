"""Frames scaled to another size: cropped to fill it, or fitted inside of it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from model_server.engine.pixels import Frames

# Width and height in pixels.
Size = tuple[int, int]


def crop_to_fill(frames: Frames, size: Size) -> Frames:
    """Scale frames uint8 [F, H, W, 3] to cover `size` and crop what is left over at the sides."""
    rows, columns = frames.shape[1:3]
    scale = max(size[0] / columns, size[1] / rows)
    # Rounding may make it a hair larger than the frame.
    width, height = min(columns, size[0] / scale), min(rows, size[1] / scale)
    box = ((columns - width) / 2, (rows - height) / 2, (columns + width) / 2, (rows + height) / 2)
    return np.stack([_resized(frame, size, box) for frame in frames])


def fit_inside(frames: Frames, size: Size) -> Frames:
    """Scale frames uint8 [F, H, W, 3] to lie inside `size`, padded with the median colour of their edge."""
    width, height = size
    rows, columns = frames.shape[1:3]
    scale = min(width / columns, height / rows)
    inner_width, inner_height = max(1, round(columns * scale)), max(1, round(rows * scale))
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    out = np.empty((len(frames), height, width, 3), dtype=np.uint8)
    for number, frame in enumerate(frames):
        edge = np.concatenate((frame[0], frame[-1], frame[:, 0], frame[:, -1]))
        out[number] = np.median(edge, axis=0)
        whole = (0.0, 0.0, float(columns), float(rows))
        inner = _resized(frame, (inner_width, inner_height), whole)
        out[number, top : top + inner_height, left : left + inner_width] = inner
    return out


def _resized(frame: Frames, size: Size, box: tuple[float, float, float, float]) -> Frames:
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC, box))
