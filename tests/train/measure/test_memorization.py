"""Who is found in drawn clips and in previews."""

import random
from pathlib import Path

from export.assemble import assemble
from train.measure.memorization import found
from train.measure.sampler import ModelSampler
from train.models.likeness import load_likeness
from train.world.emoji_sprites import held_out_sprites


def test_sprites_unlike_each_other_are_found_in_clips_and_previews(tmp_path: Path) -> None:
    sprites = [held_out_sprites()[name] for name in ("cow-face", "lock", "minibus", "potted-plant")]
    sampler = ModelSampler(assemble(tmp_path / "model"))
    hits = found(sampler, load_likeness(), sprites, random.Random(3), 10)
    assert hits.shape == (4, 4)
    assert hits[0].all()
    # One may be lost by the student; by chance one of the four is found.
    assert hits[2].sum() >= 3
    assert hits[3].all()
