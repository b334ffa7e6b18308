"""Which scenes a bank of latents is drawn from."""

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLLTXVideo

from export.tiny import latents
from export.tiny.assemble import WEIGHTS
from export.tiny.captions import SOMEONE
from export.tiny.crowd import unseen_sprites
from export.tiny.latents import (
    PAIRED_SHARE,
    STRANGERS,
    STRANGERS_AT_FIRST,
    Kind,
    LatentBank,
    _Drawn,
    fill_bank,
    moment,
)
from export.tiny.text import told_scenes, training_scenes
from export.tiny.world import PREVIEW

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


def test_beginnings_show_more_strangers_and_break_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latents, "crowd", lambda: tuple(unseen_sprites()))
    monkeypatch.setattr(latents, "crowd_sprite", lambda name: unseen_sprites()[name])
    short, whole = (_Drawn(Kind(PREVIEW, CLIPS, told=True, frames=n), seed=3) for n in (5, 17))
    strangers = [short._scene(number)[0].subject == SOMEONE for number in range(CLIPS)]
    assert np.mean(strangers) == pytest.approx(STRANGERS_AT_FIRST, abs=0.03)
    # The same clip as far as it goes: nobody hurries to be through in five frames.
    alike = next(i for i in range(CLIPS) if short._scene(i) == whole._scene(i))
    frames, cover, *_ = short[alike]
    assert (frames.shape, cover.shape) == ((5, 96, 64, 3), (1, 5, 96, 64))
    assert torch.equal(frames, whole[alike][0][:5])
    assert torch.equal(cover, whole[alike][1][:, :5])


@pytest.mark.parametrize("frames", [1, 5])
def test_a_bank_of_beginnings_has_pictures_and_no_last_frame(
    frames: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latents, "crowd", lambda: tuple(unseen_sprites()))
    monkeypatch.setattr(latents, "crowd_sprite", lambda name: unseen_sprites()[name])
    vae = AutoencoderKLLTXVideo.from_pretrained(WEIGHTS / "teacher" / "vae").eval()
    kind = Kind(PREVIEW, 4, told=True, frames=frames)
    fill_bank(vae, tmp_path, kind, seed=1)
    bank = LatentBank.load(tmp_path, kind)
    assert bank.filled == 4
    batch = bank.rows(np.arange(4))
    assert batch.latents.shape[2:] == batch.cover.shape[1:] == kind.grid
    assert batch.reference is not None
    assert batch.reference.std() > 0
    assert 0 < batch.cover.mean() < 1
    assert batch.end is None


def test_a_moment_shows_the_sprite_in_a_scenery() -> None:
    lock, plant = (unseen_sprites()[name] for name in ("lock", "potted-plant"))
    for seed in range(5):
        one, other = (moment(sprite, random.Random(seed)) for sprite in (lock, plant))
        assert (one.shape, one.dtype) == ((64, 64, 3), np.uint8)
        # The same moment of the same scenery: only who stands in it differs.
        same = (one == other).all(axis=2).mean()
        assert 0.2 < same < 0.98
        assert len(np.unique(one.reshape(-1, 3), axis=0)) > 100
