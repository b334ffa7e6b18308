"""Sketches: copies are found however they were changed, others are not."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from media import sketch
from media.sketch import Cells, Grey
from media.sketch_match import match_inset, match_part, match_whole
from tests import clips

Picture = Image.Image
KNOWN = 12
LOOKS = (match_whole, match_inset, match_part)
SEEN = range(3)


def shot(seed: int) -> Picture:
    """One frame of a clip, as large as a phone's thumbnail."""
    return Image.fromarray(clips.scene(seed, 1, 160)[0]).filter(ImageFilter.GaussianBlur(2))


def looked_at(picture: Picture) -> Grey:
    written = io.BytesIO()
    picture.convert("RGB").save(written, "JPEG", quality=60)
    (frame,) = sketch.look_at(written.getvalue(), "image/jpeg")
    return frame


@pytest.fixture(scope="module")
def stored() -> Cells:
    """What is kept of some frames, as it comes out of the database."""
    frames = [
        np.asarray(shot(seed).convert("L").resize((32, 32), Image.Resampling.BOX)) for seed in range(KNOWN)
    ]
    return sketch.unpack([sketch.pack(sketch.sketch(frame)) for frame in frames])


def crop(picture: Picture, left: float, top: float, right: float, bottom: float) -> Picture:
    width, height = picture.size
    return picture.crop(
        (round(width * left), round(height * top), round(width * (1 - right)), round(height * (1 - bottom)))
    )


def pad(picture: Picture, across: float, down: float, colour: str) -> Picture:
    width, height = picture.size
    made = Image.new("RGB", (round(width * (1 + 2 * across)), round(height * (1 + 2 * down))), colour)
    made.paste(picture, (round(width * across), round(height * down)))
    return made


