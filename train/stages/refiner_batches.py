"""What the refiner is taught by: batches of lots, with pictures of their subjects and where these belong."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from export.refiner import CELL
from export.similarity import Similarity, places
from train.stages.refiner_clips import LOT, Lot, lot_path

CLIPS = 4  # of a batch
IN_SCENERY = 0.35  # of the pictures: a cut of some clip is behind the subject instead of one colour
SCENERY = 48  # pixels of such a cut
PLAIN = (0.24, 0.92)  # how bright one colour is
APART = 0.4  # of the pictures: the subject is anywhere in it, of at least so much of its size in a portrait
SMALLEST = 0.45
STRANGERS = 0.06  # of the clips: the picture shows someone else, and nothing may change
VISIBLE_CELLS = 6  # where less of the subject is seen, its place isn't asked for


@dataclass(frozen=True)
class Lesson:
    """A batch.

    soft, drawn: [B, F, 3, H, W]; picture: [B, 3, S, S]; layer: [B, 4, S, S]; truth: where the subjects are;
    turning: the same if everything turned one way round; own: bool [B], whether the picture is of this clip.
    """

    soft: Tensor
    drawn: Tensor
    picture: Tensor
    layer: Tensor
    truth: Similarity
    turning: Similarity
    own: Tensor


def truth(pose: np.ndarray, posed: np.ndarray, size: tuple[int, int]) -> Similarity:
    """Where subjects are in the picture, of poses [B, F, 4] in frames of (width, height) and [B, 4] in it."""
    width, height = size
    short = min(size)
    frames, picture = torch.from_numpy(pose).double(), torch.from_numpy(posed).double()[:, None]
    here = torch.complex((frames[..., 0] - 0.5) * width / short, (frames[..., 1] - 0.5) * height / short)
    there = torch.complex(picture[..., 0] - 0.5, picture[..., 1] - 0.5)
    angle = (picture[..., 3] - frames[..., 3]) * math.pi / 180
    turn = torch.polar(picture[..., 2] / frames[..., 2], angle)
    shift = there - turn * here
    return Similarity(*(torch.view_as_real(part.flatten().contiguous()).float() for part in (turn, shift)))


def lesson_of(lots: list[Lot], rng: np.random.Generator, device: str, lot: Lot | None = None) -> Lesson:
    """A batch of some lot, or all clips of this one."""
    count = CLIPS if lot is None else LOT
    lot = lot or lots[rng.integers(len(lots))]
    rows = rng.choice(LOT, count, replace=False)
    soft, drawn = (as_pictures(part[rows]) for part in (lot.soft, lot.drawn))
    own = rng.random(count) >= STRANGERS
    # Someone else's picture is that of the next clip.
    whose = np.where(own, rows, np.roll(rows, 1))
    layer = as_pictures(lot.layer[whose])
    posed = lot.posed[whose].copy()
    for number in np.flatnonzero(rng.random(count) < APART):
        layer[number], posed[number] = _apart(layer[number], posed[number], rng)
    ground = torch.from_numpy(rng.uniform(*PLAIN, (count, 3, 1, 1)).astype(np.float32))
    ground = ground.repeat(1, 1, *layer.shape[-2:])
    for number in np.flatnonzero(rng.random(count) < IN_SCENERY):
        ground[number] = _scenery(lots, rng, layer.shape[-1])
    picture = layer[:, :3] + ground * (1 - layer[:, 3:])
    size = soft.shape[-1], soft.shape[-2]
    # A soft clip doesn't always tell which way something turns: any one way will do, so it's always the same.
    round_ = lot.pose[rows].copy()
    round_[..., 3] *= np.sign(round_[:, 1:2, 3])
    known = (truth(pose, posed, size) for pose in (lot.pose[rows], round_))
    where = (Similarity(each.turn.to(device), each.shift.to(device)) for each in known)
    tensors = (part.to(device) for part in (soft, drawn, picture, layer))
    return Lesson(*tensors, *where, torch.from_numpy(own).to(device))


def _apart(layer: Tensor, posed: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, np.ndarray]:
    """A picture's layer [4, S, S] and its subject's pose [4], smaller and somewhere else."""
    whole = layer.shape[-1]
    side = int(rng.uniform(SMALLEST, 1) * whole)
    x, y = rng.integers(whole - side + 1, size=2)
    small = F.interpolate(layer[None], size=(side, side), mode="bilinear", antialias=True)
    moved = F.pad(small[0].clamp(0, 1), (x, whole - side - x, y, whole - side - y))
    scale = side / whole
    return moved, np.asarray(
        (posed[0] * scale + x / whole, posed[1] * scale + y / whole, posed[2] * scale, posed[3]),
        dtype=np.float32,
    )


def _scenery(lots: list[Lot], rng: np.random.Generator, side: int) -> Tensor:
    """A cut [3, side, side] of a frame of some clip."""
    lot = lots[rng.integers(len(lots))]
    frame = lot.drawn[rng.integers(LOT), rng.integers(lot.drawn.shape[1])]
    y, x = (rng.integers(length - SCENERY + 1) for length in frame.shape[:2])
    cut = as_pictures(frame[None, y : y + SCENERY, x : x + SCENERY])
    return F.interpolate(cut, size=(side, side), mode="bilinear", align_corners=False)[0]


def as_pictures(pixels: np.ndarray) -> Tensor:
    """uint8 [..., H, W, C] -> float32 [..., C, H, W] in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).movedim(-1, -3).float() / 255


def all_lots(home: Path) -> list[Lot]:
    lots: list[Lot] = []
    while (path := lot_path(home, len(lots))).exists():
        lots.append(Lot.load(path))
    return lots


def seen_of(lesson: Lesson) -> tuple[Tensor, Tensor, Tensor]:
    """How much of each cell is the subject [N, 1, h, w], and which frames show enough of it [N].

    Also each cell's place in the picture [N, 2, h, w].
    """
    rows, columns = lesson.soft.shape[-2:]
    long = lesson.soft.shape[1]
    matches = lesson.truth(places(rows // CELL, columns // CELL).to(lesson.soft)[None])
    alpha = lesson.layer[:, None, 3:].expand(-1, long, -1, -1, -1).flatten(0, 1)
    coarse = F.avg_pool2d(alpha, 2 * CELL)
    covered = F.grid_sample(coarse, 2 * matches.permute(0, 2, 3, 1), align_corners=False).clamp(0, 1)
    own = lesson.own.repeat_interleave(long).float()[:, None, None, None]
    visible = ((covered * own > 0.5).sum((1, 2, 3)) > VISIBLE_CELLS).float()
    return covered, visible, matches
