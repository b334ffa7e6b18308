"""What people built in towns: city, park, stage."""

import math

from train.world.canvas import Canvas, Colour, mix, tone


def city(c: Canvas) -> None:
    c.gradient(c.shade((130, 180, 225)), c.shade((215, 225, 235)), 0, 0.8)
    for i in range(round(12 * c.spread)):
        top = c.fine.uniform(0.2, 0.5)
        c.box(i * 0.09 - 0.02, top, i * 0.09 + 0.06, 0.8, c.tint((176, 196, 218)))
    x = c.rng.uniform(-0.08, 0)
    while x < c.aspect:
        wide, top = c.rng.uniform(0.17, 0.25), c.rng.uniform(0.12, 0.45)
        wall = c.shade(c.rng.choice(((110, 115, 130), (150, 120, 110), (90, 105, 135), (135, 135, 140))), 10)
        _house(c, x, wide, top, wall)
        for row in range(int((0.74 - top) / 0.1)):
            for column in range(2):
                shining = c.rng.random() < 0.55
                lit = (255, 230, 130) if shining else (60, 75, 100)
                left, y = x + wide * (0.16 + 0.4 * column), top + 0.04 + 0.1 * row
                right = left + wide * 0.28
                c.box(left - 0.005, y - 0.005, right + 0.005, y + 0.055, tone(wall, 0.72))
                c.box(left, y, right, y + 0.05, lit)
                if shining:
                    c.shine_box(left, y, right, y + 0.05)
                c.polygon([(left, y), (left + wide * 0.12, y), (left, y + 0.03)], tone(lit, 1.3))
                c.box((left + right) / 2 - 0.002, y, (left + right) / 2 + 0.002, y + 0.05, tone(wall, 0.72))
                c.box(left, y + 0.02, right, y + 0.023, tone(wall, 0.72))
                c.box(left - 0.008, y + 0.052, right + 0.008, y + 0.059, tone(wall, 1.3))
        x += wide + 0.008
    c.box(0, 0.78, c.aspect, 0.81, (170, 170, 170))
    for i in range(round(9 * c.spread)):
        c.line([(i * 0.12, 0.78), (i * 0.12 - 0.01, 0.803)], 0.002, (140, 140, 142))
    c.box(0, 0.80, c.aspect, 0.81, (132, 132, 136))
    asphalt = c.shade((70, 72, 78))
    c.box(0, 0.81, c.aspect, 1, asphalt)
    c.speckle(0.82, 1.0, asphalt, 200, 0.005)
    for i in range(-1, round(8 * c.spread)):
        c.box(i * 0.24 + 0.05, 0.89, i * 0.24 + 0.17, 0.91, (240, 220, 120))
        if i % 2:
            _street_lamp(c, i * 0.24 + 0.1)


def _house(c: Canvas, x: float, wide: float, top: float, wall: Colour) -> None:
    """A tower's wall with its shaded side, ledges, roof and door."""
    c.box(x, top, x + wide, 0.8, wall)
    c.bricks(x, top + 0.01, x + wide * 0.9, 0.79, wall, 0.02, 0.12)
    c.box(x + wide * 0.9, top, x + wide, 0.8, tone(wall, 0.78))
    c.box(x - 0.004, top - 0.008, x + wide + 0.004, top + 0.012, tone(wall, 1.22))
    c.box(x - 0.004, top + 0.010, x + wide + 0.004, top + 0.014, tone(wall, 0.7))
    at = x + wide * c.fine.uniform(0.25, 0.7)
    if c.fine.random() < 0.5:
        c.line([(at, top), (at, top - 0.07)], 0.005, (90, 92, 100))
        c.disc(at, top - 0.07, 0.006, (230, 70, 60))
    else:
        c.box(at - 0.03, top - 0.035, at + 0.03, top - 0.008, tone(wall, 0.8))
        c.box(at - 0.024, top - 0.028, at + 0.012, top - 0.014, tone(wall, 0.6))
    door = x + wide * 0.45
    c.box(door - 0.03, 0.725, door + 0.03, 0.78, tone(wall, 0.6))
    c.box(door - 0.024, 0.731, door + 0.024, 0.78, (84, 62, 58))
    c.line([(door, 0.731), (door, 0.78)], 0.003, (40, 32, 36))
    c.box(
        door - 0.04,
        0.716,
        door + 0.04,
        0.727,
        c.tint(c.fine.choice(((196, 60, 60), (60, 130, 110), (220, 150, 60)))),
    )


