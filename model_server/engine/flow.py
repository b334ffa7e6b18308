"""Arithmetic of the flow, for numpy arrays and torch tensors alike: noise, schedules, steps, guidance.

Rectified flow (Liu, Gong & Liu 2022, arXiv:2209.03003): x[sigma] = (1 - sigma) * clean + sigma * noise, and
the model predicts the velocity noise - clean. A schedule's sigmas fall from the start's noise level to 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from domain.videos.recipes import DEFAULT_STRENGTH
from schemas.bundle import Schedule

# The transformers take sigma times this as their timestep.
TIMESTEPS = 1000.0

A = TypeVar("A")


def initial_noise(seed: int, shape: Sequence[int]) -> NDArray[np.float32]:
    """Where every video starts: N(0, 1) float32 by NumPy's PCG64, the same on every machine and engine."""
    return np.random.default_rng(seed).standard_normal(tuple(shape), dtype=np.float32)


def euler_schedule(sigmas: Sequence[float], made_by: str = "") -> Schedule:
    """Euler's method along these noise levels."""
    timesteps = [sigma * TIMESTEPS for sigma in sigmas[:-1]]
    return Schedule(sigmas=list(sigmas), timesteps=timesteps, made_by=made_by)


def sigmas_from(sigmas: Sequence[float], start: float) -> list[float]:
    """The part of a schedule at and below the noise level `start`."""
    return [start, *(sigma for sigma in sigmas if sigma < start)] if start < sigmas[0] else list(sigmas)


def start_level(*strengths: float | None) -> float:
    """The noise level that a source is mixed to: the first strength that is given, else the default.

    Raises:
        ValueError: it isn't 0 to 1.
    """
    strength = next((each for each in strengths if each is not None), DEFAULT_STRENGTH)
    if not 0.0 <= strength <= 1.0:
        raise ValueError(f"strength must be 0 to 1, not {strength}")
    return strength


def solver_step(schedule: Schedule, k: int, latents: A, noise: A | None, velocities: Sequence[A]) -> A:
    """Latents after step `k` of a schedule; `velocities` are those of steps 0 to k.

    `noise`, the start of the whole trajectory, is needed where the schedule has weights.
    """
    if not schedule.weights:
        return euler_step(latents, velocities[-1], schedule.sigmas[k], schedule.sigmas[k + 1])
    noise_weight, *weights = schedule.weights[k]
    total: Any = noise_weight * _operand(noise)
    for weight, velocity in zip(weights, velocities, strict=True):
        total = total + weight * _operand(velocity)
    result: A = total
    return result


def euler_step(latents: A, velocity: A, sigma: float, next_sigma: float) -> A:
    """Follow the velocity from one noise level to the next."""
    result: A = _operand(latents) + (next_sigma - sigma) * _operand(velocity)
    return result


def clean_estimate(latents: A, velocity: A, sigma: float) -> A:
    """The clean latents that a velocity predicted at `sigma` points to."""
    result: A = _operand(latents) - sigma * _operand(velocity)
    return result


def guided(unconditional: A, conditional: A, guidance: float) -> A:
    """Classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598); 1 gives the conditional velocity."""
    base = _operand(unconditional)
    result: A = base + guidance * (_operand(conditional) - base)
    return result


def _operand(array: Any) -> Any:
    """The array without its type, since numpy and torch share operators but no base class."""
    return array
