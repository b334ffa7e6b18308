"""Far away: ocean, space, volcano, clouds."""

import math

from train.world.canvas import Canvas, Colour, mix, tone


def ocean(c: Canvas) -> None:
    c.gradient(c.shade((40, 165, 205)), c.shade((5, 50, 120)))
    for _ in range(round(3 * c.spread)):
        x = c.rng.uniform(0, c.aspect)
        ray = c.shade((60, 180, 215), 8)
        for low in (0.75, 0.68, 0.60, 0.51, 0.41, 0.30):
            at, wide = x - 0.17 * low / 0.75, 0.07 * low / 0.75
            c.veil([(x, 0), (x + 0.07, 0), (at + wide, low), (at - wide, low)], ray, 0.17)
            c.veil(
                [(x + 0.02, 0), (x + 0.05, 0), (at + wide * 0.4, low), (at - wide * 0.4, low)],
                tone(ray, 1.3),
                0.08,
            )
    c.ripples(0.0, 0.10, (170, 232, 244), 34, 0.06)
    for i in range(round(7 * c.spread)):
        x, high = (i + c.fine.random()) * 0.13, c.fine.uniform(0.05, 0.16)
        c.oval(x, 0.90, 0.10, high, c.tint((20, 78, 132), 6))
    sand = c.shade((190, 170, 120))
    edge = c.hills(0.90, 0.06, sand, 1.6)
    for k in range(4):
        c.line(
            [(x, y + 0.012 + 0.02 * k + 0.004 * math.sin(14 * x + k)) for x, y in edge],
            0.003,
            tone(sand, (1.2, 0.86)[k % 2]),
        )
    c.speckle(0.91, 1.0, sand, 120, 0.007)
    for _ in range(round(5 * c.spread)):
        x, y, r = c.fine.uniform(0, c.aspect), c.fine.uniform(0.92, 0.99), c.fine.uniform(0.015, 0.03)
        c.oval(x, y, r, r * 0.62, (88, 98, 112))
        c.oval(x - r * 0.2, y - r * 0.2, r * 0.6, r * 0.3, (126, 138, 150))
    for _ in range(round(4 * c.spread)):
        x, tall = c.rng.uniform(0, c.aspect), c.rng.uniform(0.15, 0.34)
        weed = c.shade(c.rng.choice(((30, 140, 90), (220, 90, 110), (240, 130, 70))), 10)
        stem = [(x + 0.014 * math.sin(i * 1.3), 0.93 - tall * i / 8, 0.02 - 0.0012 * i) for i in range(8)]
        for i, (px, py, r) in enumerate(stem):
            for angle in (-0.5, math.pi + 0.5):
                c.leaf(px, py, angle - 0.3 * math.sin(angle), r * 2.2, tone(weed, 0.9 + 0.04 * i), 0.32)
            c.disc(px, py, r * 0.75, weed)
        c.line([(px, py) for px, py, _ in stem], 0.005, tone(weed, 1.3))
    for _ in range(round(5 * c.spread)):
        x, y, r = c.rng.uniform(0, c.aspect), c.rng.uniform(0.05, 0.8), c.rng.uniform(0.014, 0.02)
        c.disc(x, y, r, (170, 225, 240))
        c.disc(x + r * 0.1, y + r * 0.1, r * 0.78, (96, 182, 214))
        c.disc(x - r * 0.35, y - r * 0.35, r * 0.25, (245, 253, 255))
        c.disc(x + c.fine.uniform(-0.03, 0.03), y - 0.04, r * 0.4, (190, 234, 245))


