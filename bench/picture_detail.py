"""How much detail do pictures have, and is any of it ringing or grain? Frames are uint8 [F, H, W, 3]."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from model_server.engine.pixels import Frames
from model_server.engine.resize import Size

# Side of the blocks in which grain is looked for, and the flattest part of them, which shows it.
BLOCK, FLATTEST = 8, 0.1
# The strongest of a picture's edges, and from how far to how far beside them rings are looked for, in pixels.
STRONGEST, NEAR, FAR = 0.02, 2, 6

Planes = NDArray[np.float32]


class PictureDetail(NamedTuple):
    """Of some frames, in levels of 255.

    gradient: mean square of the differences of neighbouring pixels; finest: mean square of what halving the
    picture loses; grain: deviation in the flattest blocks, sloping or not; rings: mean curvature close beside
    the strongest edges.
    """

    gradient: float
    finest: float
    grain: float
    rings: float


def detail(frames: Frames) -> PictureDetail:
    """The detail of frames, averaged over them."""
    found = [_detail(frame) for frame in frames]
    return PictureDetail(*np.mean(found, axis=0).tolist())


def gradient_energy(frames: Frames, size: Size | None = None) -> float:
    """The gradient's alone; of frames that are shown at `size`, as a browser enlarges them."""
    shown = frames if size is None else np.stack([_shown(frame, size) for frame in frames])
    values = shown.astype(np.float32)
    return float(np.square(np.diff(values, axis=1)).mean() + np.square(np.diff(values, axis=2)).mean())


def _shown(frame: Frames, size: Size) -> Frames:
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC))


def _detail(frame: Frames) -> PictureDetail:
    grey = np.asarray(Image.fromarray(frame).convert("L"), dtype=np.float32)
    return PictureDetail(gradient_energy(frame[None]), _finest(grey), _grain(grey), _rings(grey))


def _finest(grey: Planes) -> float:
    height, width = (side // 2 * 2 for side in grey.shape)
    image = Image.fromarray(grey[:height, :width])
    coarse = image.reduce(2).resize(image.size, Image.Resampling.BICUBIC)
    return float(np.square(np.asarray(image) - np.asarray(coarse)).mean())


def _grain(grey: Planes) -> float:
    rows, columns = (side // BLOCK for side in grey.shape)
    blocks = grey[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    flat = blocks.transpose(0, 2, 1, 3).reshape(rows * columns, BLOCK * BLOCK)
    y, x = np.mgrid[:BLOCK, :BLOCK].reshape(2, -1).astype(np.float32)
    plane = np.stack((np.ones_like(x), x, y), axis=1)
    # What is left when each block's own plane is taken from it: skies slope, and have no grain.
    left = flat - flat @ plane @ np.linalg.pinv(plane.T @ plane) @ plane.T
    return float(np.quantile(left.std(axis=1), FLATTEST))


def _rings(grey: Planes) -> float:
    dy, dx = np.gradient(grey)
    strength = np.hypot(dx, dy)
    edges = Image.fromarray((strength > np.quantile(strength, 1 - STRONGEST)).astype(np.uint8) * 255)
    near, far = (np.asarray(edges.filter(ImageFilter.MaxFilter(2 * reach + 1))) > 0 for reach in (NEAR, FAR))
    curved = 4 * grey
    for axis in (0, 1):
        curved = curved - np.roll(grey, 1, axis) - np.roll(grey, -1, axis)
    beside = far & ~near
    # What was rolled in from the other side is no curve.
    beside[[0, -1]] = beside[:, [0, -1]] = False
    return float(np.abs(curved[beside]).mean()) if beside.any() else 0.0
