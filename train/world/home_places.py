"""At home: room, kitchen."""

import itertools
import math

from train.world.canvas import Canvas, Colour, tone


def room(c: Canvas) -> None:
    wall = c.shade(c.rng.choice(((235, 205, 170), (205, 190, 225), (225, 200, 200))))
    c.gradient(wall, wall, 0, 0.72)
    stripe = tone(wall, 0.93)
    for i in range(round(12 * c.spread)):
        c.box(i * 0.12, 0, i * 0.12 + 0.05, 0.72, stripe)
        for row in range(9):
            x, y = i * 0.12 + 0.085, 0.04 + 0.08 * row
            c.polygon([(x, y - 0.012), (x + 0.008, y), (x, y + 0.012), (x - 0.008, y)], tone(wall, 0.9))
            c.disc(x, y, 0.003, tone(wall, 1.4))
    left = c.rng.uniform(0.05, c.aspect - 0.32)
    _pane(c, left)
    c.box(0, 0.66, c.aspect, 0.73, (245, 240, 230))
    c.box(0, 0.66, c.aspect, 0.666, (255, 253, 248))
    c.box(0, 0.676, c.aspect, 0.679, (212, 204, 190))
    c.box(0, 0.722, c.aspect, 0.732, (150, 120, 96))
    wood = c.shade((165, 110, 65))
    c.gradient(wood, c.shade((130, 85, 48)), 0.73, 1)
    rows = (0.73, 0.765, 0.81, 0.865, 0.93, 1.0)
    for row, (y0, y1) in enumerate(itertools.pairwise(rows)):
        for k in range(math.ceil(c.aspect / 0.3) + 1):
            x = k * 0.3 - (0.15 if row % 2 else 0)
            c.box(x, y0, x + 0.3, y1, c.tint(tone(wood, 0.98 - 0.05 * row), 6))
            c.line([(x, y0), (x, y1)], 0.003, tone(wood, 0.66))
            for _ in range(3):
                gx, gy = x + c.fine.uniform(0, 0.2), c.fine.uniform(y0, y1)
                c.line([(gx, gy), (gx + 0.07, gy)], 0.002, tone(wood, 0.8))
        c.line([(0, y0), (c.aspect, y0)], 0.003, tone(wood, 0.66))
    x = c.rng.uniform(0.2, c.aspect - 0.2)
    rug = c.shade(c.rng.choice(((190, 60, 70), (60, 90, 160))))
    for scale, colour in (
        (1.0, tone(rug, 0.75)),
        (0.95, rug),
        (0.82, (240, 220, 180)),
        (0.78, rug),
        (0.5, tone(rug, 1.25)),
        (0.45, rug),
    ):
        c.oval(x, 0.895, 0.26 * scale, 0.075 * scale, colour)
    for k in range(16):
        angle = k * math.tau / 16
        c.oval(x + 0.225 * math.cos(angle), 0.895 + 0.065 * math.sin(angle), 0.007, 0.004, (250, 226, 170))
    _furniture(c, left)


