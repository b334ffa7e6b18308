"""The flow's arithmetic around a teacher: noise, schedules, and how a picked preview is kept."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from domain.videos.recipes import DEFAULT_STRENGTH


class Lift(StrEnum):
    """How a preview comes to the render's grid: decoded, enlarged and encoded, or enlarged as latents."""

    PIXELS = "pixels"
    LATENTS = "latents"


class Route(StrEnum):
    """Which noise a kept preview is mixed with.

    RESUME: the preview's own noise, refined, so that the render goes on along the trajectory that led to it.
    RENOISE: the render's own noise of the same seed.
    """

    RESUME = "resume"
    RENOISE = "renoise"


# How a render keeps the picked preview; chosen by measurement (docs/decisions/0003).
KEEP_LIFT = Lift.PIXELS
KEEP_ROUTE = Route.RESUME
KEEP_STRENGTH = 0.6


def noise(seed: int, shape: tuple[int, ...]) -> Tensor:
    """Where every video starts: N(0, 1) float32 by NumPy's PCG64, the same on every machine and engine."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape, dtype=np.float32))


def refined(coarse: Tensor, fine: Tensor) -> Tensor:
    """`fine` noise changed so that its block averages are the `coarse` noise (scaled to their variance)."""
    grid, coarse_grid = fine.shape[2:], coarse.shape[2:]
    rows, columns = grid[1] // coarse_grid[1], grid[2] // coarse_grid[2]
    change = coarse / (rows * columns) ** 0.5 - F.avg_pool3d(fine, (1, rows, columns))
    return fine + F.interpolate(change, grid, mode="nearest")


def strength_of(*choices: float | None) -> float:
    """The first strength that is given.

    Raises:
        ValueError: it isn't 0 to 1.
    """
    chosen = next((choice for choice in choices if choice is not None), DEFAULT_STRENGTH)
    if not 0.0 <= chosen <= 1.0:
        raise ValueError(f"strength must be 0 to 1, not {chosen}")
    return chosen


def schedule_from(sigmas: list[float], start: float) -> list[float]:
    """The part of a schedule at and below the noise level `start`."""
    return [start, *(sigma for sigma in sigmas if sigma < start)] if start < sigmas[0] else list(sigmas)


def pixels(video: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Video [1, 3, F, H, W] in -1..1 -> frames uint8 [F, H, W, 3]."""
    frames = ((video[0] + 1.0) * 127.5).round().to(torch.uint8).permute(1, 2, 3, 0).contiguous().numpy()
    return np.asarray(frames)
