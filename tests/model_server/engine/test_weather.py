"""Rain, snow and fog over a clip."""

from itertools import pairwise

import numpy as np
import pytest

from model_server.engine.weather import WEATHER, weathered
from train.world.clips import draw
from train.world.scenes import Scene
from train.world.vocabulary import WEATHERS


def clip(size: tuple[int, int] = (64, 96), frames: int = 17, time: str = "day") -> np.ndarray:
    still = draw(Scene("cat", "city", time, "still"), 1, size, frames)
    return still.frames.astype(np.float32)


def test_every_weather_of_the_vocabulary_can_be_drawn():
    assert set(WEATHER) == set(WEATHERS)
    with pytest.raises(KeyError):
        weathered(clip(), "hail", 1)


@pytest.mark.parametrize("kind", WEATHER)
def test_a_seed_decides_it_and_what_it_is_given_stays(kind: str):
    frames = clip()
    kept = frames.copy()
    out = weathered(frames, kind, 5)
    assert np.array_equal(frames, kept)
    assert out.dtype == np.float32
    assert out.shape == frames.shape
    assert out.min() >= 0
    assert out.max() <= 255
    assert np.array_equal(out, weathered(frames, kind, 5))
    assert not np.array_equal(out, weathered(frames, kind, 6))
    assert np.abs(out - frames).mean() > 8


@pytest.mark.parametrize("kind", WEATHER)
@pytest.mark.parametrize("frames", [17, 41])
def test_it_moves_on_every_frame_and_loops(kind: str, frames: int):
    out = weathered(clip(frames=frames), kind, 2)
    steps = np.abs(np.diff(out, axis=0)).mean((1, 2, 3))
    around = np.abs(out[-1] - out[0]).mean()
    assert steps.min() > 0.05
    assert around <= 1.25 * steps.max()


@pytest.mark.parametrize("kind", WEATHER)
@pytest.mark.parametrize("size", [(64, 96), (96, 64)])
def test_both_sizes_show_the_same_weather(kind: str, size: tuple[int, int]):
    small, large = (weathered(np.full((5, h, w, 3), 90, np.float32), kind, 4) for w, h in (size, size2(size)))
    shrunk = large.reshape(5, size[1], 2, size[0], 2, 3).mean((2, 4))
    assert np.abs(shrunk - small).mean() < 1.5
    assert np.corrcoef(shrunk.ravel(), small.ravel())[0, 1] > 0.9


def size2(size: tuple[int, int]) -> tuple[int, int]:
    return size[0] * 2, size[1] * 2


def test_snow_falls_slowly_and_the_same_flakes_are_seen_again():
    """A frame is nearer to the next one moved down a little than to the next one as it is."""
    out = weathered(np.full((17, 192, 128, 3), 60, np.float32), "snow", 3)[..., 0]
    flakes = out - np.median(out, axis=(0, 2), keepdims=True)
    # 0.16 heights a second at 8 frames a second are about 4 of 192 rows for the middle layer.
    fit = {
        rows: float(np.mean([(a[:-16] * b[rows : rows - 16 or None]).mean() for a, b in pairwise(flakes)]))
        for rows in range(12)
    }
    assert 1 <= max(fit, key=lambda rows: fit[rows]) <= 8


def test_fog_hides_edges_and_adds_none():
    frames = clip((128, 192))
    out = weathered(frames, "fog", 3)

    def edges(pictures: np.ndarray) -> float:
        return float(np.abs(np.diff(pictures, axis=2)).mean())

    assert edges(out) < 0.6 * edges(frames)
    assert edges(weathered(np.full_like(frames, 90), "fog", 3)) < 1


@pytest.mark.parametrize("kind", WEATHER)
def test_it_takes_the_light_of_the_scene(kind: str):
    day, night = (weathered(clip(time=time), kind, 3).mean() for time in ("day", "night"))
    assert night < 0.75 * day


@pytest.mark.parametrize("kind", WEATHER)
def test_some_frames_are_those_of_the_whole_clip(kind: str):
    frames = np.full((17, 96, 64, 3), 90, np.float32)
    whole = weathered(frames, kind, 4)
    some = weathered(frames[:2], kind, 4, moments=[3, 8], total=17)
    assert np.allclose(some, whole[[3, 8]])
