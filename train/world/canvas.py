"""The canvas that places are painted on, and the things that many places are made of.

Everything is given in fractions of the height, so that the same seed gives the same picture at every size.
"""

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]


def tone(colour: Colour, factor: float) -> Colour:
    """`colour` made brighter (factor above 1: towards white by the excess) or darker (below 1)."""
    if factor > 1:
        return mix(colour, (255, 255, 255), factor - 1)
    r, g, b = (round(c * factor) for c in colour)
    return r, g, b


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """The colour that lies `share` (0..1) of the way from one to the other."""
    r, g, b = (round(a + (z - a) * share) for a, z in zip(one, other, strict=True))
    return r, g, b


@dataclass
class Canvas:
    """A picture addressed by fractions: x in 0..aspect, y in 0..1, both times the height in pixels.

    `rng` decides the composition; `fine` the detail, without moving anything that `rng` decides.
    """

    image: Image.Image
    rng: random.Random
    # At night no sun is painted; what shines by itself is marked in `light` for the lighting that follows.
    night: bool = False

    def __post_init__(self) -> None:
        self.pen = ImageDraw.Draw(self.image)
        self.unit = self.image.height
        self.aspect = self.image.width / self.image.height
        # How much wider it is than the widest portrait: what is scattered is scattered as densely.
        self.spread = max(1.0, self.aspect)
        self.fine = random.Random(repr(self.rng.getstate()[1][:8]))
        # How much of each pixel keeps its own colour in the dark, 0..255.
        self.light = Image.new("L", self.image.size)

    def shade(self, colour: Colour, spread: int = 14) -> Colour:
        """`colour` with a little random variation, so that no two clips share a palette."""
        return _varied(colour, spread, self.rng)

    def tint(self, colour: Colour, spread: int = 10) -> Colour:
        """`shade` for details: it draws from `fine`."""
        return _varied(colour, spread, self.fine)

    def gradient(self, top: Colour, bottom: Colour, y0: float = 0.0, y1: float = 1.0) -> None:
        first, last = round(y0 * self.unit), round(y1 * self.unit)
        for y in range(first, last):
            share = (y - first) / max(1, last - first - 1)
            self.pen.line([(0, y), (self.image.width, y)], fill=mix(top, bottom, share))

    def polygon(self, points: list[Point], colour: Colour) -> None:
        self.pen.polygon([(x * self.unit, y * self.unit) for x, y in points], fill=colour)

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        self.pen.rectangle([x0 * self.unit, y0 * self.unit, x1 * self.unit, y1 * self.unit], fill=colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        self.oval(x, y, radius, radius, colour)

    def oval(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        u = self.unit
        self.pen.ellipse([(x - rx) * u, (y - ry) * u, (x + rx) * u, (y + ry) * u], fill=colour)

    def line(self, points: list[Point], width: float, colour: Colour) -> None:
        """A line through the points; never thinner than one pixel."""
        scaled = [(x * self.unit, y * self.unit) for x, y in points]
        self.pen.line(scaled, fill=colour, width=max(1, round(width * self.unit)), joint="curve")

    def hills(self, base: float, rise: float, colour: Colour, waves: float = 2.0) -> list[Point]:
        """A wavy ground that reaches down to the bottom; returns its upper edge."""
        phase = self.rng.uniform(0, math.tau)
        edge = [
            (x, base - rise * (0.5 + 0.5 * math.sin(phase + waves * math.tau * x)))
            for x in (i * self.aspect / 32 for i in range(33))
        ]
        self.polygon([(0, 1.01), *edge, (self.aspect, 1.01)], colour)
        return edge

    def ridge(self, base: float, rise: float, colour: Colour, rough: float = 0.3) -> list[Point]:
        """A craggy skyline that reaches down to the bottom; returns its upper edge."""
        phases = [self.rng.uniform(0, math.tau) for _ in range(4)]
        edge = []
        for i in range(97):
            x = i * self.aspect / 96
            wave = sum(
                math.sin(phase + math.tau * x * 1.1 * 2.1**octave) * rough**octave
                for octave, phase in enumerate(phases)
            )
            edge.append((x, base - rise * (0.5 + 0.36 * wave)))
        self.polygon([(0, 1.01), *edge, (self.aspect, 1.01)], colour)
        return edge

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float = 1.0) -> None:
        """A soft round light."""
        side = max(2, round(2 * radius * self.unit))
        mask = Image.radial_gradient("L").resize((side, side), Image.Resampling.BILINEAR)
        mask = mask.point([round(strength * max(0, 1 - v / 181) ** 2 * 255) for v in range(256)])
        self.image.paste(colour, (round((x - radius) * self.unit), round((y - radius) * self.unit)), mask)

    def sun(self, x: float, y: float, radius: float, colour: Colour) -> None:
        if not self.night:
            self.glow(x, y, radius * 3, colour, 0.55)
            self.disc(x, y, radius, colour)

    def shine(self, x: float, y: float, radius: float, strength: float = 1.0) -> None:
        """A place that stays bright at night, softly fading out; painted colours don't change."""
        side = max(2, round(2 * radius * self.unit))
        mask = Image.radial_gradient("L").resize((side, side), Image.Resampling.BILINEAR)
        mask = mask.point([round(strength * min(1, 2 * max(0, 1 - v / 181)) * 255) for v in range(256)])
        self.light.paste(255, (round((x - radius) * self.unit), round((y - radius) * self.unit)), mask)

    def shine_box(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """A lit pane: it stays as bright as painted at night."""
        u = self.unit
        ImageDraw.Draw(self.light).rectangle([x0 * u, y0 * u, x1 * u, y1 * u], fill=255)

    def veil(self, points: list[Point], colour: Colour, strength: float) -> None:
        """A polygon that lets what is behind it shine through; `strength` in 0..1."""
        scaled = [(x * self.unit, y * self.unit) for x, y in points]
        left, top = (math.floor(min(p[axis] for p in scaled)) for axis in (0, 1))
        right, bottom = (math.ceil(max(p[axis] for p in scaled)) + 1 for axis in (0, 1))
        mask = Image.new("L", (max(1, right - left), max(1, bottom - top)))
        ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in scaled], fill=round(255 * strength))
        self.image.paste(colour, (left, top), mask)

    def cloud(self, x: float, y: float, size: float, colour: Colour = (255, 255, 255)) -> None:
        """A flat-bottomed heap of puffs, `size` wide to each side, darker below."""
        puffs = [(self.fine.uniform(-0.75, 0.75), self.fine.uniform(0.20, 0.30)) for _ in range(5)] + [
            (0.05, 0.42),
            (-0.35, 0.3),
            (0.42, 0.3),
        ]
        for drop, shade in ((0.09, mix(colour, (150, 170, 205), 0.45)), (0.0, colour)):
            for dx, r in puffs:
                self.oval(x + dx * size, y + (drop - r * 0.55) * size, r * size, r * 0.8 * size, shade)
        self.oval(x, y + 0.02 * size, size, 0.13 * size, mix(colour, (150, 170, 205), 0.22))

    def grass(self, y0: float, y1: float, colour: Colour, count: int = 120, tall: float = 0.03) -> None:
        """Blades between two heights, taller and sparser towards the viewer, of several greens."""
        blades = [
            (y0 + (y1 - y0) * self.fine.random(), self.fine.uniform(0, self.aspect))
            for _ in range(round(count * self.spread))
        ]
        for y, x in sorted(blades):
            size = tall * (0.35 + 0.65 * (y - y0) / max(1e-6, y1 - y0)) * self.fine.uniform(0.6, 1.2)
            lean = self.fine.uniform(-0.5, 0.5) * size
            shade = tone(colour, self.fine.choice((0.78, 0.86, 1.12, 1.22)))
            self.polygon([(x - 0.09 * size, y), (x + lean, y - size), (x + 0.09 * size, y)], shade)

    def speckle(
        self, y0: float, y1: float, colour: Colour, count: int = 80, size: float = 0.006, flat: float = 0.4
    ) -> None:
        """Flat grains on the ground, lighter and darker than it and larger towards the viewer."""
        for _ in range(round(count * self.spread)):
            x, share = self.fine.uniform(0, self.aspect), self.fine.random()
            r = size * (0.4 + 0.6 * share) * self.fine.uniform(0.6, 1.3)
            shade = tone(colour, self.fine.choice((0.82, 0.9, 1.15, 1.25)))
            self.oval(x, y0 + (y1 - y0) * share, r, r * flat, shade)

    def ripples(self, y0: float, y1: float, colour: Colour, count: int = 60, wide: float = 0.05) -> None:
        """Lens-shaped glints on water, wider towards the viewer."""
        for _ in range(round(count * self.spread)):
            x, share = self.fine.uniform(0, self.aspect), self.fine.random()
            y, half = y0 + (y1 - y0) * share, wide * (0.25 + 0.75 * share) * self.fine.uniform(0.5, 1.2)
            thin = 0.06 * half
            self.polygon([(x - half, y), (x, y - thin), (x + half, y), (x, y + thin)], colour)

    def bricks(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        wall: Colour,
        high: float = 0.018,
        share: float = 0.4,
    ) -> None:
        """Some single bricks of a wall, lighter or darker than it."""
        rows = max(1, round((y1 - y0) / high))
        wide = high * 2.1
        for row in range(rows):
            x, y = x0 + (wide / 2 if row % 2 else 0), y0 + row * (y1 - y0) / rows
            while x + wide * 0.9 <= x1:
                if self.fine.random() < share:
                    shade = tone(wall, self.fine.choice((0.84, 0.91, 1.1, 1.18)))
                    self.box(x + 0.002, y + 0.002, x + wide * 0.9, y + high * 0.82, shade)
                x += wide

    def tree(self, x: float, y: float, size: float, green: Colour, trunk: Colour = (104, 72, 46)) -> None:
        """A leafy tree that stands at y and is `size` high: trunk, branches, a lit crown of leaves."""
        thick = 0.045 * size
        self.polygon(
            [
                (x - thick * 1.5, y),
                (x - thick * 0.7, y - 0.12 * size),
                (x - thick * 0.5, y - 0.55 * size),
                (x + thick * 0.5, y - 0.55 * size),
                (x + thick * 0.7, y - 0.12 * size),
                (x + thick * 1.5, y),
            ],
            trunk,
        )
        self.line([(x + thick * 0.4, y), (x + thick * 0.3, y - 0.5 * size)], thick * 0.5, tone(trunk, 0.75))
        for side in (-1, 1):
            self.line([(x, y - 0.3 * size), (x + side * 0.17 * size, y - 0.5 * size)], thick * 0.7, trunk)
        puffs = [(self.fine.uniform(-0.26, 0.26), self.fine.uniform(0.46, 0.86)) for _ in range(9)]
        puffs += [(-0.22, 0.55), (0.22, 0.55), (0.0, 0.8), (0.0, 0.6)]
        for shift, shade, r in ((0.03, 0.72, 0.17), (0.0, 1.0, 0.155), (-0.045, 1.13, 0.10)):
            for dx, dy in puffs:
                self.disc(
                    x + (dx + shift * 0.6) * size, y - (dy - shift) * size, r * size, tone(green, shade)
                )
        for _ in range(26):
            dx, dy = self.fine.choice(puffs)
            dx, dy = dx + self.fine.uniform(-0.12, 0.12), dy + self.fine.uniform(-0.12, 0.12)
            shade = tone(green, self.fine.choice((0.8, 1.22, 1.3)))
            self.oval(x + dx * size, y - dy * size, 0.022 * size, 0.014 * size, shade)

    def fir(self, x: float, y: float, size: float, green: Colour) -> None:
        """A conifer that stands at y and is `size` high, lit from one side."""
        self.box(x - 0.03 * size, y - 0.15 * size, x + 0.03 * size, y, (84, 58, 40))
        for step in range(4):
            top, half = y - size * (1 - 0.21 * step), size * (0.12 + 0.055 * step)
            low = top + size * 0.33
            self.polygon([(x - half, low), (x, top), (x + half, low), (x, low - 0.03 * size)], green)
            self.polygon([(x, top), (x + half, low), (x + half * 0.2, low - 0.03 * size)], tone(green, 0.8))

    def leaf(self, x: float, y: float, angle: float, size: float, colour: Colour, wide: float = 0.3) -> None:
        """A pointed leaf that grows from (x, y) at `angle` radians, with its halves and its vein."""
        cos, sin = math.cos(angle), math.sin(angle)

        def at(along: float, across: float) -> Point:
            return x + size * (along * cos - across * sin), y + size * (along * sin + across * cos)

        steps = [i / 8 for i in range(9)]
        edge = [(s, wide * math.sin(math.pi * s**0.8)) for s in steps]
        self.polygon([at(s, w) for s, w in edge], colour)
        self.polygon([at(s, -w) for s, w in edge], tone(colour, 0.84))
        self.line([at(0, 0), at(0.95, 0)], 0.02 * size, tone(colour, 1.25))


def _varied(colour: Colour, spread: int, rng: random.Random) -> Colour:
    shift = rng.randint(-spread, spread)
    r, g, b = (max(0, min(255, c + shift + rng.randint(-4, 4))) for c in colour)
    return r, g, b