def _pane(c: Canvas, left: float) -> None:
    """The window: a view, a frame, curtains and a sill."""
    c.box(left, 0.13, left + 0.27, 0.43, (250, 250, 250))
    sky = c.shade((140, 205, 250))
    c.box(left + 0.02, 0.15, left + 0.25, 0.41, sky)
    c.cloud(left + 0.09, 0.22, 0.045)
    c.polygon(
        [
            (left + 0.02, 0.41),
            (left + 0.02, 0.36),
            (left + 0.08, 0.335),
            (left + 0.15, 0.36),
            (left + 0.2, 0.34),
            (left + 0.25, 0.365),
            (left + 0.25, 0.41),
        ],
        (134, 190, 116),
    )
    c.tree(left + 0.20, 0.40, 0.09, (92, 160, 80))
    c.veil(
        [(left + 0.04, 0.15), (left + 0.09, 0.15), (left + 0.02, 0.3), (left + 0.02, 0.2)],
        (255, 255, 255),
        0.4,
    )
    c.box(left + 0.127, 0.13, left + 0.143, 0.43, (250, 250, 250))
    c.box(left, 0.272, left + 0.27, 0.288, (250, 250, 250))
    c.line([(left + 0.02, 0.152), (left + 0.25, 0.152)], 0.003, (196, 200, 206))
    c.box(left - 0.02, 0.43, left + 0.29, 0.446, (240, 236, 228))
    c.box(left - 0.02, 0.442, left + 0.29, 0.448, (190, 182, 170))
    cloth = c.tint((226, 120, 96))
    for side, edge in ((1, left - 0.03), (-1, left + 0.30)):
        for k in range(4):
            x0, x1 = edge + side * 0.018 * k, edge + side * 0.018 * (k + 1)
            low = edge + side * 0.011 * k, edge + side * 0.011 * (k + 1)
            c.polygon(
                [(x0, 0.11), (x1, 0.11), (low[1], 0.47), (low[0], 0.47)],
                tone(cloth, (0.85, 1.1, 0.92, 1.2)[k]),
            )
    c.line([(left - 0.05, 0.108), (left + 0.32, 0.108)], 0.010, (128, 88, 60))
    for x in (left - 0.05, left + 0.32):
        c.disc(x, 0.108, 0.012, (206, 164, 90))


def _furniture(c: Canvas, left: float) -> None:
    """A picture on the wall and a plant in the larger space beside the window; a lamp where there's room."""
    right = left + 0.27 / 2 < c.aspect / 2
    x = (left + 0.34 + c.aspect) / 2 if right else (left - 0.07) / 2
    if abs(x - (left + 0.135)) > 0.24:
        c.box(x - 0.065, 0.19, x + 0.065, 0.34, (150, 104, 62))
        c.box(x - 0.055, 0.20, x + 0.055, 0.33, (250, 244, 230))
        c.box(x - 0.045, 0.21, x + 0.045, 0.32, (250, 196, 130))
        c.disc(x + 0.01, 0.25, 0.02, (250, 120, 90))
        c.polygon(
            [(x - 0.045, 0.32), (x - 0.045, 0.29), (x - 0.01, 0.265), (x + 0.045, 0.30), (x + 0.045, 0.32)],
            (90, 110, 150),
        )
    edge = c.aspect - 0.06 if right else 0.06
    for angle in (-2.8, -2.4, -2.0, -1.57, -1.15, -0.75, -0.35):
        c.leaf(edge, 0.67, angle, c.fine.uniform(0.13, 0.19), c.tint((66, 142, 86), 12), 0.2)
    c.polygon(
        [(edge - 0.05, 0.66), (edge + 0.05, 0.66), (edge + 0.036, 0.76), (edge - 0.036, 0.76)], (206, 112, 74)
    )
    c.polygon(
        [(edge - 0.04, 0.68), (edge - 0.02, 0.68), (edge - 0.018, 0.755), (edge - 0.03, 0.755)],
        (232, 150, 108),
    )
    c.box(edge - 0.056, 0.648, edge + 0.056, 0.672, (222, 132, 92))


