"""Open land: beach, forest, desert, mountains, meadow."""

import itertools
import math

from train.world.canvas import Canvas, Colour, mix, tone


def beach(c: Canvas) -> None:
    horizon = c.rng.uniform(0.38, 0.46)
    c.gradient(c.shade((90, 175, 245)), c.shade((190, 228, 250)), 0, horizon)
    c.sun(c.rng.uniform(0.1, c.aspect - 0.1), 0.13, 0.06, (255, 240, 150))
    for _ in range(round(2 * c.spread)):
        c.cloud(c.fine.uniform(0, c.aspect), c.fine.uniform(0.2, 0.3), 0.06)
    c.gradient(c.shade((20, 110, 200)), c.shade((70, 190, 215)), horizon, 0.71)
    c.box(0, horizon, c.aspect, horizon + 0.004, (150, 205, 240))
    c.ripples(horizon + 0.01, 0.63, (150, 220, 240), 60, 0.05)
    c.ripples(horizon + 0.03, 0.64, (24, 112, 186), 40, 0.06)
    c.ripples(horizon + 0.06, 0.63, (245, 252, 255), 22, 0.04)
    foam = c.hills(0.67, 0.05, (240, 248, 250), 1.5)
    for x, y in foam:
        c.disc(x, y + 0.004, c.fine.uniform(0.006, 0.014), (250, 254, 255))
    sand = c.shade((240, 214, 150))
    edge = c.hills(0.70, 0.05, sand, 1.5)
    c.line([(x, y + 0.008) for x, y in edge], 0.014, tone(sand, 0.86))
    c.speckle(0.74, 1.0, sand, 260, 0.006)
    for _ in range(round(7 * c.spread)):
        x, y = c.fine.uniform(0, c.aspect), c.fine.uniform(0.78, 0.98)
        c.oval(x, y, 0.05, 0.005, tone(sand, 0.9))
        shell = c.tint(c.fine.choice(((255, 170, 150), (255, 244, 230), (236, 150, 180))))
        x += c.fine.uniform(-0.05, 0.05)
        c.pen.pieslice(
            [(x - 0.014) * c.unit, (y - 0.014) * c.unit, (x + 0.014) * c.unit, (y + 0.014) * c.unit],
            200,
            340,
            fill=shell,
        )
        for dx in (-0.008, 0.0, 0.008):
            c.line([(x, y), (x + dx, y - 0.011)], 0.002, tone(shell, 0.75))
    _palm(c, c.rng.choice((0.08, c.aspect - 0.08)))


def _palm(c: Canvas, x: float) -> None:
    c.polygon([(x - 0.015, 0.8), (x + 0.015, 0.8), (x + 0.03, 0.35), (x + 0.01, 0.35)], (130, 90, 50))
    for i in range(18):
        y = 0.36 + 0.024 * i
        left = x + 0.011 - 0.026 * i / 18
        c.line([(left, y), (left + 0.024, y + 0.005)], 0.003, (96, 64, 36))
        c.line([(left + 0.003, y + 0.008), (left + 0.010, y + 0.010)], 0.003, (172, 128, 80))
    for angle in (35, 85, 140, 190, 235, 285, 330, 10):
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        green = c.tint((44, 146, 66), 14)
        mid = (x + 0.02 + 0.11 * cos, 0.35 + 0.08 * sin - 0.02)
        tip = (x + 0.02 + 0.19 * cos, 0.35 + 0.11 * sin + 0.05)
        c.polygon([(x + 0.02, 0.335), mid, tip, (mid[0], mid[1] + 0.028), (x + 0.02, 0.36)], green)
        c.line([(x + 0.02, 0.347), (mid[0], mid[1] + 0.012), tip], 0.003, tone(green, 1.3))
        for s in (0.3, 0.5, 0.7, 0.85):
            px, py = x + 0.02 + (tip[0] - x - 0.02) * s, 0.345 + (tip[1] - 0.345) * s
            c.line([(px, py - 0.008), (px + 0.012 * cos, py + 0.028)], 0.004, tone(green, 0.78))
    for dx, dy in ((0.01, 0.36), (0.032, 0.362)):
        c.disc(x + dx, dy, 0.011, (104, 66, 36))
        c.disc(x + dx - 0.003, dy - 0.003, 0.004, (160, 112, 70))


