"""What a render starts from: its seed's noise, mixed with a picked preview or a remix's source."""

from __future__ import annotations

from enum import StrEnum

import torch
import torch.nn.functional as F
from torch import Tensor

from model_server.engine.teacher import Teacher


class UpscaleSpace(StrEnum):
    """How a preview comes to the render's grid: decoded, enlarged and encoded, or enlarged as latents."""

    PIXELS = "pixels"
    LATENTS = "latents"


class StartNoise(StrEnum):
    """Which noise a picked preview is mixed with.

    UPSAMPLED: the preview's own noise, upsampled, so that the render continues the trajectory that led to it.
    FRESH: the render's own noise of the same seed.
    """

    UPSAMPLED = "upsampled"
    FRESH = "fresh"


# How a render keeps the picked preview; chosen by measurement (docs/decisions/0003).
KEEP_SPACE = UpscaleSpace.PIXELS
KEEP_NOISE = StartNoise.UPSAMPLED
KEEP_STRENGTH = 0.6


def upsample_noise(coarse: Tensor, fine: Tensor) -> Tensor:
    """`fine` noise changed so that its block averages are the `coarse` noise (scaled to their variance).

    Both are [1, C, F, h, w]; the grid of `fine` is a whole multiple of that of `coarse`.
    """
    grid, coarse_grid = fine.shape[2:], coarse.shape[2:]
    rows, columns = grid[1] // coarse_grid[1], grid[2] // coarse_grid[2]
    change = coarse / (rows * columns) ** 0.5 - F.avg_pool3d(fine, (1, rows, columns))
    return fine + F.interpolate(change, grid, mode="nearest")


def upscale(
    latents: Tensor, shape: tuple[int, int, int, int, int], space: UpscaleSpace, teacher: Teacher
) -> Tensor:
    """Latents [1, C, F, h, w] of another grid as those of `shape`."""
    if tuple(latents.shape) == shape:
        return latents
    if space is UpscaleSpace.LATENTS:
        return F.interpolate(latents, shape[2:], mode="trilinear", align_corners=False)
    height, width = shape[3] * teacher.pixels_per_latent, shape[4] * teacher.pixels_per_latent
    frames = teacher.decode(latents)[0].transpose(0, 1)
    # One of another length is resampled to this one's frames, and one of another shape cropped to it.
    count = (shape[2] - 1) * teacher.frames_per_latent + 1
    moments = torch.linspace(0, len(frames) - 1, count).round().long()
    return teacher.encode(resize_frames(_cropped(frames[moments], width / height), width, height))


def resize_frames(frames: Tensor, width: int, height: int) -> Tensor:
    """Frames [F, 3, H, W] in -1..1 -> video [1, 3, F, height, width] in -1..1."""
    resized = F.interpolate(frames, (height, width), mode="bicubic", antialias=True, align_corners=False)
    return resized.clamp(-1, 1).transpose(0, 1)[None]


def _cropped(frames: Tensor, ratio: float) -> Tensor:
    """The middle of frames [F, 3, H, W] that has this ratio of width to height."""
    rows, columns = frames.shape[2:]
    width, height = min(columns, round(rows * ratio)), min(rows, round(columns / ratio))
    left, top = (columns - width) // 2, (rows - height) // 2
    return frames[:, :, top : top + height, left : left + width]