def before_a_blur(picture: Picture) -> Picture:
    """A square clip in a wide frame, as phones fill it up."""
    width, height = picture.size
    made = picture.resize((height * 16 // 9, height)).filter(ImageFilter.GaussianBlur(12))
    made.paste(picture, ((made.width - width) // 2, 0))
    return made


def noise(width: int, height: int) -> Picture:
    pixels = np.random.default_rng(width).integers(
        0, 256, (height // 4 + 1, width // 4 + 1, 3), dtype=np.uint8
    )
    return Image.fromarray(pixels).resize((width, height))


def sheet(picture: Picture, columns: int, rows: int, last: int) -> Picture:
    """A grid of pictures; what is left over is black."""
    made = Image.new("RGB", (picture.width * columns, picture.height * rows))
    for number in range(last):
        made.paste(picture, (number % columns * picture.width, number // columns * picture.height))
    return made


def beside_others(picture: Picture) -> Picture:
    """One of four in a collage."""
    made = sheet(shot(900), 2, 2, 4)
    made.paste(picture, (0, picture.height))
    return made


def before_others(picture: Picture, left: float, top: float) -> Picture:
    """Somewhere in a picture of twice its size."""
    made = noise(picture.width * 2, picture.height * 2)
    made.paste(picture, (round(left * made.width), round(top * made.height)))
    return made


def half_of_it(picture: Picture) -> Picture:
    made = noise(picture.width * 2, picture.height)
    made.paste(picture, (picture.width, 0))
    return made


def face(seed: int) -> Picture:
    """A face as people draw one: few flat shapes, in places and colours of its own."""
    rng = np.random.default_rng(seed)

    def colour() -> tuple[int, ...]:
        return tuple(int(value) for value in rng.integers(0, 256, 3))

    made = Image.new("RGB", (300, 400), colour())
    draw = ImageDraw.Draw(made)
    for _ in range(rng.integers(2, 6)):
        x, y, width, height = (int(value) for value in rng.integers((0, 0, 30, 30), (300, 400, 150, 200)))
        draw.rectangle((x, y, x + width, y + height), fill=colour())
    x, y = 150 + int(rng.integers(-40, 40)), 180 + int(rng.integers(-40, 40))
    width, height, eye = int(rng.integers(50, 100)), int(rng.integers(70, 130)), int(rng.integers(15, 40))
    draw.ellipse((x - width, y - height, x + width, y + height), fill=colour())
    if rng.random() < 0.7:
        draw.pieslice((x - width - 10, y - height - 20, x + width + 10, y + height), 180, 360, fill=colour())
    for side in (-eye, eye):
        draw.ellipse((x + side - 9, y - 20, x + side + 9, y - 6), fill=colour())
    draw.arc((x - 30, y + 10, x + 30, y + int(rng.integers(30, 70))), 0, 180, fill=colour(), width=6)
    draw.rectangle((x - width - 30, y + height, x + width + 30, 400), fill=colour())
    return made


COPIES: dict[str, Callable[[Picture], Picture]] = {
    "the same": lambda picture: picture,
    "half the size": lambda picture: picture.resize((80, 80)),
    "thrice the size": lambda picture: picture.resize((480, 480)),
    "stretched": lambda picture: picture.resize((320, 160)),
    "lighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.25),
    "paler": lambda picture: ImageEnhance.Contrast(picture).enhance(0.6),
    "without colour": lambda picture: picture.convert("L"),
    "mirrored": ImageOps.mirror,
    "upside down": ImageOps.flip,
    "turned": lambda picture: picture.rotate(90),
    "turned and mirrored": lambda picture: ImageOps.mirror(picture.rotate(270)),
    "cut by a twentieth": lambda picture: crop(picture, 0.05, 0.05, 0.05, 0.05),
    "cut by a tenth": lambda picture: crop(picture, 0.1, 0.1, 0.1, 0.1),
    "cut by a sixth": lambda picture: crop(picture, 0.17, 0.17, 0.17, 0.17),
    "a corner of it": lambda picture: crop(picture, 0.3, 0, 0, 0.3),
    "a strip of it": lambda picture: crop(picture, 0, 0.15, 0, 0.2),
    "cut and mirrored": lambda picture: ImageOps.mirror(crop(picture, 0.13, 0.06, 0.08, 0.11)),
    "in a black frame": lambda picture: pad(picture, 0.2, 0.35, "black"),
    "beside white": lambda picture: pad(picture, 0.5, 0, "white"),
    "mirrored in a frame": lambda picture: ImageOps.mirror(pad(picture, 0.1, 0.3, "navy")),
    "cut, in a frame": lambda picture: pad(crop(picture, 0.1, 0.1, 0.05, 0.1), 0.15, 0.3, "green"),
    "before a blur": before_a_blur,
    "in a collage": beside_others,
    "in a spritesheet": lambda picture: sheet(picture, 6, 3, 17),
    "in a small spritesheet": lambda picture: sheet(picture.resize((40, 40)), 6, 9, 49),
    "beside noise": half_of_it,
    "in a corner of noise": lambda picture: before_others(picture, 0.05, 0.42),
    "somewhere in noise, mirrored": lambda picture: ImageOps.mirror(before_others(picture, 0.31, 0.17)),
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_found(stored: Cells, how: str) -> None:
    for seed in SEEN:
        frame = looked_at(COPIES[how](shot(seed)))
        assert seed in [match.place for look in LOOKS if (match := look(frame, stored))], (how, seed)


def test_others_are_not(stored: Cells) -> None:
    for seed in range(100, 108):
        frame = looked_at(shot(seed))
        assert [look(frame, stored) for look in LOOKS] == [None, None, None]


def test_drawn_faces_are_not_each_other() -> None:
    kept = np.stack([sketch.sketch(looked_at(face(seed))) for seed in range(16)])
    assert match_whole(looked_at(face(3)), kept) is not None
    taken = [seed for seed in range(100, 116) if any(look(looked_at(face(seed)), kept) for look in LOOKS)]
    # Few flat shapes are now and then those of somebody else.
    assert len(taken) <= 1, taken


def test_a_grid_over_a_part_is_the_grid_of_that_part() -> None:
    frame = looked_at(shot(4))
    part = sketch.SummedArea(frame[16:112, 32:128])
    whole = sketch.SummedArea(frame)
    assert np.allclose(whole.means(24, 20, (32, 16, 128, 112)), part.means(24, 20), atol=0.01)
    by_pillow = Image.fromarray(frame).resize((32, 32), Image.Resampling.BOX)
    assert np.allclose(whole.means(32, 32), np.asarray(by_pillow), atol=0.01)


@pytest.mark.parametrize("colour", ["black", "white", "red"])
def test_what_shows_nothing_is_like_nothing(colour: str) -> None:
    flat = Image.new("RGB", (100, 100), colour)
    assert sketch.sketches_of([np.asarray(flat.convert("L"))]) == []
    kept = np.zeros((1, sketch.SIDE, sketch.SIDE), np.int8)
    assert [look(looked_at(flat), kept) for look in LOOKS] == [None, None, None]


def test_it_is_packed_and_unpacked() -> None:
    cells = sketch.sketch(looked_at(shot(3)))
    packed = sketch.pack(cells)
    assert len(packed) == sketch.BYTES
    assert (sketch.unpack([packed, packed]) == cells).all()


def test_of_a_clip_what_differs_is_kept() -> None:
    clip = clips.mp4(clips.scene(5, 20))
    frames = sketch.look_at(clip, "video/mp4")
    assert len(frames) == 20
    assert 1 < len(sketch.sketches_of(frames)) <= 20
    still = clips.mp4(clips.scene(5, 20, moves=False))
    assert len(sketch.sketches_of(sketch.look_at(still, "video/mp4"))) == 1


def test_what_is_no_picture_says_so() -> None:
    for media_type in ("image/webp", "video/mp4"):
        with pytest.raises(ValueError, match="can't be read"):
            sketch.look_at(b"nothing of the kind", media_type)
