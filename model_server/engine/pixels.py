"""Frames as bytes, and as the numbers that the graphs take: the one place where pixels are scaled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]
Floats = NDArray[np.float32]

# Half of the range of a byte: -1..1 is centred on it.
HALF_RANGE = np.float32(127.5)
FULL_RANGE = np.float32(255)


def video_from_frames(frames: Frames) -> Floats:
    """Frames uint8 [F, H, W, 3] -> video float32 [1, 3, F, H, W] in -1..1, as autoencoders take it."""
    return np.moveaxis(frames.astype(np.float32) / HALF_RANGE - 1, -1, 0)[None]


def frames_from_video(video: Floats) -> Frames:
    """Video float32 [1, 3, F, H, W], which must lie in -1..1 -> frames uint8 [F, H, W, 3]."""
    scaled = np.rint((video[0] + 1.0) * HALF_RANGE).astype(np.uint8)
    return np.ascontiguousarray(scaled.transpose(1, 2, 3, 0))


def unit_from_frames(frames: Frames) -> Floats:
    """Frames uint8 [F, H, W, 3] -> float32 [F, 3, H, W] in 0..1, as the refiner takes them."""
    return np.moveaxis(frames, -1, 1).astype(np.float32) / FULL_RANGE


def frames_from_unit(images: Floats) -> Frames:
    """float32 [F, 3, H, W], clipped to 0..1 -> frames uint8 [F, H, W, 3]."""
    return np.rint(np.moveaxis(images, 1, -1).clip(0, 1) * FULL_RANGE).astype(np.uint8)