def space(c: Canvas) -> None:
    c.gradient(c.shade((15, 8, 40), 6), c.shade((45, 20, 75), 8))
    for _ in range(round(4 * c.spread)):
        nebula = c.fine.choice(((130, 50, 160), (50, 70, 180), (180, 60, 120)))
        c.glow(
            c.fine.uniform(0, c.aspect), c.fine.uniform(0.05, 0.75), c.fine.uniform(0.2, 0.38), nebula, 0.55
        )
    for _ in range(round(90 * c.spread)):
        star = mix((255, 255, 255), c.fine.choice(((255, 210, 160), (160, 200, 255))), c.fine.random())
        c.disc(c.fine.uniform(0, c.aspect), c.fine.uniform(0, 0.83), c.fine.uniform(0.0008, 0.003), star)
    stars = [
        (c.rng.uniform(0, c.aspect), c.rng.uniform(0, 0.85), c.rng.choice((0.008, 0.011)))
        for _ in range(round(16 * c.spread))
    ]
    for x, y, r in stars:
        c.glow(x, y, r * 3.5, (190, 190, 255), 0.7)
        c.disc(x, y, r * 0.75, (255, 255, 235))
        for dx, dy in ((1.0, 0.0), (0.0, 1.0)):
            c.line(
                [(x - 2 * r * dx, y - 2 * r * dy), (x + 2 * r * dx, y + 2 * r * dy)], 0.0025, (255, 255, 235)
            )
    x, y = c.rng.uniform(0.1, c.aspect - 0.1), c.rng.uniform(0.12, 0.25)
    planet = c.shade(c.rng.choice(((230, 140, 80), (100, 160, 230), (200, 110, 190))), 12)
    _planet(c, x, y, planet)
    for star_x, star_y, _ in stars:
        if star_y < 0.77 and math.hypot(star_x - x, star_y - y) > 0.12:
            c.shine(star_x, star_y, 0.025, 0.7)
    dust = c.shade((150, 150, 160))
    edge = c.hills(0.84, 0.05, dust, 0.6)
    c.line([(px, py + 0.003) for px, py in edge], 0.005, tone(dust, 1.4))
    c.speckle(0.85, 1.0, dust, 160, 0.006)
    for _ in range(round(4 * c.spread)):
        x, y, r = c.rng.uniform(0, c.aspect), c.rng.uniform(0.88, 0.99), c.rng.uniform(0.02, 0.035)
        c.oval(x, y, r * 1.2, r * 0.7, tone(dust, 1.22))
        c.oval(x + r * 0.04, y + r * 0.05, r * 1.02, r * 0.55, (96, 96, 108))
        c.oval(x + r * 0.1, y + r * 0.14, r * 0.8, r * 0.36, (122, 122, 134))


def _planet(c: Canvas, x: float, y: float, planet: Colour) -> None:
    """A planet in bands, shaded at one side, with a ring that passes behind and before it."""
    c.glow(x, y, 0.17, planet, 0.6)
    c.disc(x, y, 0.085, planet)
    for k in range(-4, 5):
        dy = 0.018 * k
        rim = [(math.sqrt(0.083**2 - at**2), y + at) for at in (dy - 0.005, dy + 0.004)]
        (half0, y0), (half1, y1) = rim
        band = tone(planet, (1.0, 1.16, 0.86)[k % 3])
        c.polygon([(x - half0, y0), (x + half0, y0), (x + half1, y1), (x - half1, y1)], band)
    for deep in (0.75, 0.4):
        # A crescent: half of the rim, and back along a flatter arc.
        arc = [math.radians(d) for d in range(-60, 121, 6)]
        outer = [(x + 0.085 * math.cos(a), y + 0.085 * math.sin(a)) for a in arc]
        inner = []
        for a in reversed(arc):
            along, across = math.sin(a - math.pi / 6) * 0.085, math.cos(a - math.pi / 6) * 0.085 * deep
            inner.append((x + across * 0.866 - along * 0.5, y + across * 0.5 + along * 0.866))
        c.veil([*outer, *inner], (10, 6, 40), 0.3)
    c.polygon(
        [(x - 0.15, y + 0.03), (x + 0.15, y - 0.05), (x + 0.15, y - 0.03), (x - 0.15, y + 0.05)],
        (235, 215, 170),
    )
    c.line([(x - 0.15, y + 0.040), (x + 0.15, y - 0.040)], 0.004, (176, 146, 110))
    c.line([(x - 0.15, y + 0.033), (x + 0.15, y - 0.047)], 0.003, (255, 244, 214))


