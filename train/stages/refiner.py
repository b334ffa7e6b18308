"""Training the refiner on a student's clips, whose subjects' places are known: they were drawn first."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from export.refiner import SIDE, Refiner
from export.similarity import Similarity
from train.measure.contact_sheets import contact_sheet
from train.models.vae import SUBJECT_WEIGHT
from train.stages.refiner_batches import Lesson, all_lots, lesson_of, seen_of
from train.stages.training import Average, Budget, Log, Muon, clip_gradients, save_checkpoint, set_rate

RATE = 4e-3
# The subject is put where it was drawn, a little off, so that colours are learned before places are found.
GIVEN_PLACE = 0.6
OFF = 0.02  # deviation, in short sides
WEIGHTS = {"match": 2.0, "subject": 1.0, "cut": 2.0, "pixel": 4.0}


def train_refiner(home: Path, budget: Budget, *, device: str = "cpu", seed: int = 0) -> Refiner:
    """Train on the lots in `home` until the budget ends; goes on from `home/refiner.pt`."""
    torch.manual_seed(seed)
    model, log = Refiner().to(device), Log(home, "refiner")
    optimiser, average = Muon(model, RATE), Average(model, 0.998)
    path = home / "refiner.pt"
    if path.exists():
        state = torch.load(path, map_location=device)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        average.weights, average.count = state["average"], state["count"]
        budget.done_steps, budget.spent_seconds = state["steps"], state["seconds"]
    lots = all_lots(home)
    rng = np.random.default_rng((seed, budget.done_steps))
    sums: dict[str, list[Tensor]] = {}
    while budget.progress < 1:
        set_rate(optimiser, budget.rate(RATE))
        parts = losses(model, lesson_of(lots, rng, device), given=rng.random() < GIVEN_PLACE)
        optimiser.zero_grad()
        torch.stack([WEIGHTS[name] * part for name, part in parts.items()]).sum().backward()
        clip_gradients(model.parameters(), 2.0)
        optimiser.step()
        average.update(model)
        budget.tick()
        for name, part in parts.items():
            sums.setdefault(name, []).append(part.detach())
        if budget.done_steps % 50 == 0 or budget.progress >= 1:
            log.row(step=budget.done_steps, **{name: torch.stack(all_).mean() for name, all_ in sums.items()})
            sums = {}
        if budget.due():
            save_checkpoint(
                path,
                model=model.state_dict(),
                optimiser=optimiser.state_dict(),
                average=average.weights,
                count=average.count,
                steps=budget.done_steps,
                seconds=budget.spent_seconds,
            )
    model.load_state_dict(average.weights)
    _sheet(model, lesson_of(lots, np.random.default_rng(seed), device), home / "refiner.png")
    return model.cpu().eval()


def losses(model: Refiner, lesson: Lesson, *, given: bool) -> dict[str, Tensor]:
    """What is wrong, by WEIGHTS' names; with `given` the subjects are put where they belong."""
    soft = lesson.soft
    small = F.avg_pool2d(lesson.picture, lesson.picture.shape[-1] // SIDE)
    at = None
    if given:
        shift = lesson.truth.shift
        at = Similarity(lesson.truth.turn, shift + OFF * torch.randn_like(shift))
    made, found = model.refine(small, soft, soft, at)
    covered, _, matches = seen_of(lesson)
    own = lesson.own.repeat_interleave(soft.shape[1]).float()[:, None, None, None]
    inside = (covered > 0.5) * own
    missed = (found.matches - matches).abs().sum(1, keepdim=True)
    near = model.near(small)
    layer = model.cut(lesson.picture, near, model.far(near))
    edges = F.binary_cross_entropy(layer[:, 3:].clamp(1e-4, 1 - 1e-4), lesson.layer[:, 3:])
    cover = F.interpolate(covered, size=soft.shape[-2:], mode="bilinear", align_corners=False)
    weight = 1 + SUBJECT_WEIGHT * F.max_pool2d(cover, 9, 1, 4).unflatten(0, soft.shape[:2])
    wanted = torch.where(lesson.own[:, None, None, None, None], lesson.drawn, soft)
    return {
        "match": (missed * inside).sum() / inside.sum().clamp(min=1),
        "subject": F.binary_cross_entropy_with_logits(found.subject, covered * own),
        "cut": edges + 2 * (layer[:, :3] - lesson.layer[:, :3]).abs().mean(),
        "pixel": ((made - wanted).abs() * weight).mean() / weight.mean(),
    }


@torch.no_grad()
def _sheet(model: Refiner, lesson: Lesson, path: Path) -> None:
    """The clips as the student drew them, refined, and as they should be."""
    small = F.avg_pool2d(lesson.picture, lesson.picture.shape[-1] // SIDE)
    made, _ = model.refine(small, lesson.soft, lesson.soft)
    rows = [
        part.transpose(0, 1).cpu() * 2 - 1
        for clip in zip(lesson.soft, made.clamp(0, 1), lesson.drawn, strict=True)
        for part in clip
    ]
    contact_sheet(rows, path)
