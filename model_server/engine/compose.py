"""Puts actors on the frames of a scene: in its light, with a shadow where they stand, sharp at every size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_server.engine.actors import ActorPose, Figure
from model_server.engine.layers import (
    FAINT,
    Layer,
    box_pixels,
    contact_profile,
    cut_to_box,
    faded_below,
    paste,
    picture_box,
    shrink,
)
from model_server.engine.lighting import VEILS, SceneColours, lit, tint_of
from model_server.engine.pixels import Frames
from model_server.engine.resize import Size
from model_server.engine.shadows import cast_shadow
from model_server.engine.styles import style_frames
from model_server.engine.weather import WEATHER, weathered

# A pose that is turned further than a bob tilts is turned for good: no side of it is the lower one.
UPRIGHT = 8.0
# Between which shares of a picture's width somebody would sit on it.
SADDLE = (0.45, 0.6)
# A picture is cut off below where so much of its last rows' width is opaque.
EDGE_ROWS, OPAQUE, LEAST_CUT = 3, 160, 0.25


@dataclass(frozen=True, slots=True)
class Actor:
    """A picture uint8 [H, W, 4], with what its layout needs to know of it."""

    figure: Figure
    picture: Frames


@dataclass(frozen=True, slots=True)
class Look:
    """What the words said of a clip's looks, by names of the vocabulary; None: they said nothing."""

    place: str | None = None
    time: str | None = None
    style: str | None = None
    weather: str | None = None


NO_LOOK = Look()


def figure_of(name: str, picture: Frames, faces: str = "front", shows: str = "whole") -> Figure:
    """The figure of a picture uint8 [H, W, 4].

    Raises:
        ValueError: nothing of it can be seen.
    """
    left, top, right, bottom = picture_box(picture)
    seen = picture[top:bottom, left:right, 3] > FAINT
    width, height = right - left, bottom - top
    first, last = (math.floor(share * width) for share in SADDLE)
    saddle = seen[:, first : max(last, first + 1)]
    # What is a gap in the middle has no top there.
    tops = np.where(saddle.any(axis=0), saddle.argmax(axis=0), height)
    return Figure(name, width / height, faces, shows, back=1 - float(np.median(tops)) / height)


def is_cut_off(picture: Frames) -> bool:
    """Whether a picture uint8 [H, W, 4] ends at its lower edge before its subject does."""
    return bool((picture[-EDGE_ROWS:, :, 3] > OPAQUE).any(axis=0).mean() >= LEAST_CUT)


def compose(
    frames: Frames,
    actors: Sequence[Actor],
    paths: Sequence[Sequence[ActorPose]],
    look: Look = NO_LOOK,
    *,
    seed: int = 0,
    fps: int = 8,
    moments: Sequence[int] | None = None,
    total: int = 0,
) -> Frames:
    """Frames uint8 [F, H, W, 3] of a scene with its actors, in the order in which they are given.

    `paths` has a pose of each actor for each frame; `moments` are the frames of the clip of `total` that
    these are, where they aren't all of them.
    """
    out = frames.copy()
    height, width = frames.shape[1:3]
    size = (width, height)
    shown = range(len(frames)) if moments is None else moments
    colours = SceneColours(frames)
    layers = [_layer(actor, path, colours, look, size) for actor, path in zip(actors, paths, strict=True)]
    for frame, moment in zip(out, shown, strict=True):
        # All shadows lie on the ground, behind every actor.
        for path, (layer, profile) in zip(paths, layers, strict=True):
            cast_shadow(frame, path[moment], profile, layer.ratio, look.place)
        # Who stands nearer hides the others.
        order = sorted(range(len(paths)), key=lambda number: paths[number][moment].y)
        for path, (layer, _) in ((paths[number], layers[number]) for number in order):
            placed = layer.place(path[moment], size)
            if placed is not None:
                paste(frame, placed)
    if look.weather is not None and look.weather in WEATHER:
        covered = weathered(out.astype(np.float32), look.weather, seed, fps, shown, total or len(frames))
        out = np.rint(covered).astype(np.uint8)
    return style_frames(out, look.style)


def _above_edge(pose: ActorPose, size: Size) -> bool:
    """Whether what is lowest of an upright actor is in the frame."""
    return pose.y * size[1] - pose.lift * min(size) < size[1]


def _layer(
    actor: Actor, path: Sequence[ActorPose], colours: SceneColours, look: Look, size: Size
) -> tuple[Layer, np.ndarray]:
    """An actor's layer in the light of its scene, and the profile of what it stands on."""
    box = cut_to_box(actor.picture)
    ratio = box.width / box.height
    largest = max(path, key=lambda pose: pose.size)
    scaled = shrink(box, box_pixels(largest, ratio, size)[0])
    if actor.figure.shows == "bust" and any(_above_edge(pose, size) for pose in path):
        scaled = faded_below(scaled)
    tint, rim = tint_of(look.time, colours.brightness)
    veil = VEILS.get(look.place or "", 0.0)
    upright = all(abs((pose.angle + 180) % 360 - 180) < UPRIGHT for pose in path)
    shaded = lit(scaled, colours.near(path, size[0] / size[1]), tint, rim, veil, upright=upright)
    profile = contact_profile(np.asarray(scaled)[..., 3].astype(np.float32) / np.float32(255))
    long = ratio > 1.15 and actor.figure.faces != "front"
    return Layer(shaded, ratio, upright_waves=not long), profile
