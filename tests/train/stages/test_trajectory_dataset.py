"""Trajectories in their files."""

from pathlib import Path

import numpy as np
import torch

from train.hyperparameters import STUDENT_STEPS
from train.models.vae import LATENT_CHANNELS
from train.stages.latent_dataset import DatasetSpec, LatentDataset
from train.stages.trajectory_dataset import NO_CLIP, TrajectoryDataset
from train.world.clips import PREVIEW

SPEC = DatasetSpec(PREVIEW, 4, conditioned=True)


def latents() -> LatentDataset:
    rng = np.random.default_rng(0)
    arrays = {
        name: torch.from_numpy(rng.standard_normal(shape).astype(dtype))
        for name, (dtype, shape) in SPEC.arrays().items()
        if name != "scene"
    }
    return LatentDataset(np.array([3, 1, 2, -1], dtype=np.int32), arrays)


def test_a_new_dataset_is_empty_and_what_is_written_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    made = TrajectoryDataset.open(tmp_path, SPEC, 3)
    assert made.states.shape == (3, STUDENT_STEPS + 1, LATENT_CHANNELS, *SPEC.grid)
    assert made.filled == 0
    made.states[0] = 1.0
    made.clip[0], made.caption[0] = NO_CLIP, 7
    again = TrajectoryDataset.open(tmp_path, SPEC, 3)
    assert again.filled == 1
    assert (again.states[0] == 1).all()
    assert again.conditioning(np.array([0])) is None


def test_conditions_are_those_of_the_clip(tmp_path: Path) -> None:
    dataset = latents()
    assert dataset.filled == 3
    made = TrajectoryDataset.open(tmp_path, SPEC, 2, dataset)
    made.clip[:], made.has[:] = (2, 0), ((2, 1, 0), (0, 0, 1))
    conditioning = made.conditioning(np.array([0, 1]))
    assert conditioning is not None
    torch.testing.assert_close(conditioning.clean, dataset.tensors["latents"][[2, 0]].float())
    assert conditioning.pinned[:, 0, :, 0, 0].sum(1).tolist() == [2, 0]
    # The reference picture has 16 tokens, the last frame 24.
    assert conditioning.present[0].tolist() == [1.0] * 16 + [0.0] * 24
    assert conditioning.present[1].tolist() == [0.0] * 16 + [1.0] * 24