def _street_lamp(c: Canvas, x: float) -> None:
    c.box(x - 0.004, 0.60, x + 0.004, 0.80, (52, 56, 64))
    c.line([(x, 0.605), (x + 0.035, 0.598)], 0.006, (52, 56, 64))
    c.glow(x + 0.04, 0.605, 0.05, (255, 244, 190), 0.7)
    c.oval(x + 0.04, 0.604, 0.016, 0.007, (255, 250, 214))
    c.shine(x + 0.04, 0.605, 0.06, 0.7)


def park(c: Canvas) -> None:
    c.gradient(c.shade((134, 206, 250)), c.shade((232, 246, 250)), 0, 0.5)
    for _ in range(round(2 * c.spread)):
        c.cloud(c.rng.uniform(0, c.aspect), c.rng.uniform(0.06, 0.2), 0.08)
    x = c.rng.uniform(-0.08, 0)
    while x < c.aspect:
        wide, top = c.rng.uniform(0.06, 0.12), c.rng.uniform(0.20, 0.36)
        far = c.tint((184, 206, 226), 8)
        c.box(x, top, x + wide, 0.52, far)
        for row in range(int((0.46 - top) / 0.03)):
            for column in range(int(wide / 0.022)):
                left = x + 0.007 + 0.022 * column
                c.box(left, top + 0.012 + 0.03 * row, left + 0.010, top + 0.028 + 0.03 * row, tone(far, 0.86))
        x += wide + 0.004
    x = c.rng.uniform(-0.08, 0)
    while x < c.aspect + 0.1:
        c.tree(
            x,
            0.535,
            c.rng.uniform(0.16, 0.26),
            c.shade(c.rng.choice(((94, 172, 80), (126, 184, 76), (74, 150, 88)))),
        )
        x += c.rng.uniform(0.09, 0.15)
    lawn = c.shade((132, 204, 92), 8)
    c.gradient(tone(lawn, 1.05), tone(lawn, 0.84), 0.52, 1)
    for i in range(5):
        y0, y1 = 0.52 + 0.48 * (i / 5) ** 1.4, 0.52 + 0.48 * ((i + 0.5) / 5) ** 1.4
        c.gradient(tone(lawn, 1.1 - 0.04 * i), tone(lawn, 1.08 - 0.04 * i), y0, y1)
    c.grass(0.56, 1.0, lawn, 170, 0.024)
    bend = c.rng.choice((-1, 1))
    mid = c.aspect / 2
    path = c.shade((238, 216, 176), 6)
    for extra, colour in ((0.014, tone(path, 0.84)), (0.0, path)):
        left = [
            (mid + bend * (0.22 - 0.55 * s + 0.5 * s * s) - (0.03 + 0.26 * s * s) - extra, 0.54 + 0.47 * s)
            for s in (i / 12 for i in range(13))
        ]
        right = [
            (x + 2 * ((mid + bend * (0.22 - 0.55 * s + 0.5 * s * s)) - x), y)
            for (x, y), s in zip(left, (i / 12 for i in range(13)), strict=True)
        ]
        c.polygon([*left, *reversed(right)], colour)
    for _ in range(80):
        s = c.fine.random()
        half, r = 0.02 + 0.22 * s * s, 0.002 + 0.007 * s
        x = mid + bend * (0.22 - 0.55 * s + 0.5 * s * s) + c.fine.uniform(-half, half)
        c.oval(x, 0.55 + 0.45 * s, r, r * 0.4, tone(path, c.fine.choice((0.88, 1.3))))
    _slide(c, mid - bend * 0.20, 0.625, bend)
    _swing(c, mid + bend * (0.07 + 0.35 * (c.aspect - 0.667)), 0.60)
    _bench(c, mid + bend * 0.22, 0.70)
    _lamp(c, mid - bend * 0.30, 0.70)
    for _ in range(round(18 * c.spread)):
        x, y = c.fine.uniform(0, c.aspect), c.fine.uniform(0.76, 0.99)
        if abs(x - mid) > 0.24:
            for k in range(5):
                c.disc(
                    x + 0.006 * math.cos(k * 1.257), y + 0.005 * math.sin(k * 1.257), 0.0045, (255, 255, 255)
                )
            c.disc(x, y, 0.004, (255, 206, 70))