def volcano(c: Canvas) -> None:
    c.gradient(c.shade((95, 60, 70)), c.shade((190, 110, 85)), 0, 0.79)
    x = c.rng.uniform(0.15, c.aspect - 0.15)
    c.glow(x, 0.2, 0.3, (255, 120, 50), 0.8)
    c.shine(x, 0.2, 0.22, 0.7)
    for i in range(5):
        dx, smoke = c.rng.uniform(-0.05, 0.05), c.shade((80, 72, 78), 8)
        y, r = 0.16 - 0.04 * i, 0.05 + 0.014 * i
        for k in range(5):
            angle = k * 1.257 + i
            c.disc(
                x + dx + 0.6 * r * math.cos(angle),
                y + 0.4 * r * math.sin(angle),
                r * 0.62,
                tone(smoke, 0.86 + 0.06 * k),
            )
        c.disc(x + dx - 0.15 * r, y - 0.1 * r, r * 0.6, tone(smoke, 1.1))
    rock = c.shade((72, 52, 52), 8)
    c.polygon([(x - 0.45, 0.8), (x - 0.07, 0.2), (x + 0.07, 0.2), (x + 0.45, 0.8)], rock)
    c.polygon([(x + 0.02, 0.2), (x + 0.07, 0.2), (x + 0.45, 0.8), (x + 0.16, 0.8)], tone(rock, 0.8))
    for _ in range(40):
        at, start = c.fine.uniform(-0.97, 0.95), c.fine.uniform(0.0, 0.75)
        stop = min(1.0, start + c.fine.uniform(0.1, 0.4))
        wide = 0.004 + 0.010 * stop

        def down(share: float, at: float = at) -> tuple[float, float]:
            return x + at * (0.07 + 0.38 * share), 0.2 + 0.6 * share

        (x0, y0), (x1, y1) = down(start), down(stop)
        shade = c.fine.choice((0.66, 0.74)) if at > 0.15 else c.fine.choice((0.8, 1.12, 1.2))
        mid = ((x0 + x1) / 2 + wide, (y0 + y1) / 2)
        c.polygon([(x0, y0), mid, (x1 + wide, y1), (x1 - wide, y1)], tone(rock, shade))
    lava, hot = (255, 120, 30), (255, 206, 90)
    c.polygon([(x - 0.07, 0.2), (x + 0.07, 0.2), (x + 0.03, 0.34), (x, 0.28), (x - 0.04, 0.38)], lava)
    c.polygon([(x - 0.01, 0.2), (x + 0.03, 0.2), (x + 0.11, 0.78), (x + 0.05, 0.78)], lava)
    c.polygon([(x - 0.05, 0.2), (x + 0.05, 0.2), (x + 0.02, 0.28), (x - 0.005, 0.24), (x - 0.035, 0.31)], hot)
    c.line([(x + 0.01, 0.2), (x + 0.03, 0.4), (x + 0.05, 0.55), (x + 0.08, 0.78)], 0.014, hot)
    c.oval(x, 0.2, 0.07, 0.012, (255, 236, 160))
    for k in range(9):
        c.shine(x + 0.08 * k / 8, 0.2 + 0.58 * k / 8, 0.07, 0.8)
    for _ in range(round(30 * c.spread)):
        angle, far = c.fine.uniform(-2.7, -0.4), c.fine.uniform(0.05, 0.34)
        px, py = x + far * math.cos(angle), 0.22 + far * math.sin(angle) * 0.8 + far * far
        c.disc(px, py, c.fine.uniform(0.002, 0.006), c.fine.choice((lava, hot, (255, 160, 60))))
        c.shine(px, py, 0.012)
    ground = c.shade((60, 42, 44), 6)
    c.gradient(ground, c.shade((38, 28, 32), 6), 0.78, 1)
    for _ in range(round(70 * c.spread)):
        px, share = c.fine.uniform(0, c.aspect), c.fine.random()
        py, r = 0.785 + 0.21 * share, 0.008 + 0.02 * share
        c.polygon(
            [(px - r, py), (px - 0.5 * r, py - 0.7 * r), (px + 0.5 * r, py - 0.6 * r), (px + r, py)],
            tone(ground, 1.12),
        )
        c.polygon([(px + 0.1 * r, py), (px + 0.5 * r, py - 0.6 * r), (px + r, py)], tone(ground, 0.62))
    for _ in range(round(4 * c.spread)):
        left, y = c.rng.uniform(-0.1, c.aspect), c.rng.uniform(0.82, 0.97)
        wide = c.rng.uniform(0.1, 0.25)
        steps = [(left + wide * k / 6, y + 0.006 + c.fine.uniform(-0.006, 0.006)) for k in range(7)]
        c.glow(left + wide / 2, y, wide * 0.6, (255, 110, 30), 0.55)
        c.line(steps, 0.014, (255, 150, 40))
        c.line(steps[1:-1], 0.006, (255, 226, 120))
        for k in range(7):
            c.shine(*steps[k], 0.035, 0.8)


