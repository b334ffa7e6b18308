"""Who is in a clip and where: a recipe's subjects as actors on their paths, put into a drawn scene."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import numpy as np

from model_server.engine.actors import ActorPose
from model_server.engine.compose import Actor, Look, compose, figure_of, is_cut_off
from model_server.engine.layout import MAX_ACTORS, paths
from model_server.engine.pixels import Frames
from schemas.videos import Recipe, Understood

# What a picture's id begins with where a cameo shows it.
CAMEO = "cameo:"
# Poses of one actor: a minute at 30 a second.
MAX_POSES = 1800


class Shown(Protocol):
    """What a library says of a subject."""

    @property
    def faces(self) -> str:
        """`left`, `right` or `front`."""

    @property
    def shows(self) -> str:
        """`whole`, `bust` or `head`."""


class Pictures(Protocol):
    """A library of pictures, by their ids."""

    def subject(self, picture: str, /) -> Shown:
        """What it says of a picture's subject. Raises KeyError."""

    def picture(self, picture: str, /) -> Frames:
        """The picture, uint8 [H, W, 4]. Raises KeyError."""


class ActorPath(msgspec.Struct, frozen=True):
    """An actor of a stored clip: its picture's id, and its pose in each frame."""

    picture: str
    poses: list[ActorPose]


class Layout(msgspec.Struct, frozen=True):
    """What is kept of a composed clip beside its scene's latents, so that another one can go on from it."""

    actors: list[ActorPath]


@dataclass(frozen=True, slots=True)
class Staging:
    """The actors of one clip, and how it looks."""

    pictures: Sequence[str]
    actors: Sequence[Actor]
    paths: Sequence[Sequence[ActorPose]]
    look: Look
    seed: int
    fps: int
    frames: int
    # Whether its scene stands still: only its actors and its weather move.
    still: bool

    def compose(self, scene: Frames) -> Frames:
        """The clip uint8 [F, H, W, 3] of its scene's frames, at any size."""
        return compose(scene, self.actors, self.paths, self.look, seed=self.seed, fps=self.fps)

    def compose_moment(self, scene: Frames, moment: int) -> Frames:
        """One frame uint8 [H, W, 3] of the clip."""
        made = compose(
            scene[None],
            self.actors,
            self.paths,
            self.look,
            seed=self.seed,
            fps=self.fps,
            moments=[moment],
            total=self.frames,
        )
        return np.asarray(made[0], dtype=np.uint8)

    def packed(self) -> bytes:
        """Its layout, as it is stored."""
        actors = [
            ActorPath(picture, list(path)) for picture, path in zip(self.pictures, self.paths, strict=True)
        ]
        return msgspec.msgpack.encode(Layout(actors))


def read_layout(data: bytes) -> Layout:
    """A layout that was stored.

    Raises:
        ValueError: it isn't one.
    """
    try:
        found = msgspec.msgpack.decode(data, type=Layout)
    except msgspec.DecodeError as error:
        raise ValueError(f"the layout of the source can't be read: {error}") from error
    for actor in found.actors:
        numbers = [value for pose in actor.poses for value in msgspec.structs.astuple(pose)]
        if not 0 < len(actor.poses) <= MAX_POSES or not all(map(math.isfinite, numbers)):
            raise ValueError("the layout of the source makes no sense")
    if len(found.actors) > MAX_ACTORS:
        raise ValueError("the layout of the source makes no sense")
    return found


def stage(
    recipe: Recipe,
    understood: Understood,
    library: Pictures | None,
    cameo: Frames | None = None,
    *,
    source: Layout | None = None,
    continued_frame: int = 0,
) -> Staging:
    """The staging of a recipe.

    `cameo` is the cut-out picture of the recipe's likeness. `source` is the layout of the clip that an
    extension goes on from, whose frame `continued_frame` is the last that it repeats: who is in both goes on.

    Raises:
        ValueError: a picture isn't there, or there are too many.
    """
    names = [subject.picture for subject in understood.subjects]
    actors = []
    for subject in understood.subjects:
        if subject.picture.startswith(CAMEO):
            if cameo is None or subject.picture != f"{CAMEO}{recipe.likeness}":
                raise ValueError(f"there is no picture of {subject.picture}")
            picture = cameo
            figure = figure_of(subject.name, cameo, shows="bust" if is_cut_off(cameo) else "whole")
        else:
            picture, known = _of_library(library, subject.picture)
            figure = figure_of(subject.name, picture, known.faces, known.shows)
        actors.append(Actor(figure, picture))
    motion = understood.motion
    if understood.camera == "pan" and motion in (None, "still"):
        # Whom a moving camera follows walks.
        motion = "pan"
    seed = recipe.seed if recipe.layout_seed is None else recipe.layout_seed
    found = paths(
        [actor.figure for actor in actors],
        motion=motion,
        place=understood.place,
        seed=seed,
        frames=recipe.frames,
        fps=recipe.fps,
        aspect=recipe.width / recipe.height,
        close=understood.camera == "close",
        begin=() if source is None else _begin(names, source, continued_frame, recipe.repeats or 1),
    )
    look = Look(understood.place, understood.time, understood.style, understood.weather)
    still = understood.camera != "pan"
    return Staging(names, actors, found, look, seed, recipe.fps, recipe.frames, still)


def _of_library(library: Pictures | None, picture: str) -> tuple[Frames, Shown]:
    """A picture, and how it shows its subject."""
    try:
        if library is None:
            raise KeyError(picture)
        return library.picture(picture), library.subject(picture)
    except KeyError as error:
        raise ValueError(f"this model has no picture {picture!r}") from error


def _begin(names: Sequence[str], source: Layout, continued_frame: int, repeats: int) -> list[list[ActorPose]]:
    """For each actor the poses that it begins with: those of the first of its picture that isn't taken."""
    left = list(source.actors)
    found: list[list[ActorPose]] = []
    for name in names:
        before = next((actor for actor in left if actor.picture == name), None)
        if before is None:
            found.append([])
            continue
        left.remove(before)
        end = min(continued_frame + 1, len(before.poses))
        found.append(before.poses[max(0, end - repeats) : end])
    return found