def _bench(c: Canvas, x: float, y: float) -> None:
    wood, iron = c.tint((178, 112, 62)), (58, 60, 66)
    c.oval(x, y + 0.004, 0.12, 0.012, (90, 150, 66))
    for dx in (-0.085, 0.085):
        c.box(x + dx - 0.006, y - 0.11, x + dx + 0.006, y, iron)
        c.box(x + dx - 0.016, y - 0.062, x + dx + 0.016, y - 0.054, iron)
    for at in (0.112, 0.092, 0.072):
        c.box(x - 0.105, y - at, x + 0.105, y - at + 0.014, wood)
        c.box(x - 0.105, y - at, x + 0.105, y - at + 0.004, tone(wood, 1.25))
    c.polygon(
        [(x - 0.105, y - 0.05), (x + 0.105, y - 0.05), (x + 0.115, y - 0.03), (x - 0.115, y - 0.03)],
        tone(wood, 0.9),
    )
    c.line([(x - 0.11, y - 0.04), (x + 0.11, y - 0.04)], 0.003, tone(wood, 0.6))


def _lamp(c: Canvas, x: float, y: float) -> None:
    iron = (48, 62, 64)
    c.glow(x, y - 0.40, 0.13, (255, 244, 190), 0.7)
    c.shine(x, y - 0.40, 0.13, 0.8)
    c.box(x - 0.006, y - 0.37, x + 0.006, y, iron)
    c.box(x + 0.002, y - 0.37, x + 0.006, y, tone(iron, 0.7))
    c.polygon([(x - 0.022, y), (x - 0.01, y - 0.05), (x + 0.01, y - 0.05), (x + 0.022, y)], iron)
    c.line([(x - 0.024, y - 0.33), (x + 0.024, y - 0.33)], 0.006, iron)
    c.polygon(
        [(x - 0.016, y - 0.37), (x + 0.016, y - 0.37), (x + 0.028, y - 0.43), (x - 0.028, y - 0.43)],
        (255, 246, 200),
    )
    c.line([(x, y - 0.37), (x, y - 0.43)], 0.003, iron)
    c.polygon([(x - 0.034, y - 0.43), (x + 0.034, y - 0.43), (x, y - 0.46)], iron)
    c.disc(x, y - 0.462, 0.006, iron)


def _slide(c: Canvas, x: float, y: float, side: int) -> None:
    red, blue = c.tint((228, 62, 60)), c.tint((64, 120, 214))
    for dx in (-0.055, 0.0):
        c.box(x + side * dx - 0.005, y - 0.17, x + side * dx + 0.005, y, blue)
    for i in range(5):
        c.box(
            x - side * 0.0275 - 0.027,
            y - 0.03 - 0.03 * i,
            x - side * 0.0275 + 0.027,
            y - 0.023 - 0.03 * i,
            tone(blue, 1.3),
        )
    c.polygon(
        [(x - side * 0.07, y - 0.215), (x - side * 0.0275, y - 0.255), (x + side * 0.015, y - 0.215)],
        (250, 204, 64),
    )
    for dx in (-0.062, 0.006):
        c.line([(x + side * dx, y - 0.215), (x + side * dx, y - 0.14)], 0.007, blue)
    c.line(
        [
            (x, y - 0.15),
            (x + side * 0.05, y - 0.12),
            (x + side * 0.10, y - 0.035),
            (x + side * 0.15, y - 0.012),
        ],
        0.034,
        tone(red, 0.75),
    )
    c.line(
        [
            (x, y - 0.158),
            (x + side * 0.05, y - 0.128),
            (x + side * 0.10, y - 0.043),
            (x + side * 0.15, y - 0.02),
        ],
        0.018,
        tone(red, 1.12),
    )


