"""Actors on the frames of a scene: sharp, in its light, with a shadow, the same at every size."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PIL import Image

from model_server.engine.actors import ActorPose
from model_server.engine.compose import Actor, Look, compose, figure_of
from model_server.engine.layout import paths
from model_server.engine.pixels import Frames
from tests.model_server.engine.actors import actor, disc
from train.world.clips import draw
from train.world.scenes import NOBODY, Scene

PREVIEW, FULL = (128, 192), (256, 384)
# CPU seconds of 17 frames, as a preview and as a full video.
BUDGETS = {PREVIEW: 0.025, FULL: 0.1}


def scene(place: str = "meadow", time: str = "day", size: tuple[int, int] = PREVIEW, seed: int = 1) -> Frames:
    return np.asarray(draw(Scene(NOBODY, place, time, "still"), seed, size).frames)


def standing(**changed: float) -> list[ActorPose]:
    return [ActorPose(**{"x": 0.5, "y": 0.87, "lift": 0.0, "size": 0.5, **changed})] * 17  # type: ignore[arg-type]


def brightness(frames: Frames) -> float:
    return float(frames.astype(float).mean())


def middle(frames: Frames) -> Frames:
    """Where an actor's body is: around the middle, above the ground."""
    height, width = frames.shape[1:3]
    return frames[:, round(0.66 * height) : round(0.78 * height), round(0.42 * width) : round(0.58 * width)]


@pytest.mark.parametrize("motion", ["left", "jump", "spin", "swim", "grow"])
def test_a_preview_shows_what_its_render_shows(motion: str) -> None:
    made = []
    for size in (PREVIEW, FULL):
        actors = [actor("fox"), actor("elephant")]
        path = paths(
            [each.figure for each in actors],
            motion=motion,
            place=None,
            seed=3,
            frames=17,
            fps=8,
            aspect=2 / 3,
        )
        flat = np.full((17, size[1], size[0], 3), (120, 160, 200), dtype=np.uint8)
        made.append(compose(flat, actors, path, Look(time="sunset")))
        assert np.array_equal(made[-1], compose(flat, actors, path, Look(time="sunset")))
        assert (flat == (120, 160, 200)).all()
    small, large = made
    shrunk = large.reshape(17, 192, 2, 128, 2, 3).mean((2, 4))
    assert np.abs(shrunk - small).mean() < 1.2


@pytest.mark.parametrize("size", BUDGETS)
def test_it_costs_little(size: tuple[int, int]) -> None:
    frames, one = scene(size=size), actor("elephant")
    path = paths([one.figure], motion="left", place="meadow", seed=3, frames=17, fps=8, aspect=2 / 3)
    took = []
    for _ in range(5):
        began = time.process_time()
        compose(frames, [one], path, Look(time="day"))
        took.append(time.process_time() - began)
    assert min(took) < BUDGETS[size]


def test_it_takes_the_light_of_its_time() -> None:
    grey = Actor(figure_of("thing", disc((200, 200, 200))), disc((200, 200, 200)))
    day, sunset, night = (
        middle(compose(scene(time=name), [grey], [standing()], Look(time=name))).astype(float).mean((0, 1, 2))
        for name in ("day", "sunset", "night")
    )
    assert day.mean() > sunset.mean() > night.mean()
    assert sunset[0] - sunset[2] > 25 > day[0] - day[2]
    assert night[2] - night[0] > 15
    # It stays what it is: night is night, and no one is black.
    assert night.mean() > 0.55 * day.mean()


def test_where_nobody_said_the_time_dark_scenes_are_nights() -> None:
    grey = Actor(figure_of("thing", disc((200, 200, 200))), disc((200, 200, 200)))
    dark = middle(compose(scene(time="night"), [grey], [standing()]))
    light = middle(compose(scene(time="day"), [grey], [standing()]))
    assert brightness(dark) < 0.9 * brightness(light)


def test_the_scenes_own_colours_fall_on_it() -> None:
    grey = Actor(figure_of("thing", disc((200, 200, 200))), disc((200, 200, 200)))
    found = []
    for colour in ((220, 90, 40), (40, 90, 220)):
        flat = np.full((17, 192, 128, 3), colour, dtype=np.uint8)
        found.append(
            middle(compose(flat, [grey], [standing()], Look(time="day"))).astype(float).mean((0, 1, 2))
        )
    red, blue = found
    assert red[0] - red[2] > 15
    assert blue[2] - blue[0] > 15


def test_water_lies_over_what_is_in_it() -> None:
    red = Actor(figure_of("thing", disc((230, 40, 40))), disc((230, 40, 40)))
    frames = scene("ocean")
    under, beside = (
        middle(compose(frames, [red], [standing()], Look(place=place, time="day")))
        .astype(float)
        .mean((0, 1, 2))
        for place in ("ocean", "beach")
    )
    assert under[2] > beside[2] + 10
    assert under[0] < beside[0]


