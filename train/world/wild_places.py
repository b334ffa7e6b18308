"""Wild places with much around: cave, jungle, lake."""

import itertools
import math

from train.world.canvas import Canvas, Colour, mix, tone


def cave(c: Canvas) -> None:
    rock = c.shade(c.rng.choice(((108, 84, 92), (116, 92, 74), (84, 90, 112))), 6)
    c.gradient(tone(rock, 0.34), tone(rock, 0.62), 0, 0.72)
    middle = c.aspect / 2 + c.rng.uniform(-0.05, 0.05)
    glow = c.rng.choice(((70, 220, 230), (230, 110, 220), (120, 150, 255)))
    other = c.rng.choice(((255, 196, 90), (150, 110, 255), (90, 240, 170)))
    c.glow(middle, 0.42, 0.55, mix(glow, rock, 0.35), 0.75)
    _rock_layer(c, tone(rock, 0.62), 0.16, 0.10, 14)
    for x, y, s, colour in (
        (middle - 0.13, 0.60, 0.10, other),
        (middle + 0.15, 0.60, 0.12, glow),
        (middle + 0.02, 0.56, 0.07, glow),
    ):
        _crystals(c, x, y, s, colour)
    _rock_layer(c, tone(rock, 0.84), 0.10, 0.15, 9)
    floor = tone(rock, 0.9)
    edge = c.ridge(0.66, 0.06, floor, 0.5)
    c.line([(x, y + 0.004) for x, y in edge], 0.005, mix(floor, glow, 0.45))
    c.gradient(floor, tone(rock, 0.55), 0.68, 1)
    c.oval(middle, 0.83, 0.36, 0.075, mix(rock, glow, 0.35))
    c.oval(middle, 0.835, 0.345, 0.068, tone(mix(rock, glow, 0.6), 0.85))
    for _ in range(16):
        dy = c.fine.uniform(-0.05, 0.05)
        half = 0.3 * math.sqrt(1 - (dy / 0.07) ** 2)
        x = middle + c.fine.uniform(-half, half) * 0.8
        c.line([(x - 0.03, 0.835 + dy), (x + 0.03, 0.835 + dy)], 0.003, tone(glow, 1.35))
    for _ in range(round(60 * c.spread)):
        x, share = c.fine.uniform(0, c.aspect), c.fine.random()
        y, r = 0.69 + 0.3 * share, 0.008 + 0.02 * share
        if abs(x - middle) < 0.38 and abs(y - 0.83) < 0.09:
            continue
        c.polygon(
            [(x - r, y), (x - r * 0.4, y - r * 0.7), (x + r * 0.5, y - r * 0.6), (x + r, y)], tone(rock, 1.1)
        )
        c.polygon([(x, y), (x + r * 0.5, y - r * 0.6), (x + r, y)], tone(rock, 0.6))
    for side in (-1, 1):
        edge_x = 0.0 if side < 0 else c.aspect
        _cave_wall(c, edge_x, side, rock)
        _crystals(c, edge_x - side * 0.07, 0.79, 0.17, glow if side < 0 else other)
        _crystals(c, edge_x - side * 0.03, 0.99, 0.12, other if side < 0 else glow)
    for _ in range(round(26 * c.spread)):
        x, y = c.fine.uniform(0, c.aspect), c.fine.uniform(0.15, 0.7)
        c.disc(x, y, c.fine.uniform(0.0015, 0.004), tone(c.fine.choice((glow, other)), 1.4))


def _cave_wall(c: Canvas, edge: float, side: int, rock: Colour) -> None:
    """The rock at one side, in facets that the crystals light up."""
    depths = [
        (0.16 if y < 0.1 else 0.07 + 0.05 * abs(y - 0.45) * 2) + c.rng.uniform(-0.025, 0.025)
        for y in (i / 12 for i in range(13))
    ]
    rim = [(edge - side * deep, i / 12 * 1.01) for i, deep in enumerate(depths)]
    c.polygon([(edge, 0), *rim, (edge, 1.01)], tone(rock, 0.62))
    for (x0, y0), (x1, y1) in itertools.pairwise(rim):
        inner = (edge - side * c.fine.uniform(0.01, 0.05), (y0 + y1) / 2)
        c.polygon([(x0, y0), (x1, y1), inner], tone(rock, c.fine.choice((0.72, 0.84, 0.98, 1.06))))
        c.polygon([(edge, y0), (x0, y0), inner], tone(rock, c.fine.choice((0.5, 0.56, 0.7))))


