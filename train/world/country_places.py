"""What people built in the country: castle, farm, road."""

import math

from train.world.canvas import Canvas, Colour, mix, tone


def castle(c: Canvas) -> None:
    c.gradient(c.shade((128, 178, 240)), c.shade((250, 226, 214)), 0, 0.6)
    for i in range(round(3 * c.spread)):
        c.cloud(
            (i + c.rng.random()) * c.aspect / (3 * c.spread), c.rng.uniform(0.08, 0.3), 0.08, (255, 248, 246)
        )
    c.ridge(0.56, 0.12, c.shade((158, 176, 214)))
    c.hills(0.60, 0.08, c.shade((134, 178, 150)), 1.3)
    stone = c.shade((186, 178, 176), 12)
    roof = c.shade(c.rng.choice(((196, 62, 60), (70, 88, 176), (122, 70, 158))), 10)
    x = c.aspect / 2 + c.rng.uniform(-0.05, 0.05)
    lawn = c.shade((104, 168, 84), 8)
    c.oval(x, 0.80, 0.75, 0.24, lawn)
    for side in (-1, 1):
        _tower(c, x + side * 0.13, 0.335, 0.58, 0.05, tone(stone, 0.92), roof)
    _tower(c, x, 0.25, 0.58, 0.075, tone(stone, 0.96), roof)
    _wall(c, x - 0.25, 0.44, x + 0.25, 0.61, stone)
    high = c.rng.uniform(0.27, 0.33)
    _tower(c, x - 0.25, high, 0.63, 0.058, tone(stone, 1.08), roof)
    _tower(c, x + 0.25, c.rng.uniform(0.27, 0.33), 0.63, 0.058, tone(stone, 1.08), roof)
    _gate(c, x, 0.62, stone)
    c.gradient(lawn, c.shade((72, 136, 62), 8), 0.72, 1)
    c.oval(x, 0.73, 0.9, 0.10, lawn)
    c.grass(0.66, 1.0, lawn, 150)
    path = c.shade((226, 202, 160), 8)
    bend = c.rng.uniform(-0.06, 0.06)
    c.polygon(
        [
            (x - 0.045, 0.62),
            (x + 0.045, 0.62),
            (x + 0.09 + bend, 0.74),
            (x + 0.26, 1.01),
            (x - 0.26, 1.01),
            (x - 0.09 + bend, 0.74),
        ],
        path,
    )
    for _ in range(70):
        share = c.fine.random()
        y, half = 0.64 + 0.35 * share, 0.04 + 0.18 * share
        r = 0.006 + 0.012 * share
        c.oval(x + c.fine.uniform(-half, half), y, r, r * 0.45, tone(path, c.fine.choice((0.86, 0.92, 1.2))))
    for side in (-1, 1):
        for i in range(4):
            _bush(c, x + side * (0.13 + 0.11 * i), 0.665 + 0.012 * i, 0.032 + 0.006 * i, (66, 128, 66))


def _wall(c: Canvas, x0: float, y0: float, x1: float, y1: float, stone: Colour) -> None:
    c.box(x0, y0, x1, y1, stone)
    c.bricks(x0, y0, x1, y1, stone)
    steps = round((x1 - x0) / 0.04)
    for i in range(steps):
        left = x0 + (i + 0.15) * (x1 - x0) / steps
        c.box(left, y0 - 0.022, left + 0.024, y0, stone)
        c.box(left, y0 - 0.022, left + 0.024, y0 - 0.016, tone(stone, 1.3))
    c.box(x0, y0, x1, y0 + 0.006, tone(stone, 0.7))


