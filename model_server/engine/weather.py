"""Weather in front of any scene: rain, snow and fog laid over the frames of a clip.

Nothing appears or vanishes by chance from frame to frame: every drop, flake and bank of fog moves on its own
path, and stands after the last frame where it stood in the first, so that a clip loops. All lengths are
fractions of the height, so that the same seed gives the same weather at every size. Apply it before the
colours of a style.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageDraw

from model_server.engine.pixels import Floats

# Paths start above the picture and end below it: nothing is seen where it starts again.
TOP, BOTTOM = -0.15, 1.15
# Masks are drawn this much larger than the frames, up to about so many rows, and averaged down.
DRAWN_ROWS, FINEST = 1024, 8


@dataclass(frozen=True)
class _Layer:
    """Drops or flakes at one distance.

    paths: how many per height of width; each: how many move on one path; speed in heights a second;
    size in heights; opacity in 0..1.
    """

    paths: int
    each: int
    speed: float
    size: float
    opacity: float


RAIN = (
    _Layer(75, 2, 1.5, 0.0022, 0.34),
    _Layer(48, 2, 2.0, 0.0032, 0.46),
    _Layer(18, 1, 2.6, 0.0048, 0.54),
)
SNOW = (
    _Layer(50, 5, 0.10, 0.0042, 0.70),
    _Layer(28, 4, 0.16, 0.0075, 0.85),
    _Layer(9, 3, 0.24, 0.0130, 0.90),
)
RAIN_LENGTH = 0.028  # of a streak, in seconds of its fall
RAIN_SLANT = 0.13  # sideways per downwards
SPLASHES, SPLASH_SECONDS = 26, 0.5


@dataclass(frozen=True)
class _Span:
    """Which frames of a clip are drawn, of how many, and their number a second."""

    moments: Sequence[int]
    total: int
    fps: int

    @property
    def seconds(self) -> float:
        return self.total / self.fps


def weathered(
    frames: Floats, kind: str, seed: int, fps: int = 8, moments: Sequence[int] | None = None, total: int = 0
) -> Floats:
    """The frames (float32 [F, H, W, 3] in 0..255) under the weather, as new float32 frames in 0..255.

    `moments` are the frames of a clip of `total` that these are, where they aren't all of them.

    Raises KeyError for a kind that isn't in WEATHER.
    """
    shown = range(len(frames)) if moments is None else moments
    span = _Span(shown, total or len(frames), fps)
    return WEATHER[kind](frames, random.Random(f"{kind}|{seed}"), span)


def _rain(frames: Floats, rng: random.Random, span: _Span) -> Floats:
    height, width = frames.shape[1:3]
    seconds, aspect = span.seconds, width / height
    drops = [(layer, path) for layer in RAIN for path in _paths(layer, aspect, rng)]
    splashes = [
        (rng.uniform(0, aspect), rng.uniform(0.74, 0.99), rng.random(), rng.uniform(0.8, 1.25))
        for _ in range(round(SPLASHES * max(1.0, aspect)))
    ]
    rounds = max(1, round(seconds / SPLASH_SECONDS))
    colour = _lit(frames, (216, 228, 240))
    # Less light, less colour.
    grey = frames.mean(axis=-1, keepdims=True)
    out: Floats = (frames * 0.72 + grey * 0.28) * np.asarray((0.78, 0.82, 0.88), dtype=np.float32)
    for frame, moment in zip(out, span.moments, strict=True):
        mask = _Mask(height, width)
        for layer, path in drops:
            length = RAIN_LENGTH * layer.speed
            for y in path.heights(layer, moment / span.total, seconds):
                x = path.x - RAIN_SLANT * y
                tail = (x + RAIN_SLANT * length, y - length)
                mask.streak(tail, (x, y), layer.size, layer.opacity)
        for x, y, start, often in splashes:
            life = (moment / span.total * max(1, round(rounds * often)) + start) % 1
            mask.ring(x, y, 0.006 + 0.024 * life * (y - 0.3), 0.45 * (1 - life))
        _lay(frame, mask.values(), colour)
    return out


def _snow(frames: Floats, rng: random.Random, span: _Span) -> Floats:
    height, width = frames.shape[1:3]
    seconds, aspect = span.seconds, width / height
    flakes = [(layer, path) for layer in SNOW for path in _paths(layer, aspect, rng)]
    colour = _lit(frames, (255, 255, 255))
    grey = frames.mean(axis=-1, keepdims=True)
    out: Floats = (frames * 0.72 + grey * 0.28) * np.float32(0.8) + _lit(
        frames, (214, 224, 238)
    ) * np.float32(0.2)
    # Snow that has fallen lies pale on the ground, softly from the middle down.
    rise = np.clip((np.arange(height, dtype=np.float32) / height - 0.72) / 0.28, 0, 1)[:, None]
    for frame, moment in zip(out, span.moments, strict=True):
        _lay(frame, np.broadcast_to(0.42 * rise, (height, width)), colour)
        mask = _Mask(height, width)
        for layer, path in flakes:
            for y in path.heights(layer, moment / span.total, seconds):
                # The sway belongs to the place on the path, so that each flake takes over from the next one.
                x = path.x + path.sway * math.sin(path.phase + 7 * y) - 0.12 * y
                mask.flake(x, y, layer.size * path.scale, layer.opacity)
        _lay(frame, mask.values(), colour)
    return out


FOG_ROWS = 48  # of the drawn veil: it has no finer detail
FOG_DRIFT = 0.07  # heights a second


def _fog(frames: Floats, rng: random.Random, span: _Span) -> Floats:
    height, width = frames.shape[1:3]
    seconds, aspect = span.seconds, width / height
    columns = math.ceil(FOG_ROWS * aspect)
    veils = [_clouded(rng, columns * 3, FOG_ROWS) for _ in range(2)]
    y = (np.arange(FOG_ROWS, dtype=np.float32) + 0.5)[:, None] / FOG_ROWS
    # Thickest where it's far: at the horizon; it thins out towards the sky and the viewer.
    thick = 0.34 + 0.38 * np.exp(-(((y - 0.52) / 0.26) ** 2))
    colour = _lit(frames, (226, 230, 234))
    grey = frames.mean(axis=-1, keepdims=True)
    out: Floats = frames * 0.7 + grey * 0.3
    for frame, moment in zip(out, span.moments, strict=True):
        # Two veils drift on while they fade in and out by turns: the one that starts again isn't seen.
        field = np.zeros((FOG_ROWS, columns), dtype=np.float32)
        for veil, start in zip(veils, (0.0, 0.5), strict=True):
            life = (moment / span.total + start) % 1
            shift = columns * 0.5 + life * seconds * FOG_DRIFT * FOG_ROWS
            field += math.sin(math.pi * life) ** 2 * _shifted(veil, shift, columns)
        alpha = Image.fromarray(np.clip(thick + 0.42 * (field - 0.5), 0, 0.92).astype(np.float32))
        mask = np.asarray(alpha.resize((width, height), Image.Resampling.BICUBIC))
        _lay(frame, np.clip(mask, 0, 1), colour)
    return out


WEATHER: Mapping[str, Callable[[Floats, random.Random, _Span], Floats]] = MappingProxyType(
    {"rain": _rain, "snow": _snow, "fog": _fog}
)


@dataclass(frozen=True)
class _Path:
    """Where drops or flakes fall one behind the other."""

    x: float
    start: float
    phase: float
    sway: float
    scale: float

    def heights(self, layer: _Layer, share: float, seconds: float) -> list[float]:
        """How low each one is after `share` of the clip; the clip's end is its beginning."""
        apart = (BOTTOM - TOP) / layer.each
        steps = max(1, round(layer.speed * seconds / apart))
        first = (self.start + share * steps) % 1
        return [TOP + (first + k) * apart for k in range(layer.each)]