def _rock_layer(c: Canvas, rock: Colour, roof: float, long: float, count: int) -> None:
    """A ceiling with stalactites."""
    c.box(0, 0, c.aspect, roof * 0.55, rock)
    step = 0.667 / count
    for i in range(-1, math.ceil(c.aspect / step) + 1):
        x = (i + c.rng.random() * 0.6) * step
        half, tip = step * c.rng.uniform(0.6, 0.95), roof + long * c.rng.uniform(0.2, 1.3)
        c.polygon(
            [
                (x - half, 0),
                (x + half, 0),
                (x + half * 0.25, tip * 0.6),
                (x, tip),
                (x - half * 0.3, tip * 0.55),
            ],
            rock,
        )
        c.polygon(
            [
                (x - half, 0),
                (x - half * 0.4, 0),
                (x - half * 0.05, tip * 0.6),
                (x, tip),
                (x - half * 0.3, tip * 0.55),
            ],
            tone(rock, 1.13),
        )
        for ring in range(1, 5):
            y, w = tip * (0.2 + 0.13 * ring), half * (0.6 - 0.11 * ring)
            c.line([(x - w, y), (x + w, y + 0.004)], 0.002, tone(rock, 0.8))


def _crystals(c: Canvas, x: float, y: float, size: float, colour: Colour) -> None:
    """A cluster of faceted crystals that shine."""
    c.glow(x, y - size * 0.5, size * 1.5, colour, 0.6)
    c.shine(x, y - size * 0.5, size * 1.3, 0.8)
    for lean in (-0.75, 0.8, -0.4, 0.45, 0.05):
        long, half = size * (1.15 - 0.5 * abs(lean)) * c.fine.uniform(0.85, 1.15), size * 0.15
        cos, sin = math.cos(lean), math.sin(lean)

        def at(
            along: float, across: float, long: float = long, cos: float = cos, sin: float = sin
        ) -> tuple[float, float]:
            return x + long * along * sin + across * cos, y - long * along * cos + across * sin

        tint = c.tint(colour, 12)
        c.polygon([at(0, -half), at(0.75, -half), at(1, 0), at(0.75, half), at(0, half)], tint)
        c.polygon(
            [at(0, half * 0.2), at(0.68, half * 0.2), at(1, 0), at(0.75, half), at(0, half)], tone(tint, 0.68)
        )
        c.polygon([at(0.68, half * 0.2), at(0.75, -half), at(1, 0)], tone(tint, 1.55))
        c.line([at(0.05, -half * 0.6), at(0.7, -half * 0.6)], 0.004, tone(tint, 1.7))


def jungle(c: Canvas) -> None:
    light = c.shade((232, 240, 142), 8)
    deep = c.shade((16, 84, 58), 6)
    c.gradient(mix(light, (110, 186, 96), 0.4), mix(light, (70, 160, 90), 0.45), 0, 0.75)
    middle = c.aspect / 2 + c.rng.uniform(-0.07, 0.07)
    c.glow(middle, 0.28, 0.5, tone(light, 1.4), 0.9)
    for _ in range(round(16 * c.spread)):
        x, y = c.rng.uniform(0, c.aspect), c.rng.uniform(0.36, 0.62)
        for angle in range(7):
            c.leaf(x, y, -0.3 - angle * 0.43, 0.13, c.tint((122, 186, 92), 8), 0.12)
        c.line([(x, y), (x + 0.01, 0.75)], 0.010, (112, 150, 84))
    for i in range(4):
        x = middle + (i - 1.5) * 0.2 + c.rng.uniform(-0.03, 0.03)
        c.veil([(x, 0), (x + 0.07, 0), (x - 0.02, 0.74), (x - 0.20, 0.74)], (255, 255, 200), 0.22)
    for side in (-1, 1):
        _giant(c, (0.03 if side < 0 else c.aspect - 0.03) + side * c.rng.uniform(-0.02, 0.02), side)
    for _ in range(round(5 * c.spread)):
        x, hang = c.rng.uniform(0, c.aspect), c.rng.uniform(0.22, 0.44)
        _vine(c, x, hang)
    ground = c.shade((74, 92, 44), 6)
    c.ridge(0.73, 0.05, tone(deep, 1.2), 0.6)
    c.gradient(ground, tone(ground, 0.62), 0.72, 1)
    c.speckle(0.73, 1.0, ground, 150, 0.012)
    for _ in range(round(26 * c.spread)):
        x, y = c.fine.uniform(0, c.aspect), c.fine.uniform(0.74, 0.99)
        c.leaf(
            x,
            y,
            c.fine.uniform(0, math.tau),
            0.03,
            c.tint(c.fine.choice(((176, 150, 58), (110, 140, 60), (150, 96, 52)))),
        )
    x = -0.02
    while x < c.aspect + 0.05:
        _fern(c, x, 0.745, c.rng.uniform(0.07, 0.12), c.shade((42, 138, 70), 10))
        x += c.rng.uniform(0.06, 0.10)
    for i in range(-1, math.ceil(c.aspect / 0.07) + 1):
        angle = math.pi / 2 + c.fine.uniform(-0.7, 0.7)
        c.leaf(0.07 * i, -0.03, angle, c.fine.uniform(0.13, 0.22), c.tint(deep, 10), 0.22)
    for side in (-1, 1):
        edge = 0.0 if side < 0 else c.aspect
        for y, size in ((0.06, 0.24), (0.22, 0.2), (0.92, 0.22), (1.02, 0.26)):
            up = -1 if y > 0.5 else 1
            for lean in (0.9, 0.5, 0.1):
                angle = up * lean if side < 0 else math.pi - up * lean
                c.leaf(
                    edge + side * 0.03,
                    y,
                    angle,
                    size * c.fine.uniform(0.8, 1.0),
                    c.tint((26, 124, 66), 12),
                    0.24,
                )
        _flower(
            c,
            edge - side * c.fine.uniform(0.07, 0.13),
            c.fine.uniform(0.83, 0.91),
            c.rng.choice(((250, 70, 90), (255, 130, 40), (238, 80, 190))),
        )
        _flower(
            c,
            edge - side * c.fine.uniform(0.05, 0.09),
            c.fine.uniform(0.2, 0.36),
            c.rng.choice(((250, 70, 90), (255, 130, 40), (238, 80, 190))),
        )


