"""Backgrounds are measured in the clips that people get."""

from __future__ import annotations

from bench.crispness import Backgrounds, shares
from tests.bench.studio import opened
from tests.product import ModelFolders


def test_scenes_are_drawn_decoded_and_painted_at_both_sizes(model_folders: ModelFolders) -> None:
    scenes = Backgrounds(opened(model_folders), 1)
    assert (scenes.small, scenes.large) == ((128, 192), (256, 384))
    assert scenes.world(0, scenes.large).shape == (1, 384, 256, 3)
    assert scenes.preview(0).shape == (17, 192, 128, 3)
    assert scenes.decoded(0, scenes.small).shape == (17, 192, 128, 3)
    found = shares([scenes.preview(0)], [scenes.world(0, scenes.small)], [scenes.world(0, scenes.large)])
    assert 0 < found.gradient < 1