def _tower(c: Canvas, x: float, top: float, foot: float, half: float, stone: Colour, roof: Colour) -> None:
    c.box(x - half, top, x + half, foot, stone)
    c.bricks(x - half, top + 0.03, x + half, foot, stone)
    c.box(x + half * 0.5, top, x + half, foot, tone(stone, 0.84))
    c.box(x - half * 1.18, top, x + half * 1.18, top + 0.028, tone(stone, 1.12))
    c.box(x - half * 1.18, top + 0.024, x + half * 1.18, top + 0.03, tone(stone, 0.7))
    peak = top - half * 2.3
    c.polygon([(x - half * 1.35, top), (x, peak), (x + half * 1.35, top)], roof)
    c.polygon([(x + half * 0.3, top), (x, peak), (x + half * 1.35, top)], tone(roof, 0.78))
    for row in range(1, 5):
        y, wide = peak + (top - peak) * row / 5, half * 1.35 * row / 5
        c.line([(x - wide, y), (x + wide, y)], 0.002, tone(roof, 0.7))
    c.line([(x, peak), (x, peak - 0.05)], 0.005, (90, 80, 80))
    c.polygon([(x, peak - 0.05), (x + 0.045, peak - 0.037), (x, peak - 0.024)], (250, 206, 76))
    y = top + 0.06
    while y + 0.04 < foot - 0.06:
        c.box(x - 0.014, y, x + 0.014, y + 0.036, tone(stone, 0.6))
        c.disc(x, y, 0.0135, tone(stone, 0.6))
        c.box(x - 0.009, y, x + 0.009, y + 0.033, (255, 216, 120))
        c.disc(x, y, 0.0085, (255, 216, 120))
        c.shine_box(x - 0.008, y - 0.006, x + 0.008, y + 0.033)
        c.shine(x, y + 0.01, 0.04, 0.4)
        c.line([(x, y - 0.008), (x, y + 0.033)], 0.002, (120, 84, 60))
        y += 0.11


def _gate(c: Canvas, x: float, foot: float, stone: Colour) -> None:
    for half, colour in ((0.068, tone(stone, 0.72)), (0.054, (92, 58, 40))):
        c.box(x - half, foot - 0.09, x + half, foot, colour)
        c.disc(x, foot - 0.09, half, colour)
    for i in range(-2, 3):
        c.line([(x + i * 0.021, foot - 0.13), (x + i * 0.021, foot)], 0.003, (60, 40, 32))
    for y in (foot - 0.1, foot - 0.06, foot - 0.02):
        c.line([(x - 0.052, y), (x + 0.052, y)], 0.004, (150, 120, 80))
    c.disc(x - 0.014, foot - 0.05, 0.006, (236, 196, 90))
    c.disc(x + 0.014, foot - 0.05, 0.006, (236, 196, 90))
    for side in (-1, 1):
        c.box(x + side * 0.085 - 0.004, foot - 0.09, x + side * 0.085 + 0.004, foot - 0.06, (80, 60, 50))
        c.oval(x + side * 0.085, foot - 0.10, 0.007, 0.015, (255, 190, 80))
        c.glow(x + side * 0.085, foot - 0.10, 0.05, (255, 190, 90), 0.7)
        c.shine(x + side * 0.085, foot - 0.10, 0.07, 0.9)


def farm(c: Canvas) -> None:
    c.gradient(c.shade((126, 196, 236)), c.shade((255, 240, 196)), 0, 0.5)
    sun = c.rng.uniform(0.15, c.aspect - 0.15)
    c.sun(sun, 0.15, 0.055, (255, 236, 130))
    for _ in range(round(2 * c.spread)):
        c.cloud(c.rng.uniform(0, c.aspect), c.rng.uniform(0.07, 0.2), 0.08)
    c.hills(0.47, 0.07, c.shade((140, 186, 104)), 1.2)
    c.hills(0.52, 0.06, c.shade((206, 190, 92)), 0.9)
    field = c.shade((232, 190, 84), 8)
    c.gradient(tone(field, 1.1), tone(field, 0.86), 0.52, 1)
    _rows(c, c.aspect * c.rng.uniform(0.35, 0.65), field)
    side = c.rng.choice((-1, 1))
    x = c.aspect / 2 + side * (0.09 + 0.1 * (c.aspect - 0.667))
    _silo(c, x + side * 0.19, 0.24, 0.555)
    _barn(c, x, 0.565, c.shade((190, 52, 46), 10))
    other = c.aspect / 2 - side * (0.22 + 0.1 * (c.aspect - 0.667))
    c.tree(other, 0.57, 0.24, c.shade((84, 150, 62), 8))
    for far in range(1, round(3 * c.spread) - 1):
        _hay(c, other - side * 0.27 * far, 0.60, 0.05)
    _hay(c, other + side * 0.10, 0.62, 0.045)
    _fence(c, 0.655, c.shade((244, 238, 226), 5))