def _giant(c: Canvas, x: float, side: int) -> None:
    """A huge trunk with roots like walls, at one side."""
    bark = c.tint((112, 84, 56))
    c.polygon(
        [
            (x - 0.055, 0),
            (x + 0.055, 0),
            (x + 0.05, 0.5),
            (x + 0.09, 0.68),
            (x + 0.17, 0.77),
            (x - 0.17, 0.77),
            (x - 0.09, 0.68),
            (x - 0.05, 0.5),
        ],
        bark,
    )
    for dx in (-0.035, -0.012, 0.015, 0.038):
        c.line(
            [(x + dx, 0), (x + dx * 1.1, 0.5), (x + dx * 2.2, 0.70), (x + dx * 3.4, 0.765)],
            0.006,
            tone(bark, 0.72),
        )
        c.line([(x + dx + 0.008, 0), (x + dx * 1.1 + 0.008, 0.5)], 0.003, tone(bark, 1.2))
    for _ in range(14):
        y = c.fine.uniform(0.1, 0.7)
        c.oval(x + c.fine.uniform(-0.05, 0.05), y, 0.018, 0.010, c.tint((104, 160, 70)))
    for y in (0.18, 0.34, 0.5):
        c.line([(x - 0.055, y), (x - 0.01, y + 0.045), (x + 0.055, y + 0.06)], 0.008, (60, 130, 62))


def _vine(c: Canvas, x: float, hang: float) -> None:
    points = [(x + 0.018 * math.sin(i * 0.9 + x * 40), hang * i / 12) for i in range(13)]
    c.line(points, 0.006, (44, 110, 56))
    for i, (px, py) in enumerate(points[1:]):
        c.leaf(px, py, 0.7 if i % 2 else math.pi - 0.7, 0.036, c.tint((72, 168, 76)))


def _fern(c: Canvas, x: float, y: float, size: float, green: Colour) -> None:
    for angle in (-2.7, -2.2, -1.8, -1.35, -0.95, -0.45):
        for step in range(1, 8):
            s = step / 8
            px, py = x + size * s * math.cos(angle), y + size * s * math.sin(angle) + 0.25 * size * s * s
            for turn in (-0.9, 0.9):
                c.line(
                    [
                        (px, py),
                        (
                            px + 0.28 * size * (1.1 - s) * math.cos(angle + turn),
                            py + 0.28 * size * (1.1 - s) * math.sin(angle + turn),
                        ),
                    ],
                    0.006,
                    green,
                )
        c.line(
            [(x, y), (x + size * math.cos(angle), y + size * math.sin(angle) + 0.25 * size)],
            0.004,
            tone(green, 1.25),
        )


def _flower(c: Canvas, x: float, y: float, colour: Colour) -> None:
    for k in range(6):
        c.leaf(x, y, k * math.tau / 6 + 0.3, 0.048, colour, 0.34)
    c.disc(x, y, 0.012, (255, 220, 90))
    c.disc(x - 0.003, y - 0.003, 0.005, (255, 246, 180))