def forest(c: Canvas) -> None:
    mist = c.shade((150, 205, 190))
    c.gradient(mist, c.shade((90, 150, 110)), 0, 0.77)
    for i in range(round(14 * c.spread)):
        x = (i + c.fine.random()) * 0.075
        c.fir(x, 0.62, c.fine.uniform(0.28, 0.48), mix(mist, (60, 120, 90), 0.35))
    for layer, (base, dark) in enumerate(((0.66, (50, 110, 70)), (0.76, (25, 85, 45)))):
        x = c.rng.uniform(-0.1, 0.0)
        while x < c.aspect + 0.1:
            tall, wide = c.rng.uniform(0.45, 0.62), c.rng.uniform(0.10, 0.13)
            green = c.shade(dark, 10)
            c.box(x - 0.013, base - 0.1, x + 0.013, base + 0.03, (90, 60, 35))
            c.box(x + 0.003, base - 0.1, x + 0.013, base + 0.03, (66, 44, 28))
            for step in reversed(range(3)):
                top = base - tall + step * tall * 0.24
                spread = wide * (0.6 + 0.25 * step)
                low = top + tall * 0.36
                c.polygon([(x - spread, low), (x, top), (x + spread, low)], green)
                c.polygon([(x, top), (x + spread, low), (x + spread * 0.15, low)], tone(green, 0.82))
                for k in range(9):
                    at = (k - 4) / 4.2
                    c.polygon(
                        [
                            (x + at * spread - 0.02, low - 0.002),
                            (x + at * spread + 0.02, low - 0.002),
                            (x + at * spread, low + 0.022),
                        ],
                        tone(green, 1 if at < 0.1 else 0.82),
                    )
                for k in range(7):
                    s, at = 0.2 + 0.11 * k, c.fine.uniform(-0.75, 0.4)
                    px, py = x + at * spread * s, top + (low - top) * s
                    c.line(
                        [(px - 0.012, py + 0.008), (px, py), (px + 0.012, py + 0.008)],
                        0.004,
                        tone(green, 1.2),
                    )
            x += c.rng.uniform(0.18, 0.25) + 0.02 * layer
    ground = c.shade((60, 110, 45))
    c.gradient(ground, c.shade((40, 80, 30)), 0.76, 1)
    c.speckle(0.78, 1.0, (92, 92, 44), 90, 0.010)
    c.grass(0.76, 1.0, tone(ground, 1.08), 260, 0.045)
    for _ in range(round(4 * c.spread)):
        x, y, s = c.fine.uniform(0, c.aspect), c.fine.uniform(0.82, 0.97), c.fine.uniform(0.016, 0.024)
        c.box(x - 0.3 * s, y - s, x + 0.3 * s, y, (244, 232, 212))
        u = c.unit
        c.pen.pieslice([(x - s) * u, (y - 2 * s) * u, (x + s) * u, y * u], 180, 360, fill=(206, 58, 48))
        for dx, dy in ((-0.5, 1.3), (0.1, 1.65), (0.55, 1.25)):
            c.disc(x + dx * s, y - dy * s, 0.16 * s, (255, 246, 236))


def desert(c: Canvas) -> None:
    c.gradient(c.shade((245, 190, 110)), c.shade((255, 232, 180)), 0, 0.6)
    c.sun(c.rng.uniform(0.1, c.aspect - 0.1), 0.15, 0.075, (255, 250, 210))
    for base, rise, colour, waves in (
        (0.60, 0.16, (222, 150, 75), 1.2),
        (0.72, 0.10, (235, 175, 95), 0.9),
        (0.84, 0.07, (245, 195, 115), 1.4),
    ):
        sand = c.shade(colour)
        edge = c.hills(base, rise, sand, waves)
        c.line([(x, y + 0.003) for x, y in edge], 0.006, tone(sand, 1.35))
        # The sides that fall away from the light lie in shade.
        for (x0, y0), (x1, y1) in itertools.pairwise(edge):
            if y1 > y0:
                c.polygon(
                    [
                        (x0, y0 + 0.005),
                        (x1, y1 + 0.005),
                        (x1, y1 + 0.03 + 2.2 * (y1 - y0)),
                        (x0, y0 + 0.03 + 2.2 * (y1 - y0)),
                    ],
                    tone(sand, 0.93),
                )
        for k in range(1, 5):
            shift = c.fine.uniform(-0.3, 0.3)
            line = [(x, y + 0.024 * k + 0.006 * math.sin(9 * x + k + shift)) for x, y in edge]
            start = c.fine.randrange(0, 18)
            c.line(line[start : start + c.fine.randrange(8, 15)], 0.003, tone(sand, 0.86))
    c.speckle(0.80, 1.0, (236, 184, 106), 140, 0.006)
    for _ in range(round(6 * c.spread)):
        x, y, r = c.fine.uniform(0, c.aspect), c.fine.uniform(0.82, 0.98), c.fine.uniform(0.012, 0.022)
        c.polygon([(x - r, y), (x - r * 0.6, y - r * 0.8), (x + r * 0.3, y - r), (x + r, y)], (176, 116, 70))
        c.polygon([(x + r * 0.1, y), (x + r * 0.3, y - r), (x + r, y)], (138, 88, 56))
    for _ in range(round(2 * c.spread)):
        x, y, s = c.rng.uniform(0.03, c.aspect - 0.03), c.rng.uniform(0.62, 0.78), c.rng.uniform(1.1, 1.5)
        _cactus(c, x, y, s, c.shade((45, 125, 60), 8))


