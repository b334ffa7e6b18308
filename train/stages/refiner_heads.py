"""Training two heads of the refiner with all else frozen: motion from frame to frame, and lighting.

On what the frozen part sees of each shard, which is computed once, so that it takes minutes. Trained with the
rest, the motion head never learned what turns, and the lighting head learned that a subject that isn't quite
in its place is best grey (docs/decisions/0017-a-refiner-copies-the-picture.md).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from export.refiner import BASIS, CELL, SIDE, FrameFeatures, Refiner, apply_light
from export.similarity import Similarity, grid_coordinates
from train.stages.refiner_batches import sample_batch, visibility
from train.stages.refiner_shards import SHARD_CLIPS, Shard, load_shards
from train.stages.trainer import Budget, Trainer, load_average

WEIGHTS = {"scale": 1.0, "middle": 2.0, "angle": 1.0, "speed": 2.0, "light": 4.0}
HEADS = ("follow.", "light.")
LEARNING_RATE = 3e-3
CLIPS = 64  # of a batch
SURE = 0.98  # how much of a pixel must be the subject's, so that its colour is its own


def train_refiner_heads(home: Path, budget: Budget, *, device: str = "cpu", seed: int = 0) -> None:
    """Train the heads of the refiner in `home/refiner.pt` from nothing; the whole refiner goes to
    `home/refiner-heads.pt`.
    """
    torch.manual_seed(seed)
    model = Refiner().to(device)
    fresh = {name: value for name, value in model.state_dict().items() if name.startswith(HEADS)}
    model.load_state_dict({**load_average(home, "refiner"), **fresh})
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(HEADS))
    shards = load_shards(home)
    # Before the trainer may load trained heads: what is seen depends on them a little.
    seen_by = np.random.default_rng(seed)
    seen = [_see(model, shard, shards, seen_by, device) for shard in shards]
    heads = [parameter for parameter in model.parameters() if parameter.requires_grad]
    trainer = Trainer(
        home,
        "refiner-heads",
        model,
        budget,
        learning_rate=LEARNING_RATE,
        metrics=tuple(WEIGHTS),
        max_gradient_norm=float("inf"),
        optimizer=torch.optim.AdamW(heads, LEARNING_RATE, weight_decay=0.02),
        seed=seed,
    )

    def step() -> tuple[Tensor, dict[str, Tensor]]:
        some = [seen[number] for number in trainer.rng.choice(len(seen), CLIPS // SHARD_CLIPS)]
        parts = {**_motion_losses(model, some), "light": _light_loss(model, some)}
        return torch.stack([WEIGHTS[name] * part for name, part in parts.items()]).sum(), parts

    trainer.run(step)


@dataclass(frozen=True)
class SeenShard:
    """What the frozen part sees of a shard, and the truth, as in RefinerBatch; visible: [N].

    tones: as export.refiner.colour_statistics has them; colours: [B, F, 3, h, w], of the picture where the
    subject was drawn, one pixel of each cell of every fourth frame; target: the drawn ones; inside: [B, F, 1,
    h, w], 1 where both are the subject's.
    """

    features: FrameFeatures
    truth: Similarity
    one_way: Similarity
    visible: Tensor
    tones: Tensor
    colours: Tensor
    target: Tensor
    inside: Tensor


@torch.no_grad()
def _see(
    model: Refiner, shard: Shard, shards: list[Shard], rng: np.random.Generator, device: str
) -> SeenShard:
    batch = sample_batch(shards, rng, device, shard=shard)
    small = F.avg_pool2d(batch.picture, batch.picture.shape[-1] // SIDE)
    refined = model.refine(small, batch.soft, batch.soft)
    clips, frames, _, rows, columns = batch.drawn.shape
    pixels = (..., slice(CELL // 2, None, CELL), slice(CELL // 2, None, CELL))
    where = batch.truth(grid_coordinates(rows, columns)[pixels].to(small)[None]).permute(0, 2, 3, 1)
    layer = F.avg_pool2d(batch.layer, batch.layer.shape[-1] // SIDE)
    layer = layer[:, None].expand(-1, frames, -1, -1, -1).flatten(0, 1)
    there = F.grid_sample(layer, 2 * where, align_corners=False).unflatten(0, (clips, frames))[:, ::4]
    own = batch.own[:, None, None, None, None]
    return SeenShard(
        refined.found.features,
        batch.truth,
        batch.one_way,
        visibility(batch)[1],
        refined.tones,
        there[:, :, :3],
        batch.drawn[:, ::4][pixels],
        ((there[:, :, 3:] > SURE) * own).float(),
    )


def _light_loss(model: Refiner, some: list[SeenShard]) -> Tensor:
    """How far the picture's colours, lit, are from those that were drawn."""
    errors = []
    for seen in some:
        light = model.light(seen.tones).unflatten(1, (BASIS, 3))
        missed = (apply_light(seen.colours, light) - seen.target).abs() * seen.inside
        errors.append(missed.sum() / (3 * seen.inside.sum().clamp(min=1)))
    return torch.stack(errors).mean()


def _motion_losses(model: Refiner, some: list[SeenShard]) -> dict[str, Tensor]:
    """How wrong the similarities are: sizes as logarithms, places in short sides, angles, and their speed.

    Each by itself: if sizes were asked for by the places of corners, a doubtful angle would make them small.
    """
    sums: dict[str, list[Tensor]] = {}
    for seen in some:
        similarity, speed = model.follow_motion(seen.features)
        turn, shift = _complex(similarity)
        true, true_shift = _complex(seen.truth)
        one_way, _ = _complex(seen.one_way)
        # The middle of the picture's square stands for its subject, which is near it.
        here = -true_shift / true
        clips = one_way.unflatten(0, (len(seen.features.values), -1))
        true_speed = F.pad((clips[:, 1:] * clips[:, :-1].conj()).angle(), (1, 0)).flatten()
        parts = {
            "scale": (turn.abs().log() - true.abs().log()).abs(),
            "middle": (turn * here + shift).abs(),
            "angle": 1 - (turn * one_way.conj()).real / (turn.abs() * one_way.abs()),
            "speed": (speed - true_speed).abs(),
        }
        count = seen.visible.sum().clamp(min=1)
        for name, part in parts.items():
            sums.setdefault(name, []).append((part * seen.visible).sum() / count)
    return {name: torch.stack(each).mean() for name, each in sums.items()}


def _complex(similarity: Similarity) -> tuple[Tensor, Tensor]:
    return (
        torch.view_as_complex(similarity.turn.contiguous()),
        torch.view_as_complex(similarity.shift.contiguous()),
    )