def clouds(c: Canvas) -> None:
    top = c.shade(c.rng.choice(((42, 108, 214), (60, 96, 206), (34, 128, 214))), 8)
    blush = c.shade(c.rng.choice(((255, 214, 214), (255, 232, 200), (232, 222, 255))), 6)
    c.gradient(top, mix(top, (214, 236, 255), 0.75), 0, 0.62)
    sun = c.rng.uniform(0.2, c.aspect - 0.2)
    for k in range(0 if c.night else 14):
        angle = k * math.tau / 14 + 0.1
        c.veil(
            [
                (sun, 0.16),
                (sun + 1.2 * math.cos(angle), 0.16 + 1.2 * math.sin(angle)),
                (sun + 1.2 * math.cos(angle + 0.14), 0.16 + 1.2 * math.sin(angle + 0.14)),
            ],
            (255, 255, 240),
            0.13,
        )
    c.sun(sun, 0.16, 0.05, (255, 250, 224))
    if c.rng.random() < 0.6 and not c.night:
        _rainbow(c, c.aspect / 2 + c.rng.choice((-0.15, 0.15)), 0.66)
    for i in range(round(3 * c.spread)):
        x = (i + c.rng.random()) * c.aspect / (3 * c.spread)
        c.oval(x, c.rng.uniform(0.05, 0.12), 0.12, 0.006, mix(top, (255, 255, 255), 0.55))
    blue = mix(top, (170, 196, 240), 0.7)
    for side in (-1, 1):
        edge = 0.0 if side < 0 else c.aspect
        _heap(c, edge, c.rng.uniform(0.28, 0.40), 0.66, 0.20, mix(blush, (255, 255, 255), 0.4), blue)
    for layer, y in enumerate((0.56, 0.63, 0.71, 0.80, 0.90, 1.0)):
        white = mix(mix(blue, blush, 0.35 + 0.3 * (layer % 2)), (255, 255, 255), 0.2 + 0.12 * layer)
        _bank(c, y, 0.042 + 0.012 * layer, white, mix(white, blue, 0.55))
    for _ in range(round(3 * c.spread)):
        x, y, s = c.rng.uniform(0.05, c.aspect - 0.05), c.rng.uniform(0.24, 0.42), c.rng.uniform(0.018, 0.03)
        c.line(
            [
                (x - s, y - s * 0.3),
                (x - s * 0.5, y - s * 0.55),
                (x, y),
                (x + s * 0.5, y - s * 0.55),
                (x + s, y - s * 0.3),
            ],
            0.005,
            (52, 66, 104),
        )


def _rainbow(c: Canvas, x: float, y: float) -> None:
    u = c.unit
    colours = (
        (238, 84, 84),
        (250, 160, 70),
        (252, 226, 100),
        (110, 206, 120),
        (90, 160, 240),
        (150, 110, 220),
    )
    for i, colour in enumerate(colours):
        r = 0.40 - 0.014 * i
        c.pen.arc(
            [(x - r) * u, (y - r) * u, (x + r) * u, (y + r) * u],
            180,
            360,
            fill=mix(colour, (220, 235, 255), 0.45),
            width=math.ceil(0.016 * u),
        )


def _heap(c: Canvas, x: float, top: float, foot: float, half: float, white: Colour, blue: Colour) -> None:
    """A towering cloud, lit from above."""
    puffs = []
    for _ in range(26):
        share = c.rng.random()
        wide = half * (0.25 + 0.75 * share)
        puffs.append((x + c.rng.uniform(-wide, wide), top + (foot - top) * share, 0.045 + 0.045 * share))
    puffs.sort(key=lambda puff: puff[1])
    for px, py, r in puffs:
        share = (py - top) / (foot - top)
        body = mix(white, blue, 0.55 * share)
        c.disc(px, py + r * 0.14, r, mix(body, blue, 0.4))
        c.disc(px, py, r * 0.96, body)
        c.disc(px - r * 0.12, py - r * 0.22, r * 0.66, mix(body, (255, 255, 255), 0.5))


def _bank(c: Canvas, y: float, r: float, white: Colour, shadow: Colour) -> None:
    """A layer of the sea of clouds."""
    x = -c.rng.uniform(0, r)
    puffs = []
    while x < c.aspect + r:
        puffs.append((x, y + c.rng.uniform(-0.4, 0.4) * r, r * c.rng.uniform(0.8, 1.25)))
        x += r * c.rng.uniform(0.7, 1.1)
    for px, py, radius in puffs:
        c.disc(px, py, radius, shadow)
    for px, py, radius in puffs:
        c.disc(px, py + radius * 0.09, radius * 0.98, white)
    c.box(0, y + r * 0.5, c.aspect, 1.1, white)
    for px, py, radius in puffs:
        c.disc(px - radius * 0.1, py + radius * 0.05, radius * 0.62, tone(white, 1.5))
        c.oval(px + radius * 0.2, py + radius * 1.25, radius * 0.8, radius * 0.16, mix(white, shadow, 0.4))