def kitchen(c: Canvas) -> None:
    wall = c.shade(c.rng.choice(((196, 226, 216), (250, 226, 160), (188, 216, 236))), 8)
    front = c.shade(c.rng.choice(((62, 132, 128), (222, 110, 84), (70, 104, 152))), 8)
    c.gradient(tone(wall, 1.15), wall, 0, 0.7)
    for row in range(14):
        for column in range(math.ceil(c.aspect / 0.05)):
            if c.fine.random() < 0.3:
                x, y = column * 0.05, 0.035 * row
                c.box(x, y, x + 0.05, y + 0.035, tone(wall, c.fine.choice((0.95, 1.2))))
    for row in range(15):
        c.line([(0, 0.035 * row), (c.aspect, 0.035 * row)], 0.0025, tone(wall, 0.86))
    for column in range(math.ceil(c.aspect / 0.05)):
        c.line([(column * 0.05, 0), (column * 0.05, 0.5)], 0.0025, tone(wall, 0.86))
    middle = c.aspect / 2 + c.rng.uniform(-0.02, 0.02)
    side = c.rng.choice((-1, 1))
    for i in range(-7, 8):
        x = middle + i * 0.17
        if i != 0 and i != side:
            _cupboard(c, x - 0.083, 0.0, x + 0.083, 0.19, front, low=True)
        _cupboard(c, x - 0.083, 0.53, x + 0.083, 0.69, front, low=False)
    _hood(c, middle + side * 0.17)
    _window(c, middle - 0.06 * side, 0.06, 0.115, 0.24)
    c.box(0, 0.49, c.aspect, 0.53, (240, 234, 224))
    c.box(0, 0.49, c.aspect, 0.499, (255, 253, 248))
    c.box(0, 0.524, c.aspect, 0.532, (176, 160, 146))
    _stove(c, middle + side * 0.17)
    _shelf(c, middle - side * 0.23, 0.30)
    order = c.rng.sample(range(4), 4)
    for i in range(-5, 6):
        _counter_thing(c, middle - side * (0.11 - 0.19 * i), 0.49, order[i % 4])
    c.box(0, 0.69, c.aspect, 0.705, tone(front, 0.5))
    _checkered(c, middle, 0.705)


def _cupboard(c: Canvas, x0: float, y0: float, x1: float, y1: float, front: Colour, *, low: bool) -> None:
    c.box(x0, y0, x1, y1, tone(front, 0.72))
    c.box(x0 + 0.004, y0, x1 - 0.004, y1 - 0.005, front)
    c.box(x0 + 0.018, y0 + 0.02, x1 - 0.018, y1 - 0.022, tone(front, 0.82))
    c.box(x0 + 0.022, y0 + 0.025, x1 - 0.018, y1 - 0.022, tone(front, 1.12))
    c.line([(x0 + 0.004, y0), (x0 + 0.004, y1)], 0.003, tone(front, 1.3))
    y = y1 - 0.012 if low else y0 + 0.012
    c.box((x0 + x1) / 2 - 0.025, y - 0.004, (x0 + x1) / 2 + 0.025, y + 0.003, (238, 214, 150))


def _hood(c: Canvas, x: float) -> None:
    c.box(x - 0.035, 0, x + 0.035, 0.13, (186, 192, 200))
    c.box(x - 0.035, 0, x - 0.015, 0.13, (220, 224, 230))
    c.polygon([(x - 0.035, 0.12), (x + 0.035, 0.12), (x + 0.085, 0.20), (x - 0.085, 0.20)], (200, 206, 214))
    c.polygon([(x - 0.035, 0.12), (x - 0.010, 0.12), (x - 0.03, 0.20), (x - 0.085, 0.20)], (228, 232, 238))
    c.box(x - 0.088, 0.20, x + 0.088, 0.218, (150, 156, 166))
    c.veil([(x - 0.06, 0.22), (x + 0.06, 0.22), (x + 0.10, 0.49), (x - 0.10, 0.49)], (255, 250, 220), 0.25)
    c.shine(x, 0.36, 0.26, 0.75)