def _rows(c: Canvas, vanish: float, field: Colour) -> None:
    """Rows of crops that run together at the horizon, with ears along them."""
    for i in range(-16, 17):
        at = vanish + i * 0.16
        c.polygon(
            [(vanish + i * 0.03, 0.55), (at, 1.01), (at + 0.07, 1.01)], mix(field, tone(field, 0.8), 0.8)
        )
    for _ in range(round(230 * c.spread)):
        share = c.fine.random()
        y, x, size = 0.68 + 0.31 * share, c.fine.uniform(0, c.aspect), 0.018 + 0.034 * share
        shade = tone(field, c.fine.choice((0.72, 1.15, 1.3)))
        c.line([(x, y), (x + 0.15 * size, y - size)], 0.0025, shade)
        c.oval(x + 0.16 * size, y - size, 0.12 * size, 0.32 * size, shade)


def _barn(c: Canvas, x: float, foot: float, red: Colour) -> None:
    c.polygon(
        [
            (x - 0.16, foot),
            (x - 0.16, 0.40),
            (x - 0.11, 0.32),
            (x, 0.265),
            (x + 0.11, 0.32),
            (x + 0.16, 0.40),
            (x + 0.16, foot),
        ],
        red,
    )
    for i in range(-7, 8):
        c.line([(x + i * 0.02, 0.40), (x + i * 0.02, foot)], 0.002, tone(red, 0.8))
    c.line(
        [(x - 0.175, 0.415), (x - 0.115, 0.32), (x, 0.262), (x + 0.115, 0.32), (x + 0.175, 0.415)],
        0.022,
        (92, 84, 90),
    )
    c.line(
        [(x - 0.158, 0.412), (x - 0.105, 0.33), (x, 0.28), (x + 0.105, 0.33), (x + 0.158, 0.412)],
        0.007,
        (250, 246, 238),
    )
    c.box(x - 0.032, 0.325, x + 0.032, 0.375, (250, 246, 238))
    c.box(x - 0.024, 0.333, x + 0.024, 0.368, (70, 44, 40))
    c.line([(x, 0.333), (x, 0.368)], 0.004, (250, 246, 238))
    c.box(x - 0.078, 0.425, x + 0.078, foot, (250, 246, 238))
    for left in (x - 0.068, x + 0.005):
        c.box(left, 0.435, left + 0.063, foot, tone(red, 0.8))
        c.line([(left, 0.437), (left + 0.063, foot)], 0.007, (250, 246, 238))
        c.line([(left + 0.063, 0.437), (left, foot)], 0.007, (250, 246, 238))
    for left in (x - 0.14, x + 0.102):
        c.box(left, 0.43, left + 0.038, 0.475, (250, 246, 238))
        c.box(left + 0.005, 0.435, left + 0.033, 0.47, (250, 214, 130))
        c.shine_box(left + 0.005, 0.435, left + 0.033, 0.47)
        c.line([(left + 0.019, 0.43), (left + 0.019, 0.475)], 0.004, (250, 246, 238))


def _silo(c: Canvas, x: float, top: float, foot: float) -> None:
    c.box(x - 0.045, top, x + 0.045, foot, (202, 206, 212))
    c.box(x - 0.045, top, x - 0.02, foot, (228, 231, 236))
    c.box(x + 0.022, top, x + 0.045, foot, (170, 175, 186))
    c.oval(x, top, 0.045, 0.05, (150, 158, 172))
    c.oval(x - 0.014, top - 0.014, 0.014, 0.024, (196, 202, 212))
    c.box(x - 0.046, top, x + 0.046, top + 0.012, (120, 128, 142))
    for i in range(1, 8):
        c.line([(x - 0.045, top + 0.045 * i), (x + 0.045, top + 0.045 * i)], 0.002, (150, 155, 166))


def _hay(c: Canvas, x: float, y: float, r: float) -> None:
    c.oval(x + 0.1 * r, y + 0.8 * r, r * 1.2, r * 0.2, (176, 140, 62))
    for radius, colour in ((1, (214, 166, 72)), (0.92, (238, 198, 104))):
        c.disc(x, y, r * radius, colour)
    for ring in range(1, 5):
        q, u = r * ring / 5, c.unit
        c.pen.arc(
            [(x - q) * u, (y - q) * u, (x + q) * u, (y + q) * u],
            20 * ring,
            300 + 15 * ring,
            fill=(186, 138, 58),
            width=max(1, round(0.003 * u)),
        )


