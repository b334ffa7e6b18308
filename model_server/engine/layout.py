"""Where the actors of a clip are in each frame: seeded paths by motion, the same at every size of a shape.

An actor is a picture that is moved: along a path, and by what makes it live: a bob in walking, squash and
stretch in jumping, a travelling wave in swimming and floating, breath when it is still. Nothing turns that
the motion doesn't turn; a bob tilts by at most TILT degrees.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from model_server.engine.actors import ActorPose, Figure
from model_server.engine.ensembles import (
    chasing,
    direction,
    is_mirrored,
    is_ride,
    laid,
    ridden_motion,
    riding,
)
from model_server.engine.motions import HANGS, HEADINGS, HOVERING, Moved, Start, move, starting
from model_server.engine.stagecraft import Manner, flies_upright, has_wings, manner_of, stature_of

# Where feet stand, in heights of the frame, and what the seed adds or takes.
GROUND, GROUND_VARIES = 0.87, 0.015
# The bottom of the sea lies lower than other grounds.
GROUNDS = {"ocean": 0.915, "space": 0.885}
# Sizes of one to three actors, in short sides: the square root of their box's area. The seed adds up to
# SIZE_VARIES of them.
SIZES = (0.6, 0.48, 0.37)
SIZE_VARIES = (0.2, 0.1, 0.1)
# The most of the frame's width that each of them takes, and of its height.
ROOMS = (0.8, 0.43, 0.33)
# What of widths is left in a frame that is taller than wide: phones are taller still, and show 390/844 of
# 2/3 of it, 0.69.
TALL = 0.86
TALLEST = 0.6
# The most of the width of one that crosses the frame: else it would have no way to go.
CROSSING = 0.66
# A close-up: how much larger, and how much of the width of one alone.
CLOSE, CLOSE_ROOM = 1.5, 0.98
# The same for one that has come close.
NEAREST = 0.8
# Middles of their places, in widths.
PLACES = ((0.5,), (0.27, 0.73), (0.18, 0.5, 0.82))
# How far beside the middle one alone may stand, in widths; a large one.
BESIDE, BESIDE_LEAST = 0.09, 0.04
MARGIN = 0.03
# A bust begins this far below the frame, in sizes, so that nothing shows where it was cut: a hop in dancing
# takes 0.09, the tilt of a bob 0.5 sin(4 degrees) = 0.035. It is nearer than what stands, and so larger.
CUT, BUST_NEARER, BUST_TALLEST = 0.14, 1.3, 0.72
# Motions that bring a bust into sight as a whole.
WHOLE_MOTIONS = frozenset({"rise", "fall", "spin", "fly", "float", "swim"})
WIDER = 1.25
MAX_ACTORS = 3
# How much of the difference of their sizes is shown of several, and the smallest of them beside the largest.
CONTRAST, SMALLEST = 1.6, 0.36
# How long what another clip left takes to fade into this one's motion.
EASING_S = 0.6
# How long one that joins others takes to its place.
COMING_IN_S = 1.0


def paths(
    figures: Sequence[Figure],
    *,
    motion: str | None,
    place: str | None,
    seed: int,
    frames: int,
    fps: int,
    aspect: float,
    close: bool = False,
    begin: Sequence[Sequence[ActorPose]] = (),
) -> list[list[ActorPose]]:
    """The path of each actor, `frames` poses long.

    `aspect` is the frame's width by its height. `begin` has, for each actor that goes on from another clip,
    the poses that it begins with; no poses for one that is new.

    Raises:
        ValueError: there are more than MAX_ACTORS.
    """
    if len(figures) > MAX_ACTORS:
        raise ValueError(f"a clip has at most {MAX_ACTORS} actors, not {len(figures)}")
    rng = random.Random(f"layout {seed}")
    # All are drawn whatever is used, so that another motion keeps places and sizes.
    ground = GROUNDS.get(place or "", GROUND) + rng.uniform(-GROUND_VARIES, GROUND_VARIES)
    order = rng.sample(range(MAX_ACTORS), MAX_ACTORS)
    drawn = [
        _Drawn(rng.uniform(0, 1), rng.uniform(-1, 1), rng.uniform(0, 1), rng.choice((-1, 1)))
        for _ in range(MAX_ACTORS)
    ]
    given = [list(begin[number]) if number < len(begin) else [] for number in range(len(figures))]
    if is_ride(motion, len(figures)):
        mount = paths(
            figures[1:],
            motion=ridden_motion(figures[1], motion),
            place=place,
            seed=seed,
            frames=frames,
            fps=fps,
            aspect=aspect,
            close=close,
            begin=given[1:],
        )
        path = mount[0] if given[1] else laid(figures[1], mount[0], direction(figures[1:], drawn[0].sign))
        return [riding(figures[0], figures[1], path), path]
    slots = _slots(order[: len(figures)], given)
    forward = direction(figures, drawn[0].sign)
    if motion == "chase" and not any(given):
        slots = chasing(len(figures), forward)
    # How long those who were there were alone: whoever joins them comes in afterwards.
    before = max(map(len, given), default=0)
    joins = before > 0 and not all(given)
    scene = _Scene(
        motion or "idle",
        place,
        ground,
        aspect,
        len(figures),
        forward,
        close,
        max((stature_of(each.name) for each in figures), default=1.0),
    )
    made = []
    for number, figure in enumerate(figures):
        path = _path(figure, scene, slots[number], drawn[number], given[number], joins, frames, fps)
        if joins and not given[number]:
            path = _coming_in(path, figure, scene, before, fps)
        made.append(path)
    return made


def _slots(order: Sequence[int], given: Sequence[Sequence[ActorPose]]) -> list[int]:
    """The place of each actor from left to right: by chance, but for those who stand somewhere already."""
    known = sorted((poses[-1].x, number) for number, poses in enumerate(given) if poses)
    free, found = list(range(len(order))), [0] * len(order)
    for x, number in known:
        nearest = min(free, key=lambda slot: abs(PLACES[len(order) - 1][slot] - x))
        found[number] = nearest
        free.remove(nearest)
    others = sorted((place, number) for number, place in enumerate(order) if not given[number])
    for (_, number), slot in zip(others, free, strict=True):
        found[number] = slot
    return found


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Random numbers of one actor: its size, where it stands, when it steps, which way it turns."""

    size: float
    beside: float
    phase: float
    sign: int