def _window(c: Canvas, x: float, y: float, half: float, high: float) -> None:
    c.box(x - half, y, x + half, y + high, (250, 248, 242))
    c.box(x - half + 0.012, y + 0.012, x + half - 0.012, y + high - 0.012, c.shade((150, 208, 244), 8))
    u, sill = c.unit, y + high - 0.012
    for dx, rx, ry, green in ((-0.03, 0.07, 0.05, (130, 190, 110)), (0.05, 0.05, 0.07, (104, 168, 92))):
        around = [(x + dx - rx) * u, (sill - ry) * u, (x + dx + rx) * u, (sill + ry) * u]
        c.pen.pieslice(around, 180, 360, fill=green)
    c.box(x - half, y + high - 0.012, x + half, y + high, (250, 248, 242))
    for i in range(3):
        c.disc(x + 0.02 + 0.022 * i, y + 0.05 + 0.004 * (i % 2), 0.015, (255, 255, 255))
    c.box(x - 0.005, y, x + 0.005, y + high, (250, 248, 242))
    c.box(x - half, y + high * 0.45, x + half, y + high * 0.45 + 0.009, (250, 248, 242))
    c.box(x - half - 0.012, y + high, x + half + 0.012, y + high + 0.014, (226, 218, 206))
    cloth = c.shade((232, 92, 84), 10)
    for i in range(8):
        left = x - half - 0.008 + i * (2 * half + 0.016) / 8
        c.polygon(
            [
                (left, y - 0.014),
                (left + half / 4 + 0.003, y - 0.014),
                (left + half / 4 + 0.003, y + 0.035),
                (left + half / 8, y + 0.05),
                (left, y + 0.035),
            ],
            cloth if i % 2 else (250, 244, 236),
        )


def _stove(c: Canvas, x: float) -> None:
    c.box(x - 0.083, 0.49, x + 0.083, 0.69, (214, 218, 224))
    c.box(x - 0.083, 0.485, x + 0.083, 0.496, (58, 60, 66))
    c.box(x - 0.062, 0.56, x + 0.062, 0.66, (46, 46, 54))
    c.box(x - 0.055, 0.568, x + 0.055, 0.652, (96, 60, 48))
    c.glow(x, 0.63, 0.05, (255, 160, 60), 0.8)
    c.shine(x, 0.62, 0.07)
    c.box(x - 0.06, 0.542, x + 0.06, 0.549, (130, 136, 146))
    for i in range(4):
        c.disc(x - 0.048 + 0.032 * i, 0.52, 0.009, (52, 54, 60))
        c.line([(x - 0.048 + 0.032 * i, 0.514), (x - 0.048 + 0.032 * i, 0.52)], 0.003, (240, 240, 240))
    pot = c.shade((206, 66, 58), 12)
    c.box(x - 0.05, 0.43, x + 0.03, 0.487, pot)
    c.box(x - 0.044, 0.436, x - 0.032, 0.48, tone(pot, 1.35))
    c.box(x - 0.068, 0.444, x + 0.048, 0.452, tone(pot, 0.7))
    c.oval(x - 0.01, 0.43, 0.043, 0.012, tone(pot, 0.85))
    c.disc(x - 0.01, 0.415, 0.009, (60, 50, 50))
    for i in range(3):
        at = x - 0.03 + 0.022 * i
        c.line(
            [(at, 0.40), (at + 0.008, 0.375), (at - 0.006, 0.35), (at + 0.004, 0.325)], 0.004, (255, 255, 255)
        )


def _shelf(c: Canvas, x: float, y: float) -> None:
    wood = (168, 118, 76)
    c.box(x - 0.09, y + 0.08, x + 0.09, y + 0.093, wood)
    c.box(x - 0.09, y + 0.089, x + 0.09, y + 0.094, tone(wood, 0.7))
    for i in range(4):
        at, jar = (
            x - 0.066 + 0.044 * i,
            c.tint(((234, 178, 84), (208, 92, 70), (128, 168, 96), (240, 230, 210))[i]),
        )
        c.box(at - 0.015, y + 0.03, at + 0.015, y + 0.08, jar)
        c.box(at - 0.011, y + 0.034, at - 0.005, y + 0.075, tone(jar, 1.4))
        c.box(at - 0.012, y + 0.019, at + 0.012, y + 0.03, tone(jar, 0.62))
    for i in range(4):
        at = x - 0.06 + 0.04 * i
        c.line([(at, y + 0.094), (at, y + 0.135)], 0.004, (150, 154, 162))
        c.oval(at, y + 0.145, 0.012, 0.016 + 0.003 * (i % 2), (176, 180, 190))


