"""Pictures with transparency for compositions: sprites of the drawn world, and plain discs."""

from __future__ import annotations

import numpy as np
from PIL import Image

from model_server.engine.actors import Figure
from model_server.engine.compose import Actor, figure_of
from model_server.engine.pixels import Frames
from train.world.clips import LOOKS_LEFT, LOOKS_RIGHT, SPRITES
from train.world.vocabulary import SUBJECTS

Colour = tuple[int, int, int]


def actor(name: str) -> Actor:
    """A subject of the drawn world."""
    with Image.open(SPRITES / f"{name}.png") as image:
        picture = np.asarray(image.convert("RGBA"))
    faces = "left" if name in LOOKS_LEFT else "right" if name in LOOKS_RIGHT else "front"
    return Actor(figure_of(name, picture, faces), picture)


def disc(colour: Colour, side: int = 256) -> Frames:
    """A disc with a smooth rim, uint8 [side, side, 4]; what can't be seen is black."""
    axis = np.arange(side) + 0.5 - side / 2
    far = np.hypot(axis[:, None], axis)
    alpha = np.clip(0.46 * side - far + 0.5, 0, 1)
    out = np.zeros((side, side, 4), dtype=np.uint8)
    out[..., 3] = np.rint(255 * alpha)
    out[..., :3][alpha > 0] = colour
    return out


class Sprites:
    """The sprites of the drawn world as a library."""

    def subject(self, picture: str) -> Figure:
        """What is said of one."""
        return self._actor(picture).figure

    def picture(self, picture: str) -> Frames:
        """uint8 [H, W, 4]."""
        return self._actor(picture).picture

    def _actor(self, picture: str) -> Actor:
        if picture not in SUBJECTS:
            raise KeyError(picture)
        return actor(picture)
