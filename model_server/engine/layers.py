"""A picture with transparency as a layer: cut to its box, resampled to where a pose wants it.

Colours are premultiplied by alpha wherever they are resampled, so that no edge takes colour from what can't
be seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model_server.engine.actors import ActorPose
from model_server.engine.pixels import Frames
from model_server.engine.resize import Size

# What is fainter than this, of 255, is no part of a picture's box: soft shadows, dust of a matte.
FAINT = 24
# Pixels of nothing around a layer, so that its edges fade into them.
PADDING = 2
# Layers are kept at these steps of size, this much finer than the frame's pixels at least, so that a mean of
# four keeps what is sharp. No filter has negative parts, which would ring at edges.
STEP = 1.2
FINER = 1.25
SHRINKING, MAPPING = Image.Resampling.HAMMING, Image.Resampling.BILINEAR
# What of a picture's height fades away below where it was cut off.
FADE = 0.3
# Strips of a picture that a wave goes through.
STRIPS = 14
# Waves along a picture.
WAVES = 0.8


@dataclass(frozen=True, slots=True)
class Placed:
    """A part of a frame that a layer covers: its left and top, and premultiplied RGBA uint8 [h, w, 4]."""

    left: int
    top: int
    pixels: Frames


def picture_box(picture: Frames) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what can be seen of a picture uint8 [H, W, 4].

    Raises:
        ValueError: nothing can be.
    """
    seen = picture[..., 3] > FAINT
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(rows):
        raise ValueError("a picture of nothing can't be placed")
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def shrink(box: Image.Image, wide: float) -> Image.Image:
    """A picture's box FINER than `wide` pixels; as it is where it isn't."""
    width = max(2, math.ceil(FINER * wide))
    if width >= box.width:
        return box
    return box.resize((width, max(2, round(box.height * width / box.width))), SHRINKING)


def cut_to_box(picture: Frames) -> Image.Image:
    """The box of a picture, mode RGBa."""
    return Image.fromarray(picture).crop(picture_box(picture)).convert("RGBa")


def faded_below(box: Image.Image) -> Image.Image:
    """A box (mode RGBa) of one who is cut off below: it fades away instead."""
    pixels = np.array(box)
    rows = max(1, round(FADE * box.height))
    share = (rows - 0.5 - np.arange(rows)) / rows
    # Steepest in its middle, and without a corner at either end.
    eased = (share * share * (3 - 2 * share))[:, None, None]
    pixels[-rows:] = np.rint(pixels[-rows:] * eased)
    return Image.frombytes("RGBa", box.size, pixels.tobytes())


def box_pixels(pose: ActorPose, ratio: float, size: Size) -> tuple[float, float]:
    """Width and height in pixels of a layer at this pose, before it is stretched, in frames of `size`."""
    side = pose.size * min(size)
    return side * math.sqrt(ratio), side / math.sqrt(ratio)