def lake(c: Canvas) -> None:
    sky, low = c.shade(c.rng.choice(((120, 186, 226), (168, 180, 226)))), c.shade((250, 220, 200))
    shore = 0.44
    c.gradient(sky, low, 0, shore)
    for _ in range(round(2 * c.spread)):
        c.cloud(c.rng.uniform(0, c.aspect), c.rng.uniform(0.06, 0.18), 0.085, (255, 246, 240))
    far, near, fir = c.shade((126, 140, 186), 8), c.shade((92, 128, 140), 8), c.shade((42, 98, 84), 6)
    ridges = [c.ridge(shore - 0.02, rise, colour, 0.35) for rise, colour in ((0.24, far), (0.13, near))]
    _slopes(c, ridges[0], shore - 0.02, far)
    c.polygon([(0, shore), *ridges[1], (c.aspect, shore)], near)
    for i in range(0, 97, 2):
        x, y = ridges[1][i]
        c.fir(x, y + 0.012, c.fine.uniform(0.022, 0.036), tone(near, c.fine.choice((0.8, 0.88))))
    water = mix(sky, (60, 130, 160), 0.5)
    c.gradient(mix(low, water, 0.45), tone(water, 0.62), shore, 1)
    for edge, colour in zip(ridges, (mix(far, water, 0.4), mix(near, water, 0.45)), strict=True):
        c.polygon([(0, shore), *((x, 2 * shore - y) for x, y in edge), (c.aspect, shore)], colour)
    x = -0.02
    while x < c.aspect + 0.05:
        size = c.fine.uniform(0.05, 0.12)
        c.polygon(
            [(x - size * 0.28, shore), (x, shore + size * 0.9), (x + size * 0.28, shore)],
            mix(fir, water, 0.45),
        )
        c.fir(x, shore + 0.004, size, c.tint(fir, 8))
        x += c.fine.uniform(0.018, 0.035)
    c.box(0, shore - 0.003, c.aspect, shore + 0.006, (206, 206, 166))
    c.ripples(shore + 0.02, 0.98, tone(water, 1.4), 70, 0.06)
    c.ripples(shore + 0.04, 0.98, tone(water, 0.72), 50, 0.07)
    middle = c.aspect / 2 + c.rng.uniform(-0.03, 0.03)
    side = c.rng.choice((-1, 1))
    _rowing_boat(c, middle + side * 0.21, 0.60, side)
    _jetty(c, middle)
    for _ in range(round(9 * c.spread)):
        x, y = c.rng.uniform(0, c.aspect), c.rng.uniform(0.72, 0.97)
        if abs(x - middle) > 0.12 + 0.24 * (y - 0.62):
            _lily(c, x, y)
    for where in (-1, 1):
        edge = 0.0 if where < 0 else c.aspect
        for _ in range(20):
            deep = c.rng.uniform(0, 0.13)
            _reed(
                c,
                edge - where * deep,
                1.01 - 0.6 * deep,
                c.rng.uniform(0.24, 0.46) - deep,
                c.rng.random() < 0.3,
            )


def _slopes(c: Canvas, edge: list[tuple[float, float]], foot: float, rock: Colour) -> None:
    """Snow on the heights of a skyline, and shaded gullies that run down from it."""
    peak = min(y for _, y in edge)
    snow = peak + 0.30 * (foot - peak)
    low = [(x, max(y, min(snow, y + 0.035) + c.fine.uniform(-0.012, 0.012))) for x, y in edge]
    c.polygon([*edge, *reversed(low)], tone(rock, 1.75))
    for i in range(2, 96, 3):
        x, y = edge[i]
        long = (foot - y) * c.fine.uniform(0.35, 0.9)
        lean = c.fine.uniform(0.1, 0.35) * long
        c.polygon([(x, y + 0.02), (x + lean, y + long), (x + lean - 0.012, y + long)], tone(rock, 0.87))


