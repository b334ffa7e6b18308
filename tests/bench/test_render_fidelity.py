"""Renders are held against previews as people see both."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.render_fidelity import KEPT, PROMPTS, every_way, measure, previews
from bench.variety import LEVELS, measures, seeded, word_clips
from tests.bench.studio import opened
from tests.product import ModelFolders
from train.measure.clip_statistics import SEEDS
from train.measure.judge import unseen_scenes
from train.models.judge import Judge
from train.models.vae import as_video


def test_previews_are_composed_and_compete_with_their_other_seeds(model_folders: ModelFolders) -> None:
    picked = previews(opened(model_folders), PROMPTS[:1], seeds=3, picked=2)
    assert [one.clip.recipe.seed for one in picked] == [0, 1]
    assert all(len(one.others) == 2 and one.clip.staging is not None for one in picked)
    same = measure("itself", picked, (256, 384), lambda one: one.clip.frames, 1.0)
    assert (same.fidelity, same.agreement) == (1, 1)
    other = measure("another seed", picked, (256, 384), lambda one: one.others[0], 1.0)
    assert other.agreement == 0
    assert other.fidelity < 0.5
    assert KEPT.strength in {way.strength for way in every_way()}


def test_diversity_and_flicker_are_of_what_people_see(model_folders: ModelFolders) -> None:
    # Of any weights: they are distances all the same.
    torch.manual_seed(1)
    scenes = unseen_scenes(1, seed=29)
    assert len(seeded(scenes)) == SEEDS
    clips = word_clips(opened(model_folders), scenes, composed=True)
    video, judge = as_video(np.stack([clip.frames for clip in clips])), Judge().eval()
    diverse, flickers = measures(judge, video)
    assert diverse > 0
    assert 0 < LEVELS * flickers < 50
    alike = measures(judge, video[:1].expand(SEEDS, -1, -1, -1, -1))
    assert alike[0] == pytest.approx(0, abs=1e-2)
    noise = np.random.default_rng(1).normal(0, 0.1, video.shape).astype(np.float32)
    assert measures(judge, video + torch.from_numpy(noise))[1] > 1.5 * flickers
