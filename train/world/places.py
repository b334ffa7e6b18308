"""The ten places, drawn by code at any size.

A painter receives a canvas of `width` x `height` pixels and a `random.Random`, and works in fractions of
the height, so that the same seed gives the same picture at every size.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]


@dataclass
class Canvas:
    """A picture addressed by fractions: x in 0..aspect, y in 0..1, both times the height in pixels."""

    image: Image.Image
    rng: random.Random

    def __post_init__(self) -> None:
        self.pen = ImageDraw.Draw(self.image)
        self.unit = self.image.height
        self.aspect = self.image.width / self.image.height
        # How much wider it is than the widest portrait: what is scattered is scattered as densely.
        self.spread = max(1.0, self.aspect)

    def shade(self, colour: Colour, spread: int = 14) -> Colour:
        """`colour` with a little random variation, so that no two clips share a palette."""
        shift = self.rng.randint(-spread, spread)
        r, g, b = (max(0, min(255, c + shift + self.rng.randint(-4, 4))) for c in colour)
        return r, g, b

    def gradient(self, top: Colour, bottom: Colour, y0: float = 0.0, y1: float = 1.0) -> None:
        first, last = round(y0 * self.unit), round(y1 * self.unit)
        for y in range(first, last):
            share = (y - first) / max(1, last - first - 1)
            mix = tuple(round(a + (b - a) * share) for a, b in zip(top, bottom, strict=True))
            self.pen.line([(0, y), (self.image.width, y)], fill=mix)

    def polygon(self, points: list[tuple[float, float]], colour: Colour) -> None:
        self.pen.polygon([(x * self.unit, y * self.unit) for x, y in points], fill=colour)

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        self.pen.rectangle([x0 * self.unit, y0 * self.unit, x1 * self.unit, y1 * self.unit], fill=colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        u = self.unit
        self.pen.ellipse(
            [(x - radius) * u, (y - radius) * u, (x + radius) * u, (y + radius) * u], fill=colour
        )

    def hills(self, base: float, rise: float, colour: Colour, waves: float = 2.0) -> None:
        phase = self.rng.uniform(0, math.tau)
        edge = [
            (x, base - rise * (0.5 + 0.5 * math.sin(phase + waves * math.tau * x)))
            for x in (i * self.aspect / 32 for i in range(33))
        ]
        self.polygon([(0, 1.01), *edge, (self.aspect, 1.01)], colour)


def beach(c: Canvas) -> None:
    horizon = c.rng.uniform(0.38, 0.46)
    c.gradient(c.shade((90, 175, 245)), c.shade((190, 228, 250)), 0, horizon)
    c.disc(c.rng.uniform(0.1, c.aspect - 0.1), 0.13, 0.06, (255, 240, 150))
    c.gradient(c.shade((20, 110, 200)), c.shade((70, 190, 215)), horizon, 0.66)
    c.hills(0.67, 0.05, (240, 248, 250), 1.5)
    c.hills(0.70, 0.05, c.shade((240, 214, 150)), 1.5)
    x = c.rng.choice((0.08, c.aspect - 0.08))
    c.polygon([(x - 0.015, 0.8), (x + 0.015, 0.8), (x + 0.03, 0.35), (x + 0.01, 0.35)], (130, 90, 50))
    for angle in range(0, 360, 60):
        tip = (
            x + 0.02 + 0.17 * math.cos(math.radians(angle)),
            0.35 + 0.1 * math.sin(math.radians(angle)) + 0.03,
        )
        c.polygon([(x + 0.02, 0.32), tip, (x + 0.02, 0.38)], (40, 140, 60))


def forest(c: Canvas) -> None:
    c.gradient(c.shade((150, 205, 190)), c.shade((90, 150, 110)), 0, 0.7)
    for layer, (base, tone) in enumerate(((0.66, (50, 110, 70)), (0.76, (25, 85, 45)))):
        x = c.rng.uniform(-0.1, 0.0)
        while x < c.aspect + 0.1:
            tall, wide = c.rng.uniform(0.45, 0.62), c.rng.uniform(0.10, 0.13)
            green = c.shade(tone, 10)
            c.box(x - 0.013, base - 0.1, x + 0.013, base + 0.03, (90, 60, 35))
            for step in range(3):
                top = base - tall + step * tall * 0.24
                spread = wide * (0.6 + 0.25 * step)
                c.polygon([(x - spread, top + tall * 0.36), (x, top), (x + spread, top + tall * 0.36)], green)
            x += c.rng.uniform(0.18, 0.25) + 0.02 * layer
    c.gradient(c.shade((60, 110, 45)), c.shade((40, 80, 30)), 0.76, 1)


def city(c: Canvas) -> None:
    c.gradient(c.shade((130, 180, 225)), c.shade((215, 225, 235)), 0, 0.8)
    x = c.rng.uniform(-0.08, 0)
    while x < c.aspect:
        wide, top = c.rng.uniform(0.17, 0.25), c.rng.uniform(0.12, 0.45)
        wall = c.shade(c.rng.choice(((110, 115, 130), (150, 120, 110), (90, 105, 135), (135, 135, 140))), 10)
        c.box(x, top, x + wide, 0.8, wall)
        for row in range(int((0.74 - top) / 0.1)):
            for column in range(2):
                lit = (255, 230, 130) if c.rng.random() < 0.55 else (60, 75, 100)
                left = x + wide * (0.16 + 0.4 * column)
                c.box(left, top + 0.04 + 0.1 * row, left + wide * 0.28, top + 0.09 + 0.1 * row, lit)
        x += wide + 0.008
    c.box(0, 0.78, c.aspect, 0.81, (170, 170, 170))
    c.box(0, 0.81, c.aspect, 1, c.shade((70, 72, 78)))
    for i in range(-1, round(8 * c.spread)):
        c.box(i * 0.24 + 0.05, 0.89, i * 0.24 + 0.17, 0.91, (240, 220, 120))


def desert(c: Canvas) -> None:
    c.gradient(c.shade((245, 190, 110)), c.shade((255, 232, 180)), 0, 0.6)
    c.disc(c.rng.uniform(0.1, c.aspect - 0.1), 0.15, 0.075, (255, 250, 210))
    c.hills(0.60, 0.16, c.shade((222, 150, 75)), 1.2)
    c.hills(0.72, 0.10, c.shade((235, 175, 95)), 0.9)
    c.hills(0.84, 0.07, c.shade((245, 195, 115)), 1.4)
    for _ in range(round(2 * c.spread)):
        x, y, s = c.rng.uniform(0.03, c.aspect - 0.03), c.rng.uniform(0.62, 0.78), c.rng.uniform(1.1, 1.5)
        green = c.shade((45, 125, 60), 8)
        c.box(x - 0.016 * s, y - 0.19 * s, x + 0.016 * s, y, green)
        c.box(x - 0.055 * s, y - 0.11 * s, x, y - 0.085 * s, green)
        c.box(x - 0.055 * s, y - 0.15 * s, x - 0.035 * s, y - 0.085 * s, green)
        c.box(x, y - 0.08 * s, x + 0.05 * s, y - 0.055 * s, green)
        c.box(x + 0.03 * s, y - 0.14 * s, x + 0.05 * s, y - 0.055 * s, green)


def mountains(c: Canvas) -> None:
    c.gradient(c.shade((120, 165, 215)), c.shade((215, 230, 245)), 0, 0.75)
    x = c.rng.uniform(-0.15, 0.0)
    while x < c.aspect + 0.1:
        top, half = c.rng.uniform(0.14, 0.3), c.rng.uniform(0.2, 0.26)
        c.polygon([(x - half, 0.76), (x, top), (x + half, 0.76)], c.shade((105, 115, 140), 10))
        cap = 0.42
        c.polygon(
            [
                (x - half * cap, top + (0.76 - top) * cap),
                (x, top),
                (x + half * cap, top + (0.76 - top) * cap),
                (x + half * 0.1, top + (0.76 - top) * 0.32),
            ],
            (250, 252, 255),
        )
        x += half * c.rng.uniform(0.9, 1.2)
    c.hills(0.76, 0.05, c.shade((228, 236, 246), 6), 1.3)
    c.hills(0.88, 0.05, c.shade((246, 249, 253), 5), 0.9)
    for _ in range(round(8 * c.spread)):
        c.disc(c.rng.uniform(0, c.aspect), c.rng.uniform(0, 0.95), 0.014, (255, 255, 255))


def ocean(c: Canvas) -> None:
    c.gradient(c.shade((40, 165, 205)), c.shade((5, 50, 120)))
    for _ in range(round(3 * c.spread)):
        x = c.rng.uniform(0, c.aspect)
        c.polygon([(x, 0), (x + 0.07, 0), (x - 0.1, 0.75), (x - 0.24, 0.75)], c.shade((60, 180, 215), 8))
    c.hills(0.90, 0.06, c.shade((190, 170, 120)), 1.6)
    for _ in range(round(4 * c.spread)):
        x, tall = c.rng.uniform(0, c.aspect), c.rng.uniform(0.15, 0.34)
        weed = c.shade(c.rng.choice(((30, 140, 90), (220, 90, 110), (240, 130, 70))), 10)
        for i in range(8):
            y = 0.92 - tall * i / 8
            c.disc(x + 0.014 * math.sin(i * 1.3), y, 0.02 - 0.0012 * i, weed)
    for _ in range(round(5 * c.spread)):
        c.disc(
            c.rng.uniform(0, c.aspect), c.rng.uniform(0.05, 0.8), c.rng.uniform(0.014, 0.02), (170, 225, 240)
        )


def space(c: Canvas) -> None:
    c.gradient(c.shade((15, 8, 40), 6), c.shade((45, 20, 75), 8))
    for _ in range(round(16 * c.spread)):
        c.disc(
            c.rng.uniform(0, c.aspect),
            c.rng.uniform(0, 0.85),
            c.rng.choice((0.008, 0.011)),
            (255, 255, 235),
        )
    x, y = c.rng.uniform(0.1, c.aspect - 0.1), c.rng.uniform(0.12, 0.25)
    planet = c.shade(c.rng.choice(((230, 140, 80), (100, 160, 230), (200, 110, 190))), 12)
    c.disc(x, y, 0.085, planet)
    c.polygon(
        [(x - 0.15, y + 0.03), (x + 0.15, y - 0.05), (x + 0.15, y - 0.03), (x - 0.15, y + 0.05)],
        (235, 215, 170),
    )
    c.hills(0.84, 0.05, c.shade((150, 150, 160)), 0.6)
    for _ in range(round(4 * c.spread)):
        c.disc(
            c.rng.uniform(0, c.aspect), c.rng.uniform(0.88, 0.99), c.rng.uniform(0.02, 0.035), (115, 115, 125)
        )


def meadow(c: Canvas) -> None:
    c.gradient(c.shade((110, 190, 250)), c.shade((205, 235, 250)), 0, 0.6)
    for _ in range(round(2 * c.spread)):
        x, y = c.rng.uniform(0.05, c.aspect - 0.05), c.rng.uniform(0.08, 0.25)
        for dx, r in ((-0.06, 0.035), (0, 0.05), (0.06, 0.035)):
            c.disc(x + dx, y, r, (255, 255, 255))
    c.hills(0.60, 0.12, c.shade((130, 195, 90)), 1.1)
    c.hills(0.72, 0.08, c.shade((95, 180, 65)), 0.8)
    for _ in range(round(12 * c.spread)):
        x, y = c.rng.uniform(0, c.aspect), c.rng.uniform(0.72, 0.99)
        petal = c.rng.choice(((250, 90, 110), (255, 225, 70), (255, 255, 255), (190, 110, 230)))
        c.disc(x, y, 0.02, petal)


def room(c: Canvas) -> None:
    wall = c.shade(c.rng.choice(((235, 205, 170), (205, 190, 225), (225, 200, 200))))
    c.gradient(wall, wall, 0, 0.72)
    stripe = tuple(max(0, v - 14) for v in wall)
    for i in range(round(12 * c.spread)):
        c.box(i * 0.12, 0, i * 0.12 + 0.05, 0.72, stripe)  # type: ignore[arg-type]
    left = c.rng.uniform(0.05, c.aspect - 0.32)
    c.box(left, 0.13, left + 0.27, 0.43, (250, 250, 250))
    c.box(left + 0.02, 0.15, left + 0.25, 0.41, c.shade((140, 205, 250)))
    c.box(left + 0.127, 0.13, left + 0.143, 0.43, (250, 250, 250))
    c.box(left, 0.272, left + 0.27, 0.288, (250, 250, 250))
    c.box(0, 0.70, c.aspect, 0.73, (245, 240, 230))
    c.gradient(c.shade((165, 110, 65)), c.shade((130, 85, 48)), 0.73, 1)
    x = c.rng.uniform(0.2, c.aspect - 0.2)
    u = c.unit
    c.pen.ellipse(
        [(x - 0.26) * u, 0.82 * u, (x + 0.26) * u, 0.97 * u],
        fill=c.shade(c.rng.choice(((190, 60, 70), (60, 90, 160)))),
    )


def volcano(c: Canvas) -> None:
    c.gradient(c.shade((95, 60, 70)), c.shade((190, 110, 85)), 0, 0.75)
    x = c.rng.uniform(0.15, c.aspect - 0.15)
    for i in range(5):
        c.disc(x + c.rng.uniform(-0.05, 0.05), 0.16 - 0.04 * i, 0.05 + 0.014 * i, c.shade((80, 72, 78), 8))
    c.polygon([(x - 0.45, 0.8), (x - 0.07, 0.2), (x + 0.07, 0.2), (x + 0.45, 0.8)], c.shade((72, 52, 52), 8))
    lava = (255, 120, 30)
    c.polygon([(x - 0.07, 0.2), (x + 0.07, 0.2), (x + 0.03, 0.34), (x, 0.28), (x - 0.04, 0.38)], lava)
    c.polygon([(x - 0.01, 0.2), (x + 0.03, 0.2), (x + 0.11, 0.78), (x + 0.05, 0.78)], lava)
    c.gradient(c.shade((60, 42, 44), 6), c.shade((38, 28, 32), 6), 0.78, 1)
    for _ in range(round(4 * c.spread)):
        left, y = c.rng.uniform(-0.1, c.aspect), c.rng.uniform(0.82, 0.97)
        c.box(left, y, left + c.rng.uniform(0.1, 0.25), y + 0.012, (255, 150, 40))


PAINTERS: dict[str, Callable[[Canvas], None]] = {
    "beach": beach,
    "forest": forest,
    "city": city,
    "desert": desert,
    "mountains": mountains,
    "ocean": ocean,
    "space": space,
    "meadow": meadow,
    "room": room,
    "volcano": volcano,
}
