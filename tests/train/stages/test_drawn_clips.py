"""Which scenes the clips of a latent dataset show."""

import random
from collections import Counter

import numpy as np
import pytest

from train.stages.drawn_clips import PAIRED_SHARE, REFERRED_SHARE, DrawnClips, random_frame
from train.world.clips import FRAMES, PREVIEW
from train.world.emoji_sprites import held_out_sprites
from train.world.scenes import SOMEONE, all_referred_scenes, training_scenes

CLIPS = 2000


def test_conditioned_clips_show_most_referred_subjects_alone() -> None:
    drawn = DrawnClips(CLIPS, PREVIEW, FRAMES, 3, conditioned=True)
    scenes = [drawn.scene(number) for number in range(CLIPS)]
    numbered = training_scenes() + all_referred_scenes()
    assert all(numbered[index] == scene for scene, index in scenes)
    kinds = Counter((scene.subject == SOMEONE, bool(scene.other)) for scene, _ in scenes)
    referred = kinds[True, True] + kinds[True, False]
    assert referred / CLIPS == pytest.approx(REFERRED_SHARE, abs=0.05)
    assert kinds[True, True] / referred == pytest.approx(PAIRED_SHARE, abs=0.04)


def test_clips_of_known_subjects_show_every_scene_before_any_twice() -> None:
    drawn = DrawnClips(CLIPS, PREVIEW, FRAMES, 3)
    numbers = [drawn.scene(number)[1] for number in range(CLIPS)]
    assert len(set(numbers)) == CLIPS


def test_a_random_frame_shows_the_sprite_in_a_scenery() -> None:
    lock, plant = (held_out_sprites()[name] for name in ("lock", "potted-plant"))
    for seed in range(5):
        one, other = (random_frame(sprite, random.Random(seed)) for sprite in (lock, plant))
        assert (one.shape, one.dtype) == ((64, 64, 3), np.uint8)
        # The same frame of the same scenery: only who stands in it differs.
        same = (one == other).all(axis=2).mean()
        assert 0.2 < same < 0.98
        assert len(np.unique(one.reshape(-1, 3), axis=0)) > 100