def _fence(c: Canvas, y: float, white: Colour) -> None:
    for rail in (y - 0.045, y - 0.018):
        c.box(0, rail, c.aspect, rail + 0.013, white)
        c.box(0, rail + 0.010, c.aspect, rail + 0.013, tone(white, 0.75))
    for i in range(math.ceil(c.aspect / 0.083)):
        x = 0.02 + i * 0.083
        c.polygon(
            [
                (x, y + 0.015),
                (x, y - 0.065),
                (x + 0.011, y - 0.078),
                (x + 0.022, y - 0.065),
                (x + 0.022, y + 0.015),
            ],
            white,
        )
        c.box(x + 0.016, y - 0.062, x + 0.022, y + 0.015, tone(white, 0.8))
        c.disc(x + 0.010, y - 0.038, 0.002, (130, 126, 120))
    c.grass(y, y + 0.03, (150, 160, 66), 60, 0.03)


def road(c: Canvas) -> None:
    c.gradient(c.shade((66, 168, 216)), c.shade((236, 240, 220)), 0, 0.45)
    for _ in range(round(2 * c.spread)):
        c.cloud(c.rng.uniform(0, c.aspect), c.rng.uniform(0.08, 0.24), 0.09)
    c.ridge(0.46, 0.13, c.shade((124, 148, 172)))
    c.hills(0.47, 0.06, c.shade((108, 150, 96)), 1.7)
    green = c.shade((146, 174, 78), 8)
    c.gradient(tone(green, 1.08), tone(green, 0.84), 0.45, 1)
    vanish = c.aspect / 2 + c.rng.uniform(-0.04, 0.04)
    _fields(c, vanish, green)
    for side in (-1, 1):
        for i in range(9):
            share = (i / 8) ** 2
            x, y = vanish + side * (0.09 + 0.05 * i + 0.35 * share), 0.455 + 0.16 * share
            c.fir(x, y, 0.05 + 0.10 * share, c.tint((58, 112, 76)))
    c.grass(0.5, 1.0, green, 170)

    def band(near0: float, near1: float, colour: Colour, y0: float = 0.45, y1: float = 1.01) -> None:
        """A stripe of the road between two offsets from its middle at the lower edge of the picture."""
        far, close = ((y - 0.445) / 0.565 for y in (y0, y1))
        c.polygon(
            [
                (vanish + near0 * far, y0),
                (vanish + near1 * far, y0),
                (vanish + near1 * close, y1),
                (vanish + near0 * close, y1),
            ],
            colour,
        )

    asphalt = c.shade((84, 88, 98), 8)
    band(-0.60, 0.60, (190, 174, 138))
    band(-0.55, 0.55, asphalt)
    for _ in range(240):
        share = c.fine.random() ** 0.7
        y, half = 0.46 + 0.54 * share, 0.52 * share
        r = 0.0015 + 0.005 * share
        c.oval(
            vanish + c.fine.uniform(-half, half),
            y,
            r,
            r * 0.4,
            tone(asphalt, c.fine.choice((0.82, 1.1, 1.16))),
        )
    band(-0.515, -0.475, (244, 244, 238))
    band(0.475, 0.515, (244, 244, 238))
    near = 1.9
    for i in range(12):
        # Dashes of equal length on the ground: their heights on the picture go as 1 / distance.
        y0, y1 = (0.445 + 0.565 / (near * 0.5 + 0.48 * (i + d)) for d in (0.55, 0.0))
        band(-0.026, 0.026, (252, 206, 66), y0, min(1.01, y1))
    side = c.rng.choice((-1, 1))
    for i in range(5):
        near = 1 / (0.8 + 0.75 * i)
        x, y = vanish + side * 0.72 * near, 0.445 + 0.5 * near
        _pole(c, x, y, 0.62 * near)
        following = 1 / (0.8 + 0.75 * (i + 1))
        for wire in (-0.09, 0.09):
            ends = [
                (vanish + side * 0.72 * s + wire * 0.62 * s, 0.445 + 0.5 * s - 0.62 * 0.965 * s)
                for s in (near, following)
            ]
            middle = ((ends[0][0] + ends[1][0]) / 2, (ends[0][1] + ends[1][1]) / 2 + 0.02 * near)
            c.line([ends[0], middle, ends[1]], 0.0018, (70, 66, 70))
    for i in range(6):
        near = 1 / (1.05 + 0.5 * i)
        x, y, s = vanish - side * 0.62 * near, 0.445 + 0.565 * near, 0.10 * near
        c.box(x - 0.1 * s, y - s, x + 0.1 * s, y, (246, 246, 242))
        c.box(x - 0.1 * s, y - 0.8 * s, x + 0.1 * s, y - 0.55 * s, (220, 62, 50))
    _sign(c, vanish - side * 0.235, 0.60)


