"""The painted places: whole, sharp, alike at every size and told apart at a glance."""

import random

import numpy as np
import pytest
from PIL import Image

from train.world.canvas import Canvas
from train.world.clips import FULL_SIZES, PAN_ROOM, PREVIEW_SIZES, WITHOUT_SKY, draw
from train.world.places import PAINTERS
from train.world.scenes import Scene
from train.world.vocabulary import PLACES

UNPAINTED = (255, 0, 255)
LARGE = (256, 384)


def painted(place: str, seed: int, size: tuple[int, int], *, night: bool = False) -> np.ndarray:
    canvas = Canvas(Image.new("RGB", (size[0] * 2, size[1] * 2), UNPAINTED), random.Random(seed), night=night)
    PAINTERS[place](canvas)
    return np.asarray(canvas.image.reduce(2), dtype=np.float32)


def test_every_place_of_the_vocabulary_has_a_painter():
    assert set(PAINTERS) == set(PLACES)
    assert len(PAINTERS) == 20
    assert set(PAINTERS) >= WITHOUT_SKY


@pytest.mark.parametrize("place", PAINTERS)
@pytest.mark.parametrize("night", [False, True])
def test_nothing_is_left_unpainted_in_any_shape(place: str, night: bool):
    for width, height in (*PREVIEW_SIZES, (round(96 * PAN_ROOM), 64)):
        for seed in range(2):
            image = Image.new("RGB", (width * 2, height * 2), UNPAINTED)
            PAINTERS[place](Canvas(image, random.Random(seed), night=night))
            assert not (np.asarray(image) == UNPAINTED).all(-1).any()


@pytest.mark.parametrize("place", PAINTERS)
def test_a_seed_paints_the_same_picture_at_every_size(place: str):
    for small, large in zip(PREVIEW_SIZES, FULL_SIZES, strict=True):
        one, twice = painted(place, 3, small), painted(place, 3, large)
        shrunk = twice.reshape(small[1], 2, small[0], 2, 3).mean((1, 3))
        assert np.abs(shrunk - one).mean() < 9
        assert np.array_equal(one, painted(place, 3, small))
        assert not np.array_equal(one, painted(place, 4, small))


@pytest.mark.parametrize("place", PAINTERS)
def test_a_large_picture_is_sharp(place: str):
    picture = painted(place, 1, LARGE).mean(-1)
    edges = np.hypot(np.diff(picture, axis=0)[:, :-1], np.diff(picture, axis=1)[:-1])
    # Of each band of the ground's height something is drawn finely, not only along one skyline.
    assert (edges > 6).mean() > 0.03
    lower = edges[round(0.72 * LARGE[1]) :]
    assert (lower > 3).mean() > 0.02


def test_places_are_told_apart_by_a_thumbnail():
    def thumbnail(place: str, seed: int) -> np.ndarray:
        return painted(place, seed, (64, 96)).reshape(12, 8, 8, 8, 3).mean((1, 3)).ravel()

    centres = {place: np.mean([thumbnail(place, seed) for seed in range(6)], axis=0) for place in PAINTERS}
    wrong = []
    for place in PAINTERS:
        for seed in range(100, 106):
            seen = thumbnail(place, seed)
            if min(PAINTERS, key=lambda name, seen=seen: np.abs(centres[name] - seen).mean()) != place:
                wrong.append(place)
    assert len(wrong) <= 2, wrong


@pytest.mark.parametrize("place", ["castle", "city", "park", "stage", "cave", "kitchen", "volcano"])
def test_what_shines_stays_bright_at_night(place: str):
    night = draw(Scene("cat", place, "night", "still"), 1, (128, 192)).frames[0].astype(float)
    unlit = draw(Scene("cat", "forest", "night", "still"), 1, (128, 192)).frames[0].astype(float)
    reddest = night[..., :2].min(-1)[24:]  # below the moon
    assert np.percentile(reddest, 99.5) > np.percentile(unlit[..., :2].min(-1)[24:90], 99.5) + 20
    assert np.median(night) < 110


def test_the_sun_is_no_night_sight_and_no_moon_shines_indoors():
    for place in ("beach", "desert", "farm"):
        day, night = (painted(place, 2, (64, 96), night=dark) for dark in (False, True))
        assert np.abs(day - night)[:40].max() > 30
        assert np.array_equal(day[60:], night[60:])
    for place in sorted(WITHOUT_SKY - {"stage"}):
        sky = draw(Scene("cat", place, "night", "still"), 1).frames[0][2:14]
        assert not (np.abs(sky.astype(int) - (235, 235, 205)).max(-1) < 12).any()
