"""What actors do together: who goes ahead of whom, and who sits on whom."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from model_server.engine.actors import ActorPose, Figure
from model_server.engine.stagecraft import Manner, manner_of

# One that sits on another: its size against that one's, and how much of its height it sinks in.
RIDER, SUNK = 0.6, 0.2
# What is so much narrower than tall is laid along the way to be sat on: a broom; at this
# angle, and smaller, for it takes more of the width.
NARROW, LAID, LONG = 0.55, 78.0, 0.8
# Where one sits on what has wheels, at least, in heights.
SADDLE = 0.6
# What one that is ridden does, by its manner; the others walk, or stay where somebody only sits on them.
RIDDEN: Mapping[Manner, str] = MappingProxyType(
    {
        Manner.FLIES: "fly",
        Manner.PERCHES: "fly",
        Manner.SWIMS: "swim",
        Manner.FLOATS: "float",
        Manner.DRIVES: "drive",
        Manner.STANDS: "still",
    }
)


def direction(figures: Sequence[Figure], sign: int) -> int:
    """Where all of them go who go somewhere: as the first looks that looks to a side, or by chance."""
    sides = {"left": -1, "right": 1}
    return next((sides[figure.faces] for figure in figures if figure.faces in sides), sign)


def chasing(count: int, forward: int) -> list[int]:
    """The places from left to right of some of whom each is behind the next."""
    return list(range(count)) if forward > 0 else list(range(count))[::-1]


def is_ride(motion: str | None, count: int) -> bool:
    """Whether the first of them sits on the second."""
    return motion in ("ride", "mounted") and count == 2


def ridden_motion(mount: Figure, motion: str | None) -> str:
    """What one does that somebody sits on, or rides."""
    return RIDDEN.get(manner_of(mount.name), "walk" if motion == "ride" else "still")


def laid(mount: Figure, path: Sequence[ActorPose], forward: int) -> list[ActorPose]:
    """The path of one that is sat on: across, where it would be too thin; its foot is behind."""
    if mount.ratio >= NARROW:
        return list(path)
    return [
        msgspec.structs.replace(pose, angle=pose.angle + forward * LAID, size=LONG * pose.size)
        for pose in path
    ]


def riding(rider: Figure, mount: Figure, path: Sequence[ActorPose]) -> list[ActorPose]:
    """The path of one that sits on another, which goes along `path`."""
    return [_on(rider, mount, pose) for pose in path]


def _on(rider: Figure, mount: Figure, pose: ActorPose) -> ActorPose:
    size = RIDER * pose.size
    height = pose.size / math.sqrt(mount.ratio) * pose.stretch
    back = max(mount.back, SADDLE) if manner_of(mount.name) is Manner.DRIVES else mount.back
    if mount.ratio < NARROW:
        # It lies about its middle.
        back = 0.5 + mount.ratio / 4
    seat = back * height - SUNK * size / math.sqrt(rider.ratio)
    # As the mount, which may look right, where its own picture looks left.
    heading = {"left": -1, "right": 1}.get(mount.faces, 0) * (-1 if pose.mirrored else 1)
    return msgspec.structs.replace(
        pose,
        lift=pose.lift + max(0.0, seat),
        size=size,
        angle=0.0 if mount.ratio < NARROW else pose.angle,
        wobble=0.0,
        stretch=1.0,
        mirrored=is_mirrored(rider, heading) if heading else False,
    )


def is_mirrored(figure: Figure, heading: int) -> bool:
    """Whether a picture has to be mirrored to look in a direction."""
    return figure.faces == ("left" if heading > 0 else "right")