def _counter_thing(c: Canvas, x: float, y: float, kind: int) -> None:
    """Something that stands on the counter: fruit, a kettle, a plant or bottles."""
    if kind == 0:
        for dx, colour in ((-0.022, (226, 70, 60)), (0.02, (250, 170, 50)), (0.0, (150, 194, 74))):
            c.disc(x + dx, y - 0.040, 0.019, colour)
            c.disc(x + dx - 0.006, y - 0.047, 0.005, tone(colour, 1.5))
        c.pen.pieslice(
            [(x - 0.05) * c.unit, (y - 0.075) * c.unit, (x + 0.05) * c.unit, y * c.unit],
            0,
            180,
            fill=(238, 232, 224),
        )
    elif kind == 1:
        body = c.tint((226, 230, 236))
        c.line([(x + 0.03, y - 0.03), (x + 0.052, y - 0.058)], 0.011, body)
        c.polygon([(x - 0.04, y), (x - 0.026, y - 0.062), (x + 0.026, y - 0.062), (x + 0.04, y)], body)
        c.polygon(
            [(x - 0.032, y - 0.004), (x - 0.022, y - 0.056), (x - 0.01, y - 0.056), (x - 0.016, y - 0.004)],
            (255, 255, 255),
        )
        c.line(
            [(x - 0.028, y - 0.06), (x - 0.024, y - 0.09), (x + 0.024, y - 0.09), (x + 0.028, y - 0.06)],
            0.008,
            (66, 60, 66),
        )
    elif kind == 2:
        for angle in (-2.7, -2.3, -1.9, -1.57, -1.2, -0.85, -0.45):
            c.leaf(x, y - 0.04, angle, c.fine.uniform(0.05, 0.075), c.tint((78, 154, 84)))
        c.polygon(
            [(x - 0.026, y - 0.045), (x + 0.026, y - 0.045), (x + 0.02, y), (x - 0.02, y)], (206, 112, 74)
        )
        c.box(x - 0.03, y - 0.052, x + 0.03, y - 0.04, (222, 134, 94))
    else:
        for dx, high, colour in ((-0.02, 0.08, (92, 136, 84)), (0.018, 0.06, (186, 128, 70))):
            c.box(x + dx - 0.013, y - high, x + dx + 0.013, y, colour)
            c.box(x + dx - 0.005, y - high - 0.03, x + dx + 0.005, y - high, colour)
            c.box(x + dx - 0.009, y - high + 0.012, x + dx - 0.005, y - 0.006, tone(colour, 1.5))
            c.box(x + dx - 0.013, y - high * 0.6, x + dx + 0.013, y - high * 0.3, (246, 238, 220))


def _checkered(c: Canvas, middle: float, y0: float) -> None:
    """A floor of squares in perspective down to the bottom edge."""
    light, dark = c.shade((246, 238, 226), 6), c.shade(c.rng.choice(((120, 92, 84), (84, 98, 116))), 8)
    c.gradient(light, tone(light, 0.94), y0, 1)
    ys = [y0 + (1.02 - y0) * (0.55 * (i / 6) + 0.45 * (i / 6) ** 2) for i in range(7)]
    for row in range(6):
        scale0, scale1 = ((y - y0) / (1 - y0) * 0.75 + 0.6 for y in (ys[row], ys[row + 1]))
        for column in range(-14, 14):
            if (row + column) % 2:
                x0, x1 = column * 0.14, (column + 1) * 0.14
                c.polygon(
                    [
                        (middle + x0 * scale0, ys[row]),
                        (middle + x1 * scale0, ys[row]),
                        (middle + x1 * scale1, ys[row + 1]),
                        (middle + x0 * scale1, ys[row + 1]),
                    ],
                    c.tint(dark, 4),
                )
                c.line(
                    [
                        (middle + x0 * scale0 + 0.01, ys[row] + 0.004),
                        (middle + x1 * scale0 - 0.01, ys[row] + 0.004),
                    ],
                    0.003,
                    tone(dark, 1.3),
                )
