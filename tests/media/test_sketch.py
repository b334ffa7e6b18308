"""Sketches: copies are found however they were changed, others are not."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from media import sketch
from media.sketch import Cells, Grey
from media.sketch_match import match_part, match_whole
from tests import clips

Picture = Image.Image
KNOWN = 12
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
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_found(stored: Cells, how: str) -> None:
    for seed in SEEN:
        frame = looked_at(COPIES[how](shot(seed)))
        found = [match.place for match in (match_whole(frame, stored), match_part(frame, stored)) if match]
        assert seed in found, (how, seed)


def test_others_are_not(stored: Cells) -> None:
    for seed in range(100, 108):
        frame = looked_at(shot(seed))
        assert match_whole(frame, stored) is None
        assert match_part(frame, stored) is None


@pytest.mark.parametrize("colour", ["black", "white", "red"])
def test_what_shows_nothing_is_like_nothing(colour: str) -> None:
    flat = Image.new("RGB", (100, 100), colour)
    assert sketch.sketches_of([np.asarray(flat.convert("L"))]) == []
    kept = np.zeros((1, sketch.SIDE, sketch.SIDE), np.int8)
    assert match_whole(looked_at(flat), kept) is None
    assert match_part(looked_at(flat), kept) is None


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
