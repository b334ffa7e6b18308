"""What each motion does to an actor over time, and what makes it live on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from model_server.engine.stagecraft import Manner

HOVERING = (Manner.FLIES, Manner.SWIMS, Manner.FLOATS)
# Degrees that a bob tilts by, at most.
TILT = 4.0
# A spin is a whole round in this many seconds, as in the drawn world.
ROUND_S = 2.0
STEPS_A_SECOND = 2.0
HOP_S = 1.0
# The part of a hop that is on the ground.
GROUNDED = 0.25
# How high one hops, and how far off the ground one spins, in short sides.
HOP, SPIN_LIFT = 0.36, 0.1
# Sizes of one that comes closer: first and last.
FAR, NEAR = 0.5, 1.42
# How much lower in the frame it then stands, in heights.
NEARER = 0.05
# One that falls is down after this part of the clip.
DOWN = 0.75
# Where one that hovers is, of all the room above its ground.
HOVER = 0.3
# Degrees that what is drawn with its nose up leans to where it flies.
NOSE = 52.0
# How far above its ground a head hangs, in sizes, and how far it bobs, in short sides.
HANGS, BOBS = 0.16, 0.022
# How high a bust jumps behind the lower edge of the frame, in short sides.
POPS = 0.17
# Beats of wings: how often, and how much of its height they take and give.
FLAPS_A_SECOND, FLAP = 2.3, 0.07
# How much of an actor's half may leave the frame when it goes on towards its edge.
OUTSIDE = 0.7

WHOLE = 2 * math.pi


@dataclass(frozen=True, slots=True)
class Start:
    """An actor when the motion begins, and what it has room for.

    x: in widths of the frame; y: its ground, in heights; lift, size: in short sides; reach: how far it goes
    to each side of the middle, half: half of its width, both in widths; sky: from its ground to the top of
    the frame, in short sides; tall: its height in sizes; largest: its largest size; forward: the direction
    that it looks in, -1 or 1; goes_on: from another clip.
    """

    x: float
    y: float
    lift: float
    size: float
    angle: float
    reach: float
    half: float
    sky: float
    tall: float
    largest: float
    hovers: bool
    manner: Manner
    phase: float
    sign: int
    forward: int
    goes_on: bool = False
    # Its lower part is out of the frame.
    cut: bool = False
    # It leans to where it flies.
    leans: bool = False
    winged: bool = False

    @property
    def top(self) -> float:
        """Its highest lift, in short sides."""
        return max(0.0, self.sky - self.size * self.tall)


@dataclass(frozen=True, slots=True)
class Moved:
    """An actor at a moment, as in `Start` and `ActorPose`; heading: -1 left, 1 right, 0 as it looks."""

    x: float
    y: float
    lift: float
    size: float
    angle: float
    stretch: float = 1.0
    wobble: float = 0.0
    phase: float = 0.0
    heading: int = 0


# From the start, seconds since then and the seconds of the whole motion.
Motion = Callable[[Start, float, float], Moved]


def move(motion: str, start: Start, t: float, seconds: float) -> Moved:
    """Where an actor is after `t` of the `seconds` that a motion takes; an unknown motion is as none."""
    return MOTIONS.get(motion, _idle)(start, t, seconds)


def starting(motion: str, start: Start) -> Start:
    """The start of a motion that goes on from nothing: where it leaves the most room."""
    if start.hovers and motion not in ("rise", "fall"):
        start = replace(start, lift=HOVER * start.top)
    heading = HEADINGS.get(motion)
    if heading is not None:
        return replace(start, x=start.x - (heading or start.forward) * start.reach)
    if motion == "fall":
        return replace(start, lift=start.top)
    if motion == "grow":
        last = min(NEAR * start.size, start.largest)
        stays = start.hovers or start.cut
        return replace(start, size=FAR / NEAR * last, y=start.y - (0 if stays else 2 * NEARER))
    if motion == "shrink":
        lower = 0 if start.cut else NEARER
        return replace(start, size=min(NEAR * start.size, start.largest), y=start.y + lower)
    return start


def _still(start: Start, t: float, seconds: float) -> Moved:
    if start.hovers or start.manner is Manner.BOBS:
        return _hovering(start, t)
    breath = 0.004 if start.manner in (Manner.STANDS, Manner.DRIVES) else 0.014
    return replace(_at(start), stretch=1 + breath * math.sin(WHOLE * (t / 2 + start.phase)))


def _idle(start: Start, t: float, seconds: float) -> Moved:
    """What no words move: it sways on its feet."""
    if start.hovers or start.manner is Manner.BOBS:
        return _hovering(start, t)
    if start.manner in (Manner.STANDS, Manner.DRIVES):
        return _still(start, t, seconds)
    beat = WHOLE * (t / 1.6 + start.phase)
    return replace(
        _at(start), angle=start.angle + 2.2 * math.sin(beat), stretch=1 + 0.02 * math.sin(2 * beat)
    )


def _sideways(start: Start, t: float, seconds: float, heading: int) -> Moved:
    way = 2 * start.reach
    if start.goes_on:
        # What goes on towards an edge stays in sight.
        room = (start.x if heading < 0 else 1 - start.x) - (1 - OUTSIDE) * start.half
        way = min(way, max(0.0, room))
    there = replace(start, x=start.x + heading * way * t / seconds)
    moved = _walking(there, t)
    if start.leans:
        # It leans into its way, and doesn't jerk where it goes on from standing.
        moved = replace(moved, angle=moved.angle + heading * NOSE)
    return replace(moved, heading=heading)


def _left(start: Start, t: float, seconds: float) -> Moved:
    return _sideways(start, t, seconds, -1)


def _right(start: Start, t: float, seconds: float) -> Moved:
    return _sideways(start, t, seconds, 1)


def _forward(start: Start, t: float, seconds: float) -> Moved:
    return _sideways(start, t, seconds, start.forward)


def _jump(start: Start, t: float, seconds: float) -> Moved:
    # A bust jumps behind the frame's lower edge: what isn't there of it is never seen.
    height = POPS if start.cut else min(HOP, start.top)
    low = -POPS if start.cut else 0.0
    at = (t / HOP_S + start.phase) % 1.0
    if at < GROUNDED:
        return replace(_at(start), lift=low, stretch=1 - 0.17 * math.sin(math.pi * at / GROUNDED))
    air = (at - GROUNDED) / (1 - GROUNDED)
    # Stretched by speed: at the top it has its own shape.
    lift = low + height * 4 * air * (1 - air)
    return replace(_at(start), lift=lift, stretch=1 + 0.09 * (2 * air - 1) ** 2)


def _spin(start: Start, t: float, seconds: float) -> Moved:
    lift = min(start.top, max(start.lift, SPIN_LIFT))
    return replace(_at(start), lift=lift, angle=start.angle + start.sign * 360 * t / ROUND_S)


def _grow(start: Start, t: float, seconds: float) -> Moved:
    last = max(start.size, min(start.largest, start.size * NEAR / FAR))
    u = t / seconds
    # Nearer and nearer at one speed looks ever faster: sizes are as distances the other way round.
    size = 1 / ((1 - u) / start.size + u / last)
    share = (size - start.size) / max(last - start.size, 1e-6)
    lower = 0.0 if start.hovers or start.cut else min(3 * NEARER, max(0.0, 0.955 - start.y)) * share
    there = replace(start, size=size, y=start.y + lower)
    return _walking(replace(there, lift=min(start.lift, there.top)), t)


def _shrink(start: Start, t: float, seconds: float) -> Moved:
    last = start.size * FAR / NEAR
    u = t / seconds
    size = 1 / ((1 - u) / start.size + u / last)
    share = (start.size - size) / (start.size - last)
    higher = 0.0 if start.cut else 3 * NEARER * share
    return _walking(replace(start, size=size, y=start.y - higher), t)


def _rise(start: Start, t: float, seconds: float) -> Moved:
    u = t / seconds
    lift = start.lift + (max(start.top, start.lift) - start.lift) * u**1.25
    return _alive(replace(start, lift=lift), t, min(1.0, 4 * u))


def _fall(start: Start, t: float, seconds: float) -> Moved:
    if start.hovers:
        return _alive(replace(start, lift=start.lift * (1 - t / seconds)), t, 1.0)
    u = t / (DOWN * seconds)
    if u < 1:
        return replace(
            _at(start), lift=start.lift * (1 - u**1.7), stretch=1 + 0.06 * u * min(1.0, start.lift)
        )
    since = t - DOWN * seconds
    landed = math.exp(-5 * since) * math.cos(WHOLE * 2 * since)
    return replace(_at(start), lift=0.0, stretch=1 - 0.15 * landed * min(1.0, start.lift / HOP))


def _dance(start: Start, t: float, seconds: float) -> Moved:
    beat = WHOLE * t
    hop = abs(math.sin(beat))
    return replace(
        _at(start),
        x=start.x + 0.12 * start.half * math.sin(beat / 2 + WHOLE * start.phase),
        lift=start.lift + 0.09 * start.size * hop,
        angle=start.angle + start.sign * TILT * math.sin(beat),
        stretch=0.95 + 0.09 * hop,
        wobble=0.012 if start.manner in HOVERING else 0.0,
        phase=beat,
    )


def _fly(start: Start, t: float, seconds: float) -> Moved:
    lift = start.lift
    if lift < HOVER * start.top:
        lift += (HOVER * start.top - lift) * min(1.0, t / seconds * 2)
    moved = _sideways(replace(start, lift=lift, hovers=True), t, seconds, start.forward)
    lift = min(start.top, moved.lift + 0.04 * math.sin(WHOLE * (t / 2 + start.phase)))
    return replace(moved, lift=lift)


def _flap(start: Start, t: float) -> float:
    """What wings add to a height: their beats, which are faster the smaller they are."""
    return FLAP * math.sin(WHOLE * (t * FLAPS_A_SECOND + start.phase)) if start.winged else 0.0


def _swim(start: Start, t: float, seconds: float) -> Moved:
    return replace(_fly(start, t, seconds), wobble=0.03, phase=WHOLE * 1.25 * t)


def _float(start: Start, t: float, seconds: float) -> Moved:
    lift = start.lift + max(0.0, HOVER * start.top - start.lift) * min(1.0, t / seconds * 2)
    return replace(_hovering(replace(start, lift=lift), t), wobble=0.026)


def _shake(start: Start, t: float, seconds: float) -> Moved:
    # Not a whole number of frames a shake: at 8 a second it would stand.
    beat = WHOLE * 3.1 * t
    return replace(
        _at(start), x=start.x + 0.05 * start.half * math.sin(beat), angle=start.angle + 2.5 * math.sin(beat)
    )


def _at(start: Start) -> Moved:
    return Moved(start.x, start.y, start.lift, start.size, start.angle)


def _alive(start: Start, t: float, share: float) -> Moved:
    """What hovers lives as it does; anything else sways a little in the air."""
    if start.hovers:
        moved = _hovering(start, t)
        return replace(moved, lift=start.lift + (moved.lift - start.lift) * share)
    beat = WHOLE * (t / 1.6 + start.phase)
    return replace(_at(start), angle=start.angle + 2.5 * share * math.sin(beat))


def _hovering(start: Start, t: float) -> Moved:
    beat = WHOLE * (t / 1.6 + start.phase)
    far = BOBS if start.manner is Manner.BOBS else 0.03
    lift = min(start.top, max(0.0, start.lift + far * math.sin(beat)))
    tilt = 0.0 if start.manner is Manner.FLOATS else 2.0 * math.sin(beat + 1)
    wobble = {Manner.SWIMS: 0.024, Manner.FLOATS: 0.024}.get(start.manner, 0.0)
    return replace(
        _at(start),
        lift=lift,
        angle=start.angle + tilt,
        stretch=1 + _flap(start, t),
        wobble=wobble,
        phase=WHOLE * 0.9 * t,
    )


def _walking(start: Start, t: float) -> Moved:
    """On its way by its own manner: steps, wheels, wings or waves."""
    if start.hovers or start.manner in HOVERING:
        return _hovering(start, t)
    step = math.pi * STEPS_A_SECOND * t
    if start.manner is Manner.DRIVES:
        rattle = abs(math.sin(1.7 * step))
        return replace(
            _at(start), lift=0.008 * start.size * rattle, angle=start.angle + 0.7 * math.sin(1.7 * step)
        )
    up = abs(math.sin(step))
    return replace(
        _at(start),
        lift=start.lift + 0.055 * start.size * up,
        angle=start.angle + 3.2 * math.sin(step),
        stretch=0.975 + 0.04 * up,
    )


# By the name of the vocabulary; those after `still` are for words that it may come to know.
MOTIONS: Mapping[str, Motion] = MappingProxyType(
    {
        "left": _left,
        "right": _right,
        "jump": _jump,
        "spin": _spin,
        "grow": _grow,
        "rise": _rise,
        "fall": _fall,
        "pan": lambda start, t, seconds: _walking(start, t),
        "still": _still,
        "shrink": _shrink,
        "chase": _forward,
        "ride": _forward,
        "walk": _forward,
        "run": _forward,
        "drive": _forward,
        "dance": _dance,
        "fly": _fly,
        "swim": _swim,
        "float": _float,
        "shake": _shake,
        "idle": _idle,
    }
)
# Those that cross the picture; 0: in the direction that the actor looks in.
HEADINGS: Mapping[str, int] = MappingProxyType(
    {"left": -1, "right": 1, "chase": 0, "ride": 0, "walk": 0, "run": 0, "drive": 0, "fly": 0, "swim": 0}
)