def _swing(c: Canvas, x: float, y: float) -> None:
    frame = c.tint((246, 170, 52))
    for side in (-1, 1):
        for foot in (-0.025, 0.025):
            c.line([(x + side * 0.085, y - 0.19), (x + side * 0.085 + foot, y)], 0.009, frame)
    c.line([(x - 0.09, y - 0.19), (x + 0.09, y - 0.19)], 0.012, frame)
    for dx in (-0.04, 0.04):
        for rope in (-0.016, 0.016):
            c.line([(x + dx + rope, y - 0.19), (x + dx + rope, y - 0.055)], 0.003, (84, 84, 92))
        c.box(x + dx - 0.022, y - 0.058, x + dx + 0.022, y - 0.046, (206, 58, 58))


def stage(c: Canvas) -> None:
    cloth = c.shade(c.rng.choice(((184, 26, 44), (170, 24, 60), (196, 40, 30))), 8)
    back = c.shade(c.rng.choice(((58, 34, 92), (34, 46, 104), (74, 30, 74))), 8)
    c.gradient(tone(back, 0.7), tone(back, 1.15), 0, 0.66)
    folds = math.ceil(c.aspect / 0.05)
    for i in range(folds):
        c.polygon(
            [(i * 0.05, 0.1), (i * 0.05 + 0.02, 0.1), (i * 0.05 + 0.026, 0.66), (i * 0.05 - 0.002, 0.66)],
            tone(back, 0.84),
        )
        c.line([(i * 0.05 + 0.036, 0.1), (i * 0.05 + 0.038, 0.66)], 0.004, tone(back, 1.12))
    boards = c.shade((190, 124, 66), 8)
    c.gradient(tone(boards, 0.72), boards, 0.66, 0.93)
    middle = c.aspect / 2
    for i in range(-24, 25):
        c.line([(middle + i * 0.055, 0.66), (middle + i * 0.11, 0.94)], 0.003, tone(boards, 0.66))
        if i % 2:
            at, share = i * 0.055, c.fine.random()
            x = middle + at * (1 + share)
            c.line(
                [(x, 0.66 + 0.27 * share), (x + 0.055 * (1 + share), 0.66 + 0.27 * share)],
                0.003,
                tone(boards, 0.6),
            )
    lamps = max(3, round(3 * c.spread))
    for i in range(lamps):
        x = c.aspect * (i + 0.5) / lamps + c.rng.uniform(-0.02, 0.02)
        aim = middle + (x - middle) * c.rng.uniform(0.1, 0.5)
        light = c.rng.choice(((255, 236, 170), (255, 206, 226), (186, 226, 255)))
        c.veil([(x - 0.015, 0.13), (x + 0.015, 0.13), (aim + 0.17, 0.82), (aim - 0.17, 0.82)], light, 0.20)
        c.veil([(x - 0.010, 0.13), (x + 0.010, 0.13), (aim + 0.10, 0.82), (aim - 0.10, 0.82)], light, 0.16)
        ring = [(aim + 0.2 * math.cos(k * 0.2618), 0.82 + 0.055 * math.sin(k * 0.2618)) for k in range(24)]
        c.veil(ring, light, 0.42)
        for step in range(8):
            share = step / 7
            c.shine(x + (aim - x) * share, 0.15 + 0.66 * share, 0.08 + 0.17 * share, 0.3 + 0.2 * share)
        c.polygon(
            [(x - 0.02, 0.115), (x + 0.02, 0.115), (x + 0.028, 0.155), (x - 0.028, 0.155)], (40, 38, 46)
        )
        c.oval(x, 0.155, 0.024, 0.009, (255, 252, 230))
        c.glow(x, 0.155, 0.06, (255, 250, 220), 0.8)
    for side in (-1, 1):
        _drape(c, side, cloth)
    _valance(c, cloth)
    _apron(c, boards)