@dataclass(frozen=True, slots=True)
class _Scene:
    motion: str
    place: str | None
    ground: float
    aspect: float
    actors: int
    forward: int
    close: bool
    # Of the largest of them.
    stature: float

    @property
    def tall(self) -> float:
        """What of widths is left: see TALL."""
        return TALL if self.aspect < 1 else 1.0

    @property
    def short(self) -> float:
        """The short side, in heights."""
        return min(self.aspect, 1.0)


def _path(
    figure: Figure,
    scene: _Scene,
    slot: int,
    drawn: _Drawn,
    given: list[ActorPose],
    joins: bool,
    frames: int,
    fps: int,
) -> list[ActorPose]:
    start = _start(figure, scene, slot, drawn)
    if given and not joins:
        start = _going_on(start, given[-1], turns=scene.motion == "spin")
        if start.cut:
            start = replace(start, y=start.y - CUT * start.size * scene.short)
    else:
        start = starting(scene.motion, start)
    path = given[:frames]
    # The last given pose is the moment that the others go on from.
    first = 1 if given else 0
    seconds = max(1, frames - len(path) - 1 + first) / fps
    origin = _sunk(move(scene.motion, start, 0.0, seconds), start, scene)
    for frame in range(frames - len(path)):
        t = (frame + first) / fps
        moved = _sunk(move(scene.motion, start, t, seconds), start, scene)
        if given:
            # One that makes room for another has further to go.
            moved = _eased(moved, origin, given[-1], t / (2 * EASING_S if joins else EASING_S))
        heading = moved.heading
        if heading == 0 and not given and scene.actors == 2:
            # Two that stand look at each other.
            heading = 1 - 2 * slot
        path.append(
            ActorPose(
                x=moved.x,
                y=moved.y,
                lift=moved.lift,
                size=moved.size,
                angle=moved.angle,
                stretch=moved.stretch,
                wobble=moved.wobble,
                phase=moved.phase,
                mirrored=_is_mirrored(figure, heading, given),
            )
        )
    return path


def _sunk(moved: Moved, start: Start, scene: _Scene) -> Moved:
    """One that is cut off below, as far under the frame's edge as its size asks for."""
    return replace(moved, y=moved.y + CUT * moved.size * scene.short) if start.cut else moved


def _coming_in(
    path: list[ActorPose], figure: Figure, scene: _Scene, before: int, fps: int
) -> list[ActorPose]:
    """The path of one that comes in from the nearer side after so many frames."""
    side = -1 if path[0].x < 0.5 else 1
    found = []
    for frame, pose in enumerate(path):
        rest = max(0.0, 1 - max(0, frame - before) / (COMING_IN_S * fps))
        half = pose.size * math.sqrt(figure.ratio) * scene.short / scene.aspect / 2
        outside = (1 + half if side > 0 else -half) - pose.x
        facing = _is_mirrored(figure, -side, ()) if rest > 0 else pose.mirrored
        found.append(msgspec.structs.replace(pose, x=pose.x + outside * rest, mirrored=facing))
    return found