def _fields(c: Canvas, vanish: float, green: Colour) -> None:
    """Patches of farmland, a hedge between them, bushes along the road."""
    for side in (-1, 1):
        for i, colour in enumerate(((214, 190, 92), (120, 158, 70), (188, 182, 96), (108, 148, 66))):
            x = vanish + side * (0.06 + 0.30 * i)
            c.polygon(
                [
                    (x, 0.468),
                    (x + side * 0.27, 0.468),
                    (x + side * (0.50 + 0.2 * i), 0.545),
                    (x + side * (0.12 + 0.2 * i), 0.545),
                ],
                mix(green, colour, 0.7),
            )
            for k in range(6):
                x0, x1 = x + side * 0.045 * k, x + side * (0.12 + 0.2 * i + 0.063 * k)
                c.line([(x0, 0.469), (x1, 0.544)], 0.002, tone(mix(green, colour, 0.7), 0.86))
        c.line([(vanish + side * 0.1, 0.547), (vanish + side * 2, 0.547)], 0.008, (86, 130, 66))
        for i in range(9):
            near = 0.28 + 0.15 * i + c.fine.uniform(-0.04, 0.04)
            x, y = vanish + side * (0.85 + c.fine.uniform(-0.06, 0.5)) * near, 0.455 + 0.5 * near
            _bush(c, x, y, 0.05 * near, c.tint((104, 142, 62)))


def _pole(c: Canvas, x: float, y: float, high: float) -> None:
    wood = (108, 82, 64)
    c.box(x - 0.012 * high, y - high, x + 0.012 * high, y, wood)
    c.box(x + 0.004 * high, y - high, x + 0.012 * high, y, tone(wood, 0.75))
    for at in (0.95, 0.87):
        c.box(x - 0.10 * high, y - at * high, x + 0.10 * high, y - (at - 0.02) * high, wood)
        for dx in (-0.09, -0.045, 0.045, 0.09):
            c.box(
                x + (dx - 0.006) * high,
                y - (at + 0.025) * high,
                x + (dx + 0.006) * high,
                y - at * high,
                (222, 230, 232),
            )


def _sign(c: Canvas, x: float, y: float) -> None:
    c.box(x - 0.006, y - 0.16, x + 0.006, y, (150, 154, 160))
    for r, colour in ((0.058, (52, 52, 56)), (0.053, (252, 204, 60))):
        c.polygon([(x, y - 0.18 - r), (x + r, y - 0.18), (x, y - 0.18 + r), (x - r, y - 0.18)], colour)
    c.line(
        [(x - 0.012, y - 0.158), (x - 0.012, y - 0.178), (x + 0.012, y - 0.186), (x + 0.012, y - 0.205)],
        0.009,
        (52, 52, 56),
    )


def _bush(c: Canvas, x: float, y: float, r: float, green: Colour) -> None:
    for shade, rise, size in ((0.75, 0.0, 1.0), (1.0, 0.2, 0.88), (1.16, 0.42, 0.55)):
        for dx in (-0.7, 0.0, 0.7):
            c.disc(
                x + dx * r, y - rise * r - (0.25 * r if dx == 0 else 0), r * size * 0.75, tone(green, shade)
            )
    for _ in range(10):
        dx, dy = c.fine.uniform(-1.1, 1.1), c.fine.uniform(-0.4, 0.8)
        c.disc(x + dx * r, y - dy * r, 0.08 * r + 0.001, tone(green, c.fine.choice((0.7, 1.35))))