def _paths(layer: _Layer, aspect: float, rng: random.Random) -> list[_Path]:
    # They drift to the left on their way down: some start beyond the right edge.
    wide = aspect + 0.35
    return [
        _Path(
            rng.uniform(-0.08, wide),
            rng.random(),
            rng.uniform(0, math.tau),
            rng.uniform(0.008, 0.03),
            rng.uniform(0.7, 1.25),
        )
        for _ in range(round(layer.paths * wide))
    ]


class _Mask:
    """How much of each pixel something covers, drawn at several times the size and averaged down."""

    def __init__(self, height: int, width: int) -> None:
        self.factor = max(1, min(FINEST, DRAWN_ROWS // height))
        self.image = Image.new("L", (width * self.factor, height * self.factor))
        self.pen = ImageDraw.Draw(self.image)
        self.unit = height * self.factor

    def streak(
        self, tail: tuple[float, float], tip: tuple[float, float], width: float, opacity: float
    ) -> None:
        """A line that is fainter at its tail; narrower than a drawn pixel, it is fainter instead."""
        drawn = width * self.unit
        (x0, y0), (x1, y1) = ((x * self.unit, y * self.unit) for x, y in (tail, tip))
        fill = 255 * opacity * min(1.0, drawn)
        wide = max(1, round(drawn))
        self.pen.line([(x0, y0), (x1, y1)], fill=round(0.55 * fill), width=wide)
        self.pen.line([((x0 + x1) / 2, (y0 + y1) / 2), (x1, y1)], fill=round(fill), width=wide)

    def flake(self, x: float, y: float, radius: float, opacity: float) -> None:
        """A disc with a soft rim."""
        x, y, r = x * self.unit, y * self.unit, radius * self.unit
        for scale, share in ((1.0, 0.45), (0.75, 0.8), (0.5, 1.0)):
            box = [x - r * scale, y - r * scale, x + r * scale, y + r * scale]
            self.pen.ellipse(box, fill=round(255 * opacity * share))

    def ring(self, x: float, y: float, radius: float, opacity: float) -> None:
        """A flat ring, as a drop leaves it."""
        x, y, r = x * self.unit, y * self.unit, radius * self.unit
        wide = max(1, round(0.002 * self.unit))
        self.pen.ellipse([x - r, y - r * 0.35, x + r, y + r * 0.35], outline=round(255 * opacity), width=wide)

    def values(self) -> Floats:
        """float32 [H, W] in 0..1."""
        return np.asarray(self.image.reduce(self.factor), dtype=np.float32) / np.float32(255)


def _lit(frames: Floats, colour: tuple[int, int, int]) -> Floats:
    """A pale colour as the light of the scene shows it: bluish and dim at night, warm at sunset."""
    mean = frames.mean(axis=(0, 1, 2))
    bright = float(mean.mean())
    cast = mean / max(1.0, bright)
    share = min(1.0, 0.42 + 0.75 * bright / 160)
    lit: Floats = np.asarray(colour, dtype=np.float32) * share * (0.7 + 0.3 * cast)
    return np.clip(lit, 0, 255).astype(np.float32)


def _lay(frame: Floats, mask: Floats, colour: Floats) -> None:
    """Mix a colour into a frame [H, W, 3], in place."""
    frame += mask[..., None] * (colour - frame)


def _clouded(rng: random.Random, columns: int, rows: int) -> Floats:
    """Smooth noise [rows, columns] in 0..1, in flat banks."""
    noise = np.random.default_rng(rng.getrandbits(64))
    total = np.zeros((rows, columns), dtype=np.float32)
    for octave in range(3):
        # Banks are about three times as wide as they are high.
        grid = (4 * 2**octave + 1, max(2, round(columns / rows * 1.5 * 2**octave)) + 1)
        layer = Image.fromarray(noise.random(grid, dtype=np.float32))
        total += np.asarray(layer.resize((columns, rows), Image.Resampling.BICUBIC)) * 0.5**octave
    total -= total.min()
    scaled: Floats = total / max(1e-6, float(total.max()))
    return scaled


def _shifted(field: Floats, shift: float, columns: int) -> Floats:
    """`columns` of a field from a fractional column on."""
    first, share = math.floor(shift), np.float32(shift - math.floor(shift))
    left, right = field[:, first : first + columns], field[:, first + 1 : first + 1 + columns]
    mixed: Floats = left + share * (right - left)
    return mixed
