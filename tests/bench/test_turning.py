"""LargestAngles are found in layouts, and by looking."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from bench.turn_angle import keyed, pattern, seen, turned
from bench.turning import LargestAngles, largest_angles, line, spread, turning_prompts, upright
from bench.word_clips import WordClip
from model_server.engine.compose import Actor, compose, figure_of
from model_server.engine.layout import ActorPose
from tests.bench.studio import opened
from tests.product import ModelFolders

GREY = np.full((1, 192, 128, 3), 120, np.uint8)


@pytest.mark.parametrize("angle", [-150.0, -60.0, -20.0, 0.0, 12.0, 90.0])
def test_an_angle_is_found_by_looking(model_folders: ModelFolders, angle: float) -> None:
    library = opened(model_folders).library
    subject = next(each for each in library.index.subjects if each.name == "teapot")
    actor = Actor(figure_of(subject.name, library.picture(subject.id)), library.picture(subject.id))
    pose = ActorPose(0.5, 0.8, 0.1, 0.5, angle=angle)
    frame, in_key = (compose(scene, [actor], [[pose]])[0] for scene in (GREY, keyed((128, 192), 1)))
    shown = seen(frame, in_key)
    assert shown is not None
    assert upright(turned(pattern(actor.picture), shown) - angle) <= 5


def test_nobody_is_seen_in_an_empty_scene() -> None:
    assert seen(GREY[0], keyed((128, 192), 1)[0]) is None


def test_one_frame_may_be_mistaken_and_one_that_is_askew_in_all_does_not_turn() -> None:
    assert spread([0, 1, -70, 2, 1]) == pytest.approx(1)
    assert spread([12, 11, 13, 12, 12]) == pytest.approx(1)
    assert spread([0, 72, 162, -108, -18]) > 90
    assert spread([179, -179, 180, 178, -178]) <= 5
    assert spread([30]) == 0


def test_a_clip_that_turns_unasked_is_found_both_ways(model_folders: ModelFolders) -> None:
    studio = opened(model_folders)
    clip = studio.preview(studio.recipe("a teapot stands still in a city by day", 3))
    assert clip.staging is not None
    still = largest_angles(clip)
    assert max(still) <= 5
    path = [
        msgspec.structs.replace(pose, angle=2.0 * number) for number, pose in enumerate(clip.staging.paths[0])
    ]
    staging = replace(clip.staging, paths=[path])
    turning = largest_angles(
        WordClip(clip.recipe, clip.scene, staging.compose(clip.scene), clip.latents, staging)
    )
    assert turning.layout == 32
    assert turning.frames > 10


def test_words_that_turn_are_in_all_wordings(model_folders: ModelFolders) -> None:
    studio = opened(model_folders)
    prompts = turning_prompts(studio, 4)
    assert [studio.recipe(text, 1).understood.motion for text in prompts] == ["spin"] * 4  # type: ignore[union-attr]
    assert largest_angles(studio.preview(studio.recipe(prompts[0], 1))).layout > 90


def test_a_line_counts_what_is_over_the_limit() -> None:
    assert line("unasked", [0.0, 4.0, 170.0], 5.0, "<= 1") == "| unasked | 1 of 3 | <= 1 | 170 |"
    assert LargestAngles(1.0, 2.0).layout == 1.0
