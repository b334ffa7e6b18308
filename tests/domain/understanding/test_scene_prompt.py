"""What the model is asked to draw of a composed clip."""

from __future__ import annotations

import pytest

from domain.understanding.scene_prompt import scene_prompt
from schemas.videos import Understood
from train.world.captions import plain_caption
from train.world.scenes import NOBODY, Scene
from train.world.vocabulary import PLACES, TIMES, as_json


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("time", TIMES)
def test_it_is_what_training_calls_the_scene(place: str, time: str) -> None:
    for camera, motion in ((None, "still"), ("still", "still"), ("pan", "pan")):
        said = Understood(place=place, time=time, camera=camera, motion="jump", style="sepia", weather="rain")
        assert scene_prompt(said, as_json()) == plain_caption(Scene(NOBODY, place, time, motion))


def test_what_the_words_leave_open_is_left_out() -> None:
    assert scene_prompt(Understood(), as_json()) == "nobody stands still"
    assert (
        scene_prompt(Understood(time="night", place="moon base"), as_json()) == "nobody stands still at night"
    )
    assert scene_prompt(Understood(place="beach"), {}) == "nobody"
