"""Training what follows a subject from frame to frame and what lights it, in a refiner that can see it.

By themselves, on what the rest sees of each lot, which takes minutes. Trained with the rest, the one never
learned what turns, and the other learned that a subject that isn't quite in its place is best grey.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from export.refiner import BASIS, CELL, SIDE, Refiner, Watched, lit
from export.similarity import Similarity, places
from train.stages.refiner_batches import all_lots, lesson_of, seen_of
from train.stages.refiner_clips import LOT, Lot
from train.stages.training import Budget, Log, save_checkpoint, set_rate

WEIGHTS = {"scale": 1.0, "middle": 2.0, "angle": 1.0, "speed": 2.0, "light": 4.0}
PARTS = ("follow.", "light.")
RATE = 3e-3
CLIPS = 64  # of a batch
SURE = 0.98  # how much of a pixel must be the subject's, so that its colour is its own


def train_following(home: Path, budget: Budget, *, device: str = "cpu", seed: int = 0) -> None:
    """Train those parts of the refiner in `home/refiner.pt`, from nothing, and store them there."""
    torch.manual_seed(seed)
    state, log = torch.load(home / "refiner.pt", map_location=device), Log(home, "following")
    model = Refiner().to(device)
    model.load_state_dict({**state["average"], **_fresh()})
    rng = np.random.default_rng(seed)
    lots = all_lots(home)
    watched = [_watch(model, lot, lots, rng, device) for lot in lots]
    trained = [*model.follow.parameters(), *model.light.parameters()]
    optimiser = torch.optim.AdamW(trained, RATE, weight_decay=0.02)
    while budget.progress < 1:
        set_rate(optimiser, budget.rate(RATE))
        clips = [watched[number] for number in rng.choice(len(watched), CLIPS // LOT)]
        parts = {**_followed(model, clips), "light": _lighted(model, clips)}
        optimiser.zero_grad()
        torch.stack([WEIGHTS[name] * part for name, part in parts.items()]).sum().backward()
        optimiser.step()
        budget.tick()
        if budget.done_steps % 100 == 0 or budget.progress >= 1:
            log.row(step=budget.done_steps, **{name: part.detach() for name, part in parts.items()})
    save_checkpoint(home / "refiner.pt", **{**state, "average": model.state_dict()})


def _fresh() -> dict[str, Tensor]:
    return {name: value for name, value in Refiner().state_dict().items() if name.startswith(PARTS)}


@dataclass(frozen=True)
class Course:
    """What is seen of a lot, and what follows from it: its truth, as in Lesson; visible: [N].

    tones: as refiner.toned has them; colours: [B, F, 3, h, w], of the picture where the subject was drawn,
    one pixel of each cell of every fourth frame; wanted: the drawn ones; inside: [B, F, 1, h, w], 1 where
    both are the subject's.
    """

    watched: Watched
    truth: Similarity
    turning: Similarity
    visible: Tensor
    tones: Tensor
    colours: Tensor
    wanted: Tensor
    inside: Tensor


@torch.no_grad()
def _watch(model: Refiner, lot: Lot, lots: list[Lot], rng: np.random.Generator, device: str) -> Course:
    lesson = lesson_of(lots, rng, device, lot=lot)
    small = F.avg_pool2d(lesson.picture, lesson.picture.shape[-1] // SIDE)
    _, found = model.refine(small, lesson.soft, lesson.soft)
    clips, long, _, rows, columns = lesson.drawn.shape
    pixels = (..., slice(CELL // 2, None, CELL), slice(CELL // 2, None, CELL))
    where = lesson.truth(places(rows, columns)[pixels].to(small)[None]).permute(0, 2, 3, 1)
    layer = F.avg_pool2d(lesson.layer, lesson.layer.shape[-1] // SIDE)
    layer = layer[:, None].expand(-1, long, -1, -1, -1).flatten(0, 1)
    there = F.grid_sample(layer, 2 * where, align_corners=False).unflatten(0, (clips, long))[:, ::4]
    own = lesson.own[:, None, None, None, None]
    return Course(
        found.watched,
        lesson.truth,
        lesson.turning,
        seen_of(lesson)[1],
        found.tones,
        there[:, :, :3],
        lesson.drawn[:, ::4][pixels],
        ((there[:, :, 3:] > SURE) * own).float(),
    )


def _lighted(model: Refiner, courses: list[Course]) -> Tensor:
    """How far the picture's colours, lit, are from those that were drawn."""
    wrong = []
    for course in courses:
        light = model.light(course.tones).unflatten(1, (BASIS, 3))
        missed = (lit(course.colours, light) - course.wanted).abs() * course.inside
        wrong.append(missed.sum() / (3 * course.inside.sum().clamp(min=1)))
    return torch.stack(wrong).mean()


def _followed(model: Refiner, courses: list[Course]) -> dict[str, Tensor]:
    """How wrong the similarities are: sizes as logarithms, places in short sides, angles, and their speed.

    Each by itself: if sizes were asked for by the places of corners, a doubtful angle would make them small.
    """
    sums: dict[str, list[Tensor]] = {}
    for course in courses:
        similarity, found = model.followed(course.watched)
        turn, shift = _complex(similarity)
        true, true_shift = _complex(course.truth)
        round_, _ = _complex(course.turning)
        # The middle of the picture's square stands for its subject, which is near it.
        here = -true_shift / true
        clips = round_.unflatten(0, (len(course.watched.features), -1))
        speed = F.pad((clips[:, 1:] * clips[:, :-1].conj()).angle(), (1, 0)).flatten()
        parts = {
            "scale": (turn.abs().log() - true.abs().log()).abs(),
            "middle": (turn * here + shift).abs(),
            "angle": 1 - (turn * round_.conj()).real / (turn.abs() * round_.abs()),
            "speed": (found - speed).abs(),
        }
        count = course.visible.sum().clamp(min=1)
        for name, part in parts.items():
            sums.setdefault(name, []).append((part * course.visible).sum() / count)
    return {name: torch.stack(all_).mean() for name, all_ in sums.items()}


def _complex(similarity: Similarity) -> tuple[Tensor, Tensor]:
    return (
        torch.view_as_complex(similarity.turn.contiguous()),
        torch.view_as_complex(similarity.shift.contiguous()),
    )
