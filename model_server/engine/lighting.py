"""How a scene lights an actor: its time of day, the colours around the actor, water and fog between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from model_server.engine.actors import ActorPose
from model_server.engine.pixels import Floats, Frames

Colour = tuple[float, float, float]

# What multiplies an actor's colours.
TINTS: Mapping[str, Colour] = MappingProxyType(
    {"day": (1.0, 1.0, 1.0), "sunset": (1.0, 0.88, 0.76), "night": (0.78, 0.82, 0.97)}
)
# What shines on upper edges, of 255: the sky, the evening, the moon.
RIMS: Mapping[str, Colour] = MappingProxyType(
    {"day": (18, 20, 22), "sunset": (70, 38, 10), "night": (34, 44, 66)}
)
# How much of the colours around an actor becomes its own: as hue, and as brightness.
CAST, LEVEL = 0.22, 0.16
# Brightness of a scene, of 255, that changes none.
MIDDLE = 125.0
# How much darker feet are than heads.
SHADE = 0.14
# How much of what is behind an edge shines round it, and how wide edges are, in sizes.
WRAP, EDGE = 0.22, 0.022
# How much of what is between lies over an actor, by place.
VEILS: Mapping[str, float] = MappingProxyType({"ocean": 0.17})
LUMA = np.array((0.299, 0.587, 0.114), dtype=np.float32)
# Columns of the grid that a scene's colours are averaged to, and frames that are looked at.
GRID, MOMENTS = 16, 3


@dataclass(frozen=True, slots=True)
class Ambience:
    """Mean colours of a scene, float32 [3] in 0..255: around an actor, above it, of the ground under it."""

    around: Floats
    above: Floats
    below: Floats


class SceneColours:
    """A scene's colours, averaged over time and to a small grid."""

    def __init__(self, frames: Frames) -> None:
        count, height, width, _ = frames.shape
        self._rows = max(4, round(GRID * height / width))
        moments = np.linspace(0, count - 1, min(MOMENTS, count)).round().astype(int)
        small = [
            np.asarray(Image.fromarray(frames[moment]).resize((GRID, self._rows), Image.Resampling.BOX))
            for moment in moments
        ]
        self._grid = np.mean(small, axis=0, dtype=np.float32)

    @property
    def brightness(self) -> float:
        """Mean brightness, 0..255."""
        return float((self._grid @ LUMA).mean())

    def near(self, path: Sequence[ActorPose], aspect: float) -> Ambience:
        """The colours around an actor on its path; `aspect` is the frame's width by its height."""
        poses = np.array([(pose.x, pose.y, pose.lift, pose.size) for pose in path], dtype=np.float32).mean(0)
        x, ground, lift, size = (float(value) for value in poses)
        tall = size * min(1.0, aspect)
        middle = ground - lift * min(1.0, aspect) - tall / 2
        return Ambience(
            self._mean(x, middle, 0.35 * tall),
            self._mean(x, middle - 0.6 * tall, 0.3 * tall),
            self._mean(x, min(0.98, ground + 0.03), 0.08),
        )

    def _mean(self, x: float, y: float, spread: float) -> Floats:
        rows = (np.arange(self._rows) + 0.5) / self._rows
        columns = (np.arange(GRID) + 0.5) / GRID
        weights = np.exp(
            -(((rows[:, None] - y) / max(spread, 0.04)) ** 2)
            - ((columns[None] - x) / (2 * spread + 0.1)) ** 2
        )
        weights /= max(float(weights.sum()), 1e-9)
        return np.asarray(np.einsum("hw,hwc->c", weights, self._grid), dtype=np.float32)


def tint_of(time: str | None, brightness: float) -> tuple[Floats, Floats]:
    """What multiplies colours and what upper edges get, of a time, or of a scene of this brightness."""
    if time is not None and time in TINTS:
        return np.array(TINTS[time], np.float32), np.array(RIMS[time], np.float32)
    # Nobody said when it is: dark scenes are lit as nights.
    dark = np.float32(np.clip((90.0 - brightness) / 50.0, 0.0, 1.0))
    day, night = np.array(TINTS["day"], np.float32), np.array(TINTS["night"], np.float32)
    rims = np.array(RIMS["day"], np.float32), np.array(RIMS["night"], np.float32)
    return day + (night - day) * dark, rims[0] + (rims[1] - rims[0]) * dark


def lit(
    box: Image.Image, ambience: Ambience, tint: Floats, rim: Floats, veil: float, *, upright: bool
) -> Image.Image:
    """A picture's box (mode RGBa) in a scene's light; one that turns (not `upright`) has no under side."""
    pixels = np.asarray(box, dtype=np.float32)
    alpha = pixels[..., 3:] / np.float32(255)
    colours = pixels[..., :3] * _gains(ambience, tint, box.height, upright=upright)
    radius = EDGE * (box.width * box.height) ** 0.5
    around = Image.fromarray(pixels[..., 3].astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    soft = np.asarray(around, dtype=np.float32)[..., None] / np.float32(255)
    edge = np.clip((np.float32(0.95) - soft) / np.float32(0.45), 0, 1) * alpha
    colours += (ambience.around * alpha - colours) * (edge * np.float32(WRAP))
    if upright:
        # What has nothing above it.
        drop = max(1, round(2 * radius))
        over = np.zeros_like(soft)
        over[drop:] = soft[:-drop]
        colours += rim * (np.clip(alpha - over, 0, 1) * alpha)
    colours += (ambience.around * alpha - colours) * np.float32(veil)
    # Premultiplied: no colour is more than its alpha.
    out = np.concatenate((np.clip(colours, 0, pixels[..., 3:]), pixels[..., 3:]), axis=-1)
    return _premultiplied(np.rint(out).astype(np.uint8))


def _gains(ambience: Ambience, tint: Floats, rows: int, *, upright: bool) -> NDArray[np.float32]:
    """What multiplies each row's colours [rows, 1, 3]."""
    if not upright:
        return np.asarray(tint * _gain(ambience.around), dtype=np.float32)
    down = np.linspace(0, 1, rows, dtype=np.float32)[:, None, None]
    half = np.float32(0.5)
    high = _gain((ambience.above + ambience.around) * half)
    low = _gain((ambience.below + ambience.around) * half)
    gains = high + (low - high) * down
    return np.asarray(tint * gains * (1 - np.float32(SHADE) * down**3), dtype=np.float32)


def _gain(colour: Floats) -> Floats:
    brightness = max(float(colour @ LUMA), 12.0)
    hue = np.clip(colour / np.float32(brightness), 0.5, 1.7)
    cast = 1 + CAST * (hue - 1)
    # Its own brightness is left to `LEVEL`.
    cast /= float(cast @ LUMA)
    level = 1 + LEVEL * (min(max(brightness / MIDDLE, 0.25), 1.35) - 1)
    return np.asarray(cast * level, dtype=np.float32)


def _premultiplied(pixels: Frames) -> Image.Image:
    """uint8 [h, w, 4] that is premultiplied, as mode RGBa."""
    height, width, _ = pixels.shape
    return Image.frombytes("RGBa", (width, height), np.ascontiguousarray(pixels).tobytes())