def _start(figure: Figure, scene: _Scene, slot: int, drawn: _Drawn) -> Start:
    manner, count, short = manner_of(figure.name), scene.actors - 1, scene.short
    stature = stature_of(figure.name)
    if count:
        # Beside others it counts how large they are: a cast of small ones is seen as well as any.
        stature = max(SMALLEST, (stature / scene.stature) ** CONTRAST)
    size = SIZES[count] * (1 + SIZE_VARIES[count] * drawn.size) * stature
    if count:
        # A wide frame has more room for several.
        size *= min(max(scene.aspect, 1.0), WIDER)
    # Widths and heights of the box of a size of 1, in those of the frame.
    wide, tall = math.sqrt(figure.ratio) * short / scene.aspect, short / math.sqrt(figure.ratio)
    room = min(ROOMS[count], CROSSING) if scene.motion in HEADINGS else ROOMS[count]
    room *= 1.0 if count else scene.tall
    # A small one beside a large one stays the smaller one, however wide both are.
    room *= min(1.0, stature) if count else 1.0
    hovers = _hovers(manner, scene)
    cut = figure.shows == "bust" and not hovers and scene.motion not in WHOLE_MOTIONS
    if cut:
        size, room = BUST_NEARER * size, BUST_NEARER * room
    tallest = BUST_TALLEST if cut else TALLEST
    if scene.close and scene.motion not in HEADINGS:
        size, room, tallest = CLOSE * size, max(CLOSE_ROOM * scene.tall, room), NEAREST
    size = min(size, room / wide, tallest / tall)
    largest = min((0.96 if count == 0 else ROOMS[count]) / wide, NEAREST / tall)
    half = size * wide / 2
    ground = 1.0 if cut else scene.ground
    # One alone stands as far beside the middle as a phone still shows it nearly whole.
    beside = min(BESIDE, max(BESIDE_LEAST, scene.tall * ROOMS[0] / 2 - half)) * drawn.beside
    head = figure.shows == "head" and not hovers and manner is Manner.WALKS
    return Start(
        x=0.5 + scene.tall * (PLACES[count][slot] - 0.5) + (beside if count == 0 else 0.0),
        y=ground,
        lift=HANGS * size if head else 0.0,
        size=size,
        angle=0.0,
        reach=max(0.1, min(0.26, 0.515 - half)) / (1 + count),
        half=half,
        sky=(ground - MARGIN) / short,
        tall=1 / math.sqrt(figure.ratio),
        largest=max(size, largest),
        hovers=hovers,
        manner=Manner.BOBS if head else manner,
        phase=drawn.phase,
        sign=drawn.sign,
        forward=scene.forward if count else {"left": -1, "right": 1}.get(figure.faces, drawn.sign),
        cut=cut,
        leans=flies_upright(figure.name) and scene.motion in HEADINGS,
        winged=has_wings(figure.name) and figure.shows == "whole" and hovers,
    )


def _hovers(manner: Manner, scene: _Scene) -> bool:
    hovers = manner in HOVERING or scene.motion in ("fly", "swim", "float")
    hovers |= manner is Manner.PERCHES and scene.motion in ("left", "right", "chase", "ride", "rise", "fall")
    # In water whoever has legs swims.
    return hovers or (scene.place == "ocean" and manner not in (Manner.DRIVES, Manner.STANDS))


def _going_on(start: Start, last: ActorPose, *, turns: bool) -> Start:
    forward = start.forward
    if last.mirrored:
        forward = -forward
    return replace(
        start,
        x=last.x,
        y=last.y,
        lift=last.lift,
        size=last.size,
        # Whatever else it does it comes upright.
        angle=last.angle if turns else 0.0,
        half=start.half * last.size / start.size,
        largest=max(start.largest, last.size),
        forward=forward,
        goes_on=True,
    )


def _eased(moved: Moved, origin: Moved, last: ActorPose, share: float) -> Moved:
    """The motion as it is, but for what was otherwise at its beginning, of which `share` has faded."""
    rest = max(0.0, 1 - share) ** 2

    def eased(now: float, first: float, given: float) -> float:
        return now + (given - first) * rest

    # Whole rounds are no turn.
    turned = (last.angle - origin.angle + 180) % 360 - 180
    return replace(
        moved,
        x=eased(moved.x, origin.x, last.x),
        y=eased(moved.y, origin.y, last.y),
        # Only what jumps behind the frame's edge is lower than its ground.
        lift=max(min(0.0, moved.lift, last.lift), eased(moved.lift, origin.lift, last.lift)),
        size=eased(moved.size, origin.size, last.size),
        angle=moved.angle + turned * rest,
        stretch=eased(moved.stretch, origin.stretch, last.stretch),
        wobble=eased(moved.wobble, origin.wobble, last.wobble),
        # A wave goes on from where it was.
        phase=moved.phase - origin.phase + last.phase,
    )


def _is_mirrored(figure: Figure, heading: int, given: Sequence[ActorPose]) -> bool:
    if heading == 0:
        return bool(given) and given[-1].mirrored
    return is_mirrored(figure, heading)