def _cactus(c: Canvas, x: float, y: float, s: float, green: Colour) -> None:
    c.oval(x + 0.03 * s, y, 0.06 * s, 0.008 * s, (190, 130, 70))
    c.line(
        [(x, y - 0.097 * s), (x - 0.045 * s, y - 0.097 * s), (x - 0.045 * s, y - 0.15 * s)], 0.022 * s, green
    )
    c.line(
        [(x, y - 0.067 * s), (x + 0.04 * s, y - 0.067 * s), (x + 0.04 * s, y - 0.14 * s)], 0.022 * s, green
    )
    for dx, top in ((-0.045, 0.15), (0.04, 0.14)):
        c.disc(x + dx * s, y - top * s, 0.011 * s, green)
        c.line([(x + dx * s, y - 0.1 * s), (x + dx * s, y - top * s)], 0.003 * s, tone(green, 0.7))
    c.box(x - 0.016 * s, y - 0.19 * s, x + 0.016 * s, y, green)
    c.disc(x, y - 0.19 * s, 0.016 * s, green)
    for dx, shade in ((-0.009, 1.3), (-0.002, 0.74), (0.006, 0.74), (0.012, 0.66)):
        c.line([(x + dx * s, y - 0.195 * s), (x + dx * s, y)], 0.004 * s, tone(green, shade))
    for k in range(7):
        c.line(
            [(x - 0.021 * s, y - (0.02 + 0.025 * k) * s), (x - 0.015 * s, y - (0.022 + 0.025 * k) * s)],
            0.002,
            (240, 236, 200),
        )
    c.disc(x, y - 0.207 * s, 0.008 * s, (244, 96, 130))


def mountains(c: Canvas) -> None:
    c.gradient(c.shade((120, 165, 215)), c.shade((215, 230, 245)), 0, 0.75)
    x = c.rng.uniform(-0.15, 0.0)
    while x < c.aspect + 0.1:
        top, half = c.rng.uniform(0.14, 0.3), c.rng.uniform(0.2, 0.26)
        _peak(c, x, top, half, c.shade((105, 115, 140), 10))
        x += half * c.rng.uniform(0.9, 1.2)
    for base, rise, colour, spread, waves in (
        (0.76, 0.05, (228, 236, 246), 6, 1.3),
        (0.88, 0.05, (246, 249, 253), 5, 0.9),
    ):
        snow = c.shade(colour, spread)
        edge = c.hills(base, rise, snow, waves)
        c.line([(x, y + 0.003) for x, y in edge], 0.005, (255, 255, 255))
        for k in range(1, 4):
            start = c.fine.randrange(0, 20)
            line = [(x, y + 0.022 * k) for x, y in edge]
            c.line(line[start : start + c.fine.randrange(5, 12)], 0.005, mix(snow, (150, 180, 220), 0.35))
        if base < 0.8:
            for x, y in edge:
                if c.fine.random() < 0.55:
                    size = c.fine.uniform(0.05, 0.11)
                    x += c.fine.uniform(-0.01, 0.01)
                    c.fir(x, y + 0.02, size, c.tint((58, 92, 98)))
                    c.polygon(
                        [
                            (x - 0.03 * size, y + 0.02 - 0.92 * size),
                            (x, y + 0.02 - size),
                            (x + 0.01, y + 0.02 - 0.86 * size),
                            (x - 0.2 * size, y + 0.02 - 0.68 * size),
                        ],
                        (250, 252, 255),
                    )
    for _ in range(round(50 * c.spread)):
        x, y = c.fine.uniform(0, c.aspect), c.fine.uniform(0.8, 1.0)
        c.oval(
            x,
            y,
            c.fine.uniform(0.004, 0.014),
            0.002,
            mix((238, 243, 250), (150, 180, 220), c.fine.uniform(0.1, 0.5)),
        )
    for _ in range(round(8 * c.spread)):
        c.disc(c.rng.uniform(0, c.aspect), c.rng.uniform(0, 0.95), 0.014, (255, 255, 255))


