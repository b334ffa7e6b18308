"""Trajectories of the teacher's guided sampling, at the student's noise levels, in memory-mapped files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import LTXVideoTransformer3DModel
from torch import Tensor

from train.hyperparameters import GUIDANCE, REFERENCE_GUIDANCE, STUDENT_SHIFT, STUDENT_STEPS
from train.models.conditioning import TokenConditioning, choose_conditions
from train.models.flow_sampler import sample, schedule
from train.models.transformer import prepare_for_training
from train.models.vae import LATENT_CHANNELS
from train.stages.caption_dataset import CaptionDataset
from train.stages.latent_dataset import DatasetSpec, LatentDataset
from train.stages.trainer import Budget

TEACHER_STEPS_EACH = 2  # teacher steps inside one student step, second order
NO_CLIP = -1


@dataclass
class TrajectoryDataset:
    """N trajectories of clips of one size.

    states: float16 [N, STUDENT_STEPS+1, C, F, H, W], noise first, video last; caption: int [N], row of the
    caption dataset, -1 for a trajectory that isn't there yet; latents: the clips whose frames and pictures
    are the conditions, if there are any; clip: int [N], row of `latents`, or NO_CLIP; has: int8 [N, 3], how
    many latent frames are pinned, whether there's a reference, whether a last frame.
    """

    states: Tensor
    clip: np.ndarray
    has: np.ndarray
    caption: np.ndarray
    latents: LatentDataset | None = None

    @classmethod
    def open(
        cls,
        folder: Path,
        spec: DatasetSpec,
        count: int,
        latents: LatentDataset | None = None,
        device: str = "cpu",
    ) -> "TrajectoryDataset":
        """Open `count` rows under `folder`, empty ones where nothing exists yet.

        On the CPU what is written to them goes to the files; another device gets a copy.
        """
        arrays = {
            "states": ("float16", (count, STUDENT_STEPS + 1, LATENT_CHANNELS, *spec.grid)),
            "clip": ("int32", (count,)),
            "has": ("int8", (count, 3)),
            "caption": ("int32", (count,)),
        }
        shape = f"{spec.size[0]}x{spec.size[1]}x{spec.frames}"
        stem = f"trajectories-{shape}-{count}" + ("" if latents is None else "-conditioned")
        stem += "-empty" if spec.empty else ""
        for part, (dtype, sizes) in arrays.items():
            path = folder / f"{stem}-{part}.npy"
            if not path.exists():
                np.lib.format.open_memmap(path, "w+", dtype, sizes)[:] = -1 if part == "caption" else 0
        opened = {part: np.lib.format.open_memmap(folder / f"{stem}-{part}.npy", "r+") for part in arrays}
        return cls(torch.from_numpy(opened.pop("states")).to(device), **opened, latents=latents)

    @property
    def filled(self) -> int:
        """How many rows are there."""
        return int(np.searchsorted(self.caption < 0, True))

    def conditioning(self, rows: np.ndarray) -> TokenConditioning | None:
        """The conditions of these rows; None where these trajectories have none."""
        if self.latents is None:
            return None
        has = torch.from_numpy(self.has[rows].astype(np.int64))
        batch = self.latents.rows(self.clip[rows])
        return batch.conditioning(has[:, 0], has[:, 1] > 0, has[:, 2] > 0)


def fill_trajectories(
    teacher: LTXVideoTransformer3DModel,
    captions: CaptionDataset,
    trajectories: TrajectoryDataset,
    batch: int,
    budget: Budget,
    *,
    empty_scenes: bool = False,
    seed: int = 7,
    device: str = "cpu",
) -> None:
    """Solve the guided flow from fresh noise, a batch at a time, until the rows or the budget are used up.

    Trajectories with conditions take their clips' captions; others those of any known scene with somebody, or
    without.
    """
    prepare_for_training(teacher)
    latents = trajectories.latents
    rng = np.random.default_rng(seed + trajectories.filled)
    fine = schedule(STUDENT_STEPS * TEACHER_STEPS_EACH, STUDENT_SHIFT)
    empty = captions.rows(np.array([-1]))
    while trajectories.filled + batch <= len(trajectories.caption) and budget.progress < 1:
        rows = slice(trajectories.filled, trajectories.filled + batch)
        if latents is None:
            first, last = captions.first_empty, captions.first_referred
            scenes = (first, last) if empty_scenes else (0, first)
            wordings = rng.integers(scenes[0] * captions.each, scenes[1] * captions.each, batch)
            trajectories.clip[rows] = NO_CLIP
        else:
            clips = rng.integers(0, latents.filled, batch)
            scene = latents.rows(clips).scene
            wordings = scene * captions.each + rng.integers(0, captions.each, batch)
            has = choose_conditions(scene >= captions.first_referred, rng)
            trajectories.clip[rows] = clips
            trajectories.has[rows] = np.stack([part.numpy() for part in has], axis=1)
        shape = (batch, *trajectories.states.shape[2:])
        start = torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))
        states, mask = captions.rows(wordings)
        solved = sample(
            teacher,
            start.to(device),
            states,
            mask,
            fine,
            GUIDANCE,
            empty,
            second_order=True,
            return_trajectory=True,
            conditioning=trajectories.conditioning(np.arange(rows.start, rows.stop)),
            reference_guidance=REFERENCE_GUIDANCE,
        )
        trajectories.states[rows] = solved[:, ::TEACHER_STEPS_EACH]
        # Last, since a row is there once it has a caption.
        trajectories.caption[rows] = wordings
        budget.tick()
    shape = trajectories.states.shape[2:]
    print("trajectories", *shape, trajectories.filled, round(budget.spent_seconds), "s", flush=True)