class Layer:
    """A picture's box at the sizes that a path needs."""

    def __init__(self, box: Image.Image, ratio: float, *, upright_waves: bool) -> None:
        """`box` (mode RGBa) is at the largest size that is needed; `ratio` is of its width to its height."""
        self.ratio = ratio
        self._box, self._upright = box, upright_waves
        self._scaled: dict[int, Image.Image] = {}

    def place(self, pose: ActorPose, size: Size) -> Placed | None:
        """The layer at a pose in a frame of `size` (width, height); None where it is out of sight."""
        wide, tall = box_pixels(pose, self.ratio, size)
        width, height = wide / pose.stretch, tall * pose.stretch
        middle = (pose.x * size[0], pose.y * size[1] - pose.lift * min(size) - height / 2)
        cos, sin = math.cos(math.radians(pose.angle)), math.sin(math.radians(pose.angle))
        wave = abs(pose.wobble) * pose.size * min(size)
        across = (abs(cos) * width + abs(sin) * height) / 2 + wave + PADDING
        along = (abs(sin) * width + abs(cos) * height) / 2 + wave + PADDING
        left, right = max(0, math.floor(middle[0] - across)), min(size[0], math.ceil(middle[0] + across))
        top, bottom = max(0, math.floor(middle[1] - along)), min(size[1], math.ceil(middle[1] + along))
        if left >= right or top >= bottom:
            return None
        source = self._at(wide, pose.mirrored)
        inner = source.width - 2 * PADDING, source.height - 2 * PADDING
        # From pixels of the frame to those of the layer.
        scale = inner[0] / width, inner[1] / height
        matrix = np.array(
            [
                [cos * scale[0], sin * scale[0], source.width / 2],
                [-sin * scale[1], cos * scale[1], source.height / 2],
            ]
        )
        matrix[:, 2] += matrix[:, :2] @ (left - middle[0], top - middle[1])
        shape = right - left, bottom - top
        if wave:
            warped = self._waved(source, matrix, shape, pose, wave * scale[0])
        else:
            warped = source.transform(shape, Image.Transform.AFFINE, matrix.ravel().tolist(), MAPPING)
        return Placed(left, top, np.asarray(warped))

    def _at(self, wide: float, mirrored: bool) -> Image.Image:
        """The box with its padding, FINER than `wide` pixels and no more than a step finer."""
        smaller = max(0, math.floor(math.log(max(1.0, self._box.width / max(FINER * wide, 1.0)), STEP)))
        key = 2 * smaller + mirrored
        found = self._scaled.get(key)
        if found is None:
            factor = STEP**-smaller
            inner = [max(1, round(side * factor)) for side in self._box.size]
            shrunk = self._box if not smaller else self._box.resize(inner, SHRINKING)
            if mirrored:
                shrunk = shrunk.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            found = Image.new("RGBa", (shrunk.width + 2 * PADDING, shrunk.height + 2 * PADDING))
            found.paste(shrunk, (PADDING, PADDING))
            self._scaled[key] = found
        return found

    def _waved(
        self,
        source: Image.Image,
        matrix: NDArray[np.float64],
        shape: Size,
        pose: ActorPose,
        amplitude: float,
    ) -> Image.Image:
        """As the map alone, with a wave that travels down the picture, or along it to its tail."""
        length = shape[1] if self._upright else shape[0]
        edges = np.unique(np.linspace(0, length, STRIPS + 1).round().astype(int))
        mesh = []
        for first, last in pairwise(edges):
            if self._upright:
                target = (0, int(first), shape[0], int(last))
            else:
                target = (int(first), 0, int(last), shape[1])
            x0, y0, x1, y1 = target
            corners = np.array([(x0, y0), (x0, y1), (x1, y1), (x1, y0)], dtype=np.float64)
            there = corners @ matrix[:, :2].T + matrix[:, 2]
            there += self._wave(there, source.size, pose, amplitude)
            mesh.append((target, there.ravel().tolist()))
        return source.transform(shape, Image.Transform.MESH, mesh, MAPPING)

    def _wave(
        self, there: NDArray[np.float64], size: Size, pose: ActorPose, amplitude: float
    ) -> NDArray[np.float64]:
        """How far the wave moves points [n, 2] of the layer."""
        moved = np.zeros_like(there)
        if self._upright:
            share = there[:, 1] / size[1]
            # The head is steadier than what hangs under it.
            moved[:, 0] = np.sin(2 * math.pi * WAVES * share - pose.phase) * (0.3 + 0.7 * share)
        else:
            share = there[:, 0] / size[0]
            moved[:, 1] = np.sin(2 * math.pi * WAVES * share - pose.phase)
        return moved * amplitude


def paste(frame: Frames, placed: Placed) -> None:
    """Put a layer on a frame uint8 [H, W, 3], in place."""
    rows, columns, _ = placed.pixels.shape
    there = frame[placed.top : placed.top + rows, placed.left : placed.left + columns]
    behind = np.uint16(255) - placed.pixels[..., 3:]
    # 255ths, rounded.
    mixed = (there * behind + np.uint16(127)) // np.uint16(255) + placed.pixels[..., :3]
    np.minimum(mixed, 255, out=mixed)
    there[:] = mixed


def contact_profile(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much of a layer's alpha [h, w] in 0..1 is near its feet, for each of its columns: 0..1."""
    rows = np.arange(alpha.shape[0], dtype=np.float32)[::-1] / alpha.shape[0]
    weights = np.exp(-rows / 0.14)
    found = weights @ alpha / weights.sum()
    return np.asarray(found / max(float(found.max()), 1e-6), dtype=np.float32)