def test_a_style_colours_everything() -> None:
    frames = scene()
    for style in ("monochrome", "sepia", "neon", "pastel"):
        made = compose(frames, [actor("fox")], [standing()], Look(style=style))
        plain = compose(frames, [actor("fox")], [standing()])
        assert np.abs(made.astype(int) - plain).mean() > 10
    grey = compose(frames, [actor("fox")], [standing()], Look(style="monochrome"))
    assert (grey == grey[..., :1]).all()


@pytest.mark.parametrize("weather", ["rain", "snow", "fog"])
def test_weather_is_in_front_of_everyone(weather: str) -> None:
    frames, path = scene(), standing()
    plain = compose(frames, [actor("fox")], [path])
    made = compose(frames, [actor("fox")], [path], Look(weather=weather), seed=4)
    changed = np.abs(made.astype(int) - plain).mean((0, 3))
    assert changed[120:150, 50:78].mean() > 2
    assert np.array_equal(made, compose(frames, [actor("fox")], [path], Look(weather=weather), seed=4))


def test_a_single_frame_is_that_of_the_clip() -> None:
    """A picture on the way shows the middle frame."""
    frames = scene()
    path = paths([actor("fox").figure], motion="left", place=None, seed=3, frames=17, fps=8, aspect=2 / 3)
    for weather in (None, "snow"):
        look = Look(time="day", weather=weather)
        whole = compose(frames, [actor("fox")], path, look)
        one = compose(frames[8:9], [actor("fox")], path, look, moments=[8], total=17)
        assert np.abs(one[0].astype(int) - whole[8]).mean() < 0.5


def test_who_is_out_of_sight_changes_nothing() -> None:
    frames = scene()
    made = compose(frames, [actor("fox")], [standing(x=-1.0)])
    assert np.array_equal(made, frames)


def test_those_in_front_hide_those_behind() -> None:
    red, blue = (
        Actor(figure_of("thing", disc(colour)), disc(colour)) for colour in ((230, 30, 30), (30, 30, 230))
    )
    made = middle(compose(scene(), [red, blue], [standing(), standing()], Look(time="day"))).astype(float)
    assert made[..., 2].mean() > 150 > 90 > made[..., 0].mean()


def test_a_picture_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing"):
        figure_of("nothing", np.zeros((64, 64, 4), dtype=np.uint8))


def test_a_picture_keeps_its_sharpness() -> None:
    """Stripes three pixels wide are as strong in a frame as in the picture that was shrunk at once."""
    stripes = np.zeros((256, 256, 4), dtype=np.uint8)
    stripes[8:248, 8:248, 3] = 255
    stripes[:, ::16, :3] = stripes[:, 1::16, :3] = stripes[:, 2::16, :3] = stripes[:, 3::16, :3] = 255
    stripes[:, 4::16, :3] = stripes[:, 5::16, :3] = stripes[:, 6::16, :3] = stripes[:, 7::16, :3] = 255
    whole = Actor(figure_of("stripes", stripes), stripes)
    flat = np.full((1, 384, 256, 3), 128, dtype=np.uint8)
    pose = ActorPose(0.503, 0.87, 0.0, 0.47)
    made = compose(flat, [whole], [[pose]], Look(time="day"), moments=[0])[0]
    body = made[240:300, 90:166].astype(float).mean(2)
    best = Image.fromarray(stripes[8:248, 8:248, :3]).resize((120, 120), Image.Resampling.BICUBIC)
    ideal = np.asarray(best)[30:90, 22:98].astype(float).mean(2)
    assert body.std() > 0.8 * ideal.std()


@pytest.mark.parametrize("shows", ["bust", "whole"])
@pytest.mark.parametrize("y", [0.6, 1.1])
def test_one_cut_off_fades_away_below_only_where_that_is_seen(shows: str, y: float) -> None:
    picture = np.full((64, 64, 4), (200, 40, 40, 255), dtype=np.uint8)
    flat = np.full((17, 192, 128, 3), 120, dtype=np.uint8)
    path = standing(y=y, size=0.5)
    made = compose(flat, [Actor(figure_of("king", picture, shows=shows), picture)], [path])
    bottom = min(192, round(192 * y))
    red = made[8, :, 64, 0].astype(int) - made[8, :, 64, 1]
    top = bottom - 40
    assert red[top] > 100
    if shows == "bust" and y < 1:
        rows = red[bottom - 20 : bottom]
        assert (np.diff(rows) <= 1).all()
        assert rows[-2] < 20
    else:
        assert red[bottom - 4] > 100
