"""Which scenes a bank of latents is drawn from."""

import random
from collections import Counter

import numpy as np
import pytest

from schemas.vocabulary import SOMEONE
from train.models.text_encoder import told_scenes, training_scenes
from train.stages.latents import PAIRED_SHARE, STRANGERS, Kind, _Drawn, moment
from train.world.emoji_sprites import unseen_sprites
from train.world.world import PREVIEW

CLIPS = 2000


def test_a_told_bank_shows_most_strangers_alone() -> None:
    drawn = _Drawn(Kind(PREVIEW, CLIPS, told=True), seed=3)
    scenes = [drawn._scene(number) for number in range(CLIPS)]
    numbered = training_scenes() + told_scenes()
    assert all(numbered[index] == scene for scene, index in scenes)
    kinds = Counter((scene.subject == SOMEONE, bool(scene.other)) for scene, _ in scenes)
    strangers = kinds[True, True] + kinds[True, False]
    assert strangers / CLIPS == pytest.approx(STRANGERS, abs=0.05)
    assert kinds[True, True] / strangers == pytest.approx(PAIRED_SHARE, abs=0.04)


def test_a_known_bank_shows_every_scene_before_any_twice() -> None:
    drawn = _Drawn(Kind(PREVIEW, CLIPS), seed=3)
    numbers = [drawn._scene(number)[1] for number in range(CLIPS)]
    assert len(set(numbers)) == CLIPS


def test_a_moment_shows_the_sprite_in_a_scenery() -> None:
    lock, plant = (unseen_sprites()[name] for name in ("lock", "potted-plant"))
    for seed in range(5):
        one, other = (moment(sprite, random.Random(seed)) for sprite in (lock, plant))
        assert (one.shape, one.dtype) == ((64, 64, 3), np.uint8)
        # The same moment of the same scenery: only who stands in it differs.
        same = (one == other).all(axis=2).mean()
        assert 0.2 < same < 0.98
        assert len(np.unique(one.reshape(-1, 3), axis=0)) > 100