def _peak(c: Canvas, x: float, top: float, half: float, rock: Colour) -> None:
    """A mountain with a lit and a shaded side, gullies, and a cap of snow with a jagged rim."""
    high = 0.76 - top
    c.polygon([(x - half, 0.76), (x, top), (x + half, 0.76)], rock)
    c.polygon(
        [
            (x, top),
            (x + half, 0.76),
            (x + 0.12 * half, 0.76),
            (x - 0.06 * half, top + 0.6 * high),
            (x + 0.10 * half, top + 0.35 * high),
        ],
        tone(rock, 0.76),
    )
    for _ in range(9):
        share, at = c.fine.uniform(0.4, 0.9), c.fine.uniform(-0.8, 0.8)
        px, py = x + at * half * share, top + high * share
        c.polygon(
            [(px, py - 0.05), (px + 0.02 * (1 if at > 0 else -1), py + 0.03), (px - 0.006, py + 0.02)],
            tone(rock, 0.66 if at > 0.1 else c.fine.choice((0.86, 1.16))),
        )
    rim = [
        (x + half * 0.42 * (1 - k / 4), top + high * (0.42 if k % 2 == 0 else 0.30 + 0.02 * k))
        for k in range(9)
    ]
    rim = [(px, max(py, top + abs(px - x) / half * high)) for px, py in rim]
    c.polygon([(x, top), *rim], (250, 252, 255))
    c.polygon([(x, top), *rim[:4], (x + 0.02 * half, top + 0.2 * high)], (204, 219, 240))


def meadow(c: Canvas) -> None:
    c.gradient(c.shade((110, 190, 250)), c.shade((205, 235, 250)), 0, 0.6)
    for _ in range(round(2 * c.spread)):
        x, y = c.rng.uniform(0.05, c.aspect - 0.05), c.rng.uniform(0.08, 0.25)
        c.cloud(x, y + 0.02, 0.105)
    far = c.shade((130, 195, 90))
    edge = c.hills(0.60, 0.12, far, 1.1)
    c.line([(x, y + 0.003) for x, y in edge], 0.005, tone(far, 1.25))
    for i in range(3, 32, 4):
        x, y = edge[i]
        if c.fine.random() < 0.6:
            c.tree(x, y + 0.012, c.fine.uniform(0.06, 0.10), c.tint((92, 160, 74)))
    c.grass(0.55, 0.72, far, 90, 0.014)
    near = c.shade((95, 180, 65))
    edge = c.hills(0.72, 0.08, near, 0.8)
    c.line([(x, y + 0.003) for x, y in edge], 0.006, tone(near, 1.25))
    c.grass(0.72, 1.0, near, 300, 0.04)
    for _ in range(round(40 * c.spread)):
        x, y = c.fine.uniform(0, c.aspect), c.fine.uniform(0.68, 0.99)
        c.disc(
            x,
            y,
            0.0035 + 0.008 * (y - 0.68),
            c.fine.choice(((255, 255, 255), (255, 225, 90), (250, 160, 190))),
        )
    for _ in range(round(12 * c.spread)):
        x, y = c.rng.uniform(0, c.aspect), c.rng.uniform(0.72, 0.99)
        petal = c.rng.choice(((250, 90, 110), (255, 225, 70), (255, 255, 255), (190, 110, 230)))
        c.line([(x, y), (x + 0.004, y + 0.045)], 0.004, tone(near, 0.68))
        c.leaf(x + 0.003, y + 0.036, -0.6, 0.026, tone(near, 0.8))
        for k in range(6):
            angle = k * math.tau / 6
            c.disc(
                x + 0.013 * math.cos(angle),
                y + 0.012 * math.sin(angle),
                0.0088,
                tone(petal, 1 if k % 2 else 0.93),
            )
        c.disc(x, y, 0.008, (255, 214, 80) if petal[2] > 80 else (190, 110, 40))
