"""Weather, times and cameras are no places, and places are no weather."""

from __future__ import annotations

import pytest

from domain.understanding.name_index import NameIndex
from domain.understanding.reader import read
from domain.understanding.scene import SceneWords


@pytest.mark.parametrize(
    ("prompt", "weather", "place", "time"),
    [
        ("a fox in falling snow", "snow", None, None),
        ("a bus in the rain", "rain", None, None),
        ("a dog on a foggy morning", "fog", None, "day"),
        ("an owl in a snowy forest", "snow", "forest", None),
        ("a fox in the snowy mountains", None, "mountains", None),
        ("a cat in a snow flurry", "snow", None, None),
        ("a parrot in the rain forest", None, "jungle", None),
        ("a bat in a dark cave", None, "cave", None),
        ("a bear in a dark forest", None, "forest", "night"),
        ("a boat on a misty lake at dawn", "fog", "lake", "sunset"),
        ("a cow when the sun goes down", None, None, "sunset"),
        ("a ghost in the dead of night", None, None, "night"),
        ("a robot in the kitchen at breakfast time", None, "kitchen", "day"),
    ],
)
def test_scenes(
    prompt: str, weather: str | None, place: str | None, time: str | None, names: NameIndex, scene: SceneWords
) -> None:
    found = read(prompt, names, scene)
    assert (found.weather, found.place, found.time) == (weather, place, time)
    assert len(found.subjects) == 1


@pytest.mark.parametrize(
    ("prompt", "camera", "motion"),
    [
        ("a close-up of a cat", "close", None),
        ("extreme closeup of a bee", "close", None),
        ("a dragon, camera slowly pans", "pan", None),
        ("zoom in on a frog", None, "grow"),
        ("a frog, the camera zooms out", None, "shrink"),
        ("a cat rides a horse", None, "ride"),
        ("a cat on a skateboard", None, "mounted"),
        ("a cat on a beach", None, None),
        ("a dog chasing a cat", None, "chase"),
        ("a wolf howling", None, None),
    ],
)
def test_cameras_and_motions(
    prompt: str, camera: str | None, motion: str | None, names: NameIndex, scene: SceneWords
) -> None:
    found = read(prompt, names, scene)
    assert (found.camera, next(iter(found.motions), None)) == (camera, motion)
    assert "camera" not in [each.candidates[0].name for each in found.subjects]
    assert not found.missed