def _drape(c: Canvas, side: int, cloth: Colour) -> None:
    """The curtain of one side, gathered by a golden cord."""
    edge = 0.0 if side < 0 else c.aspect

    def at(inwards: float, y: float) -> tuple[float, float]:
        return edge - side * inwards, y

    for i in range(8):
        top0, top1 = 0.025 * i, 0.025 * (i + 1)
        tie0, tie1 = 0.011 * i, 0.011 * (i + 1)
        low0, low1 = 0.018 * i, 0.018 * (i + 1)
        shade = tone(cloth, (0.62, 0.85, 1.08, 0.8)[i % 4])
        c.polygon(
            [
                at(top0, 0),
                at(top1, 0),
                at(top1 * 0.9, 0.25),
                at(tie1, 0.5),
                at(low1, 0.68),
                at(low1 * 1.05, 0.9),
                at(low0 * 1.05, 0.9),
                at(low0, 0.68),
                at(tie0, 0.5),
                at(top0 * 0.9, 0.25),
            ],
            shade,
        )
        c.line(
            [at(top1 - 0.006, 0), at(top1 * 0.9 - 0.006, 0.25), at(tie1 - 0.003, 0.5)],
            0.003,
            tone(cloth, 1.25),
        )
    for y, width, colour in ((0.5, 0.022, (214, 160, 48)), (0.497, 0.008, (255, 220, 120))):
        c.line([at(0, y - 0.01), at(0.092, y + 0.008)], width, colour)
    c.line([at(0.08, 0.51), at(0.082, 0.56)], 0.012, (214, 160, 48))
    c.disc(*at(0.081, 0.515), 0.011, (255, 216, 110))


def _valance(c: Canvas, cloth: Colour) -> None:
    """The swags along the top, with a golden fringe."""
    swags = max(4, round(4 * c.aspect / 0.667))
    wide = c.aspect / swags
    for i in range(swags):
        x = (i + 0.5) * wide
        for k, shade in enumerate((0.62, 1.0, 0.8, 1.12, 0.88)):
            r = 1 - 0.17 * k
            if k == 0:
                c.oval(x, 0.045, wide * 0.52, 0.105, (214, 160, 48))
            c.oval(x, 0.04, wide * 0.52, 0.09 * r, tone(cloth, shade))
        for k in range(9):
            dx = (k - 4) / 4.4
            y = 0.045 + 0.10 * math.sqrt(1 - dx * dx)
            c.line(
                [(x + dx * wide * 0.52, y - 0.006), (x + dx * wide * 0.52, y + 0.012)], 0.004, (255, 214, 106)
            )
    c.box(0, 0, c.aspect, 0.03, tone(cloth, 0.9))
    c.box(0, 0.03, c.aspect, 0.037, (236, 184, 72))


def _apron(c: Canvas, boards: Colour) -> None:
    """The front of the stage with its footlights."""
    c.box(0, 0.93, c.aspect, 0.945, tone(boards, 1.25))
    c.box(0, 0.945, c.aspect, 1.01, (70, 40, 34))
    for i in range(math.ceil(c.aspect / 0.111)):
        x = 0.055 + 0.111 * i
        c.box(x - 0.045, 0.96, x + 0.045, 1.0, mix((70, 40, 34), (236, 184, 72), 0.3))
        c.box(x - 0.040, 0.964, x + 0.040, 1.0, (84, 48, 40))
        c.glow(x, 0.925, 0.055, (255, 236, 160), 0.9)
        c.shine(x, 0.93, 0.05)
        c.oval(x, 0.936, 0.02, 0.016, (255, 246, 206))
        c.box(x - 0.024, 0.936, x + 0.024, 0.948, (226, 178, 74))
