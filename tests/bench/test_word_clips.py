"""Clips of the measurements are the product's."""

from __future__ import annotations

import numpy as np

from bench.word_clips import without_subjects
from tests.bench.studio import opened
from tests.product import ModelFolders


def test_a_clip_is_understood_drawn_and_composed(model_folders: ModelFolders) -> None:
    studio = opened(model_folders)
    recipe = studio.recipe("an octopus spins under the sea at night", 5)
    assert recipe.understood is not None
    assert [subject.name for subject in recipe.understood.subjects] == ["octopus"]
    assert recipe.prompt.startswith("nobody")
    clip = studio.preview(recipe)
    assert clip.frames.shape == (17, recipe.height, recipe.width, 3)
    assert (clip.frames != clip.scene).any()
    assert (studio.preview(recipe).frames == clip.frames).all()
    empty = studio.preview(without_subjects(recipe))
    assert (empty.frames == clip.scene).all()
    assert (empty.latents == clip.latents).all()


def test_a_model_can_be_asked_to_draw_all_of_the_words(model_folders: ModelFolders) -> None:
    studio = opened(model_folders)
    clip = studio.preview(studio.recipe("a fox jumps on a beach by day", 1, composed=False))
    assert clip.recipe.prompt == "a fox jumps on a beach by day"
    assert clip.staging is None
    assert clip.frames is clip.scene


def test_a_render_has_the_actors_of_its_preview_at_its_own_size(model_folders: ModelFolders) -> None:
    studio = opened(model_folders)
    picked = studio.preview(studio.recipe("a robot stands still in a city by day", 2))
    # Nearly all is kept, so that few steps are drawn.
    render = studio.render(picked, strength=0.1)
    assert render.frames.shape == tuple(np.array(picked.frames.shape) * (1, 2, 2, 1))
    assert render.staging is not None
    assert picked.staging is not None
    assert render.staging.paths == picked.staging.paths