def _jetty(c: Canvas, x: float) -> None:
    wood = c.shade((186, 142, 98), 8)
    top, half0, half1 = 0.60, 0.085, 0.24
    for i in range(4):
        s = (i / 3) ** 1.5
        y, half, thick = top + 0.02 + 0.34 * s, half0 + (half1 - half0) * s, 0.010 + 0.014 * s
        for side in (-1, 1):
            at = x + side * half
            c.box(at - thick, y - 0.05 - 0.04 * s, at + thick, y + 0.06 + 0.05 * s, tone(wood, 0.62))
            c.box(at - thick, y - 0.05 - 0.04 * s, at - thick * 0.2, y + 0.06 + 0.05 * s, tone(wood, 0.8))
            c.oval(at, y - 0.05 - 0.04 * s, thick, thick * 0.4, tone(wood, 1.2))
    c.polygon([(x - half0, top), (x + half0, top), (x + half1, 1.01), (x - half1, 1.01)], wood)
    c.polygon(
        [(x + half0, top), (x + half0 + 0.006, top + 0.014), (x + half1 + 0.02, 1.01), (x + half1, 1.01)],
        tone(wood, 0.55),
    )
    planks = 15
    for i in range(planks):
        s0, s1 = ((k / planks) ** 1.5 for k in (i, i + 1))
        y0, y1 = top + 0.41 * s0, top + 0.41 * s1
        w0, w1 = half0 + (half1 - half0) * s0, half0 + (half1 - half0) * s1
        c.polygon([(x - w0, y0), (x + w0, y0), (x + w1, y1), (x - w1, y1)], c.tint(wood, 14))
        c.line([(x - w1, y1), (x + w1, y1)], 0.004, tone(wood, 0.55))
        c.line([(x - w0, y0 + 0.004), (x + w0, y0 + 0.004)], 0.002, tone(wood, 1.3))
        for _ in range(3):
            gx, long = x + c.fine.uniform(-w0, w0) * 0.8, c.fine.uniform(0.02, 0.05)
            c.line([(gx, (y0 + y1) / 2), (gx + long, (y0 + y1) / 2)], 0.002, tone(wood, 0.78))
        for side in (-1, 1):
            c.disc(x + side * w0 * 0.88, (y0 + y1) / 2, 0.003, (96, 76, 60))


def _rowing_boat(c: Canvas, x: float, y: float, side: int) -> None:
    paint = c.shade(c.rng.choice(((206, 70, 58), (52, 118, 176), (240, 240, 236))), 8)
    c.oval(x, y + 0.022, 0.10, 0.014, (60, 104, 128))
    c.polygon(
        [(x - 0.105, y - 0.035), (x + 0.105, y - 0.035), (x + 0.07, y + 0.018), (x - 0.07, y + 0.018)], paint
    )
    c.polygon(
        [(x - 0.085, y - 0.005), (x + 0.085, y - 0.005), (x + 0.07, y + 0.018), (x - 0.07, y + 0.018)],
        tone(paint, 0.7),
    )
    c.oval(x, y - 0.035, 0.105, 0.016, tone(paint, 1.3))
    c.oval(x, y - 0.034, 0.094, 0.012, (112, 80, 58))
    for dx in (-0.04, 0.03):
        c.box(x + dx - 0.012, y - 0.044, x + dx + 0.012, y - 0.026, (196, 156, 110))
    c.line([(x - side * 0.02, y - 0.05), (x + side * 0.115, y + 0.005)], 0.005, (206, 168, 122))
    c.oval(x + side * 0.12, y + 0.008, 0.018, 0.007, (206, 168, 122))


def _reed(c: Canvas, x: float, y: float, tall: float, head: bool) -> None:
    green = c.tint((104, 142, 62), 16)
    lean = c.fine.uniform(-0.06, 0.06)
    c.polygon([(x - 0.005, y), (x + lean, y - tall), (x + 0.006, y)], green)
    c.polygon([(x, y), (x + lean, y - tall), (x + 0.006, y)], tone(green, 0.76))
    if c.fine.random() < 0.4:
        c.line([(x + lean * 0.5, y - tall * 0.5), (x + lean * 0.5 + 0.04, y - tall * 0.42)], 0.004, green)
    if head:
        c.line([(x + lean, y - tall), (x + lean * 1.1, y - tall - 0.03)], 0.003, green)
        c.oval(x + lean, y - tall, 0.0105, 0.034, (112, 66, 40))
        c.oval(x + lean - 0.004, y - tall - 0.004, 0.003, 0.024, (156, 100, 64))


def _lily(c: Canvas, x: float, y: float) -> None:
    u, r, green = c.unit, 0.03, c.tint((86, 156, 84))
    c.oval(x, y + 0.004, r, r * 0.36, (40, 84, 92))
    box = [(x - r) * u, (y - r * 0.36) * u, (x + r) * u, (y + r * 0.36) * u]
    c.pen.pieslice(box, 30, 345, fill=green)
    c.line([(x - r * 0.8, y), (x, y), (x + r * 0.2, y - r * 0.28)], 0.0025, tone(green, 1.25))
    if c.fine.random() < 0.5:
        for k in range(5):
            c.leaf(x, y - 0.002, -0.3 - k * 0.63, 0.022, (252, 190, 212), 0.3)
        c.disc(x, y - 0.005, 0.004, (255, 214, 90))
