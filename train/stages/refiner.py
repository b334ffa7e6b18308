"""Training the refiner on a student's clips, whose subjects' places are known: they were drawn first."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from export.refiner import SIDE, Refiner
from export.similarity import Similarity
from train.reports.contact_sheets import contact_sheet
from train.stages.refiner_batches import RefinerBatch, sample_batch, visibility
from train.stages.refiner_shards import load_shards
from train.stages.trainer import Budget, Trainer

LEARNING_RATE = 4e-3
# Share of the steps in which the subject is put where it was drawn, a little off: so colours are learned
# before places are found.
TEACHER_FORCING = 0.6
PLACE_NOISE = 0.02  # deviation, in short sides
SUBJECT_WEIGHT = 8.0
WEIGHTS = {"match": 2.0, "subject": 1.0, "cut": 2.0, "pixel": 4.0}


def train_refiner(home: Path, budget: Budget, *, device: str = "cpu", seed: int = 0) -> None:
    """Train on the shards in `home` until the budget ends; resumes from `home/refiner.pt`."""
    torch.manual_seed(seed)
    model = Refiner().to(device)
    trainer = Trainer(
        home,
        "refiner",
        model,
        budget,
        learning_rate=LEARNING_RATE,
        metrics=tuple(WEIGHTS),
        max_gradient_norm=2.0,
        seed=seed,
    )
    shards, rng = load_shards(home), trainer.rng

    def step() -> tuple[Tensor, dict[str, Tensor]]:
        batch = sample_batch(shards, rng, device)
        parts = losses(model, batch, teacher_forcing=rng.random() < TEACHER_FORCING)
        return torch.stack([WEIGHTS[name] * part for name, part in parts.items()]).sum(), parts

    fixed = sample_batch(shards, np.random.default_rng(seed), device)
    trainer.run(step, lambda: _draw_clips(trainer.averaged, fixed, home / "refiner.png"))


def losses(model: Refiner, batch: RefinerBatch, *, teacher_forcing: bool) -> dict[str, Tensor]:
    """The losses, by WEIGHTS' names; with `teacher_forcing` the subjects are put where they belong."""
    soft = batch.soft
    small = F.avg_pool2d(batch.picture, batch.picture.shape[-1] // SIDE)
    similarity = None
    if teacher_forcing:
        shift = batch.truth.shift
        similarity = Similarity(batch.truth.turn, shift + PLACE_NOISE * torch.randn_like(shift))
    refined = model.refine(small, soft, soft, similarity)
    found = refined.found
    covered, _, matches = visibility(batch)
    own = batch.own.repeat_interleave(soft.shape[1]).float()[:, None, None, None]
    inside = (covered > 0.5) * own
    missed = (found.matches - matches).abs().sum(1, keepdim=True)
    near = model.near(small)
    layer = model.cut(batch.picture, near, model.far(near))
    edges = F.binary_cross_entropy(layer[:, 3:].clamp(1e-4, 1 - 1e-4), batch.layer[:, 3:])
    cover = F.interpolate(covered, size=soft.shape[-2:], mode="bilinear", align_corners=False)
    weight = 1 + SUBJECT_WEIGHT * F.max_pool2d(cover, 9, 1, 4).unflatten(0, soft.shape[:2])
    target = torch.where(batch.own[:, None, None, None, None], batch.drawn, soft)
    return {
        "match": (missed * inside).sum() / inside.sum().clamp(min=1),
        "subject": F.binary_cross_entropy_with_logits(found.subject, covered * own),
        "cut": edges + 2 * (layer[:, :3] - batch.layer[:, :3]).abs().mean(),
        "pixel": ((refined.clips - target).abs() * weight).mean() / weight.mean(),
    }


@torch.no_grad()
def _draw_clips(model: Refiner, batch: RefinerBatch, path: Path) -> None:
    """The clips as the student drew them, refined, and as they should be."""
    small = F.avg_pool2d(batch.picture, batch.picture.shape[-1] // SIDE)
    refined = model.refine(small, batch.soft, batch.soft).clips
    rows = [
        part.transpose(0, 1).cpu() * 2 - 1
        for clip in zip(batch.soft, refined.clamp(0, 1), batch.drawn, strict=True)
        for part in clip
    ]
    contact_sheet(rows, path)
