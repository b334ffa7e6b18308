"""The soft shadow of an actor on its ground: darkest under its feet, smaller and fainter in the air."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from model_server.engine.actors import ActorPose
from model_server.engine.pixels import Frames

# How dark: right under the feet, and around.
CONTACT, AROUND = 0.5, 0.26
# Depths of both on the ground, in sizes: it is seen from a little above.
DEPTH, AROUND_DEPTH = 0.035, 0.085
# What of it is left when feet are this high, in short sides: a third.
FADES = 0.3
# How much smaller it gets at most.
SHRINKS = 0.45
# How much wider than the feet it is around.
WIDER = 1.16
# Underwater light comes from everywhere.
PLACES = {"ocean": 0.55}
LEAST = 0.015
WEIGHTLESS_LIFT = 0.12


def cast_shadow(
    frame: Frames, pose: ActorPose, profile: NDArray[np.float32], ratio: float, place: str | None
) -> None:
    """Darken the ground under an actor, in place, in a frame uint8 [H, W, 3].

    `profile` says, for each of its columns, how much of the actor is near its feet: 0..1; `ratio` is of its
    box's width to its height.
    """
    height, width, _ = frame.shape
    near = math.exp(-pose.lift / FADES)
    strength = near * PLACES.get(place or "", 1.0)
    # What floats in space has no ground.
    if strength < LEAST or (place == "space" and pose.lift > WEIGHTLESS_LIFT):
        return
    side = pose.size * min(width, height)
    wide = side * math.sqrt(ratio) / pose.stretch * (1 - SHRINKS * (1 - near))
    depth = AROUND_DEPTH * side
    reach = wide * WIDER / 2 + 3 * depth
    x, y = pose.x * width, pose.y * height - DEPTH * side * 0.4
    left, right = max(0, math.floor(x - reach)), min(width, math.ceil(x + reach))
    top, bottom = max(0, math.floor(y - 2.5 * depth)), min(height, math.ceil(y + 2.5 * depth))
    if left >= right or top >= bottom:
        return
    columns = (np.arange(left, right, dtype=np.float32) + 0.5 - x) / np.float32(wide)
    rows = (np.arange(top, bottom, dtype=np.float32) + 0.5 - y) / np.float32(side)
    dark = np.zeros((len(rows), len(columns)), dtype=np.float32)
    for share, deep, wider in ((CONTACT, DEPTH, 1.0), (AROUND, AROUND_DEPTH, WIDER)):
        across = _profile_at(profile, columns / wider, deep * side / wide, mirrored=pose.mirrored)
        dark += share * np.exp(-((rows / deep) ** 2))[:, None] * across
    there = frame[top:bottom, left:right]
    light = 1 - np.float32(strength) * np.minimum(dark, CONTACT)
    there[:] = np.rint(there * light[..., None]).astype(np.uint8)


def _profile_at(
    profile: NDArray[np.float32], columns: NDArray[np.float32], blur: float, *, mirrored: bool
) -> NDArray[np.float32]:
    """The profile, blurred, at columns in -0.5..0.5 of the actor's width."""
    known = (np.arange(len(profile), dtype=np.float32) + 0.5) / len(profile) - 0.5
    wanted = -columns if mirrored else columns
    # A mean over its neighbours: as many as a small frame can show.
    shifts = np.linspace(-1.5, 1.5, 7, dtype=np.float32)
    weights = np.exp(-(shifts**2))
    spread = wanted[None] + shifts[:, None] * np.float32(blur)
    sampled = np.interp(spread.ravel(), known, profile, left=0.0, right=0.0).reshape(spread.shape)
    return np.asarray(weights @ sampled / weights.sum(), dtype=np.float32)
