"""Actors: what of a picture decides how it is placed, and where it is in a frame."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


class ActorPose(msgspec.Struct, frozen=True, array_like=True):
    """One actor in one frame.

    x: the middle of its feet, in widths of the frame; y: the ground under them, in heights; lift: how far the
    feet are above it, in short sides; size: the square root of the area of the picture's box, in short sides;
    angle: in degrees, clockwise, about the box's middle; stretch: of its height, its width shrinks by as
    much; wobble: amplitude of the travelling wave in sizes; phase: of the wave, in radians.
    """

    x: float
    y: float
    lift: float
    size: float
    angle: float = 0.0
    stretch: float = 1.0
    wobble: float = 0.0
    phase: float = 0.0
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """What of a picture decides how it is placed.

    ratio: of its box's width to its height; faces: `left`, `right`, or `front`, which is never mirrored;
    shows: `whole`, `bust` (cut off below) or `head`; back: where the top of its middle is, in its heights.
    """

    name: str
    ratio: float = 1.0
    faces: str = "front"
    shows: str = "whole"
    back: float = 1.0
