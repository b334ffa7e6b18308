"""Batches for the refiner: clips of a shard, with pictures of their subjects and where these belong."""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from export.refiner import CELL
from export.similarity import Similarity, grid_coordinates
from train.stages.refiner_shards import SHARD_CLIPS, Shard

CLIPS = 4  # of a batch
SCENERY_SHARE = 0.35  # of the pictures: a crop of some clip is behind the subject instead of one colour
SCENERY = 48  # pixels of such a crop
BRIGHTNESS = (0.24, 0.92)  # of one colour behind the subject
MOVED_SHARE = 0.4  # of the pictures: the subject is smaller, and anywhere in the picture
SMALLEST = 0.45  # of its usual size
WRONG_PICTURE_SHARE = 0.06  # of the clips: the picture shows another subject, and nothing may change
VISIBLE_CELLS = 6  # where less of the subject is seen, its place isn't asked for


@dataclass(frozen=True)
class RefinerBatch:
    """A batch.

    soft, drawn: [B, F, 3, H, W], the clips as the student drew them and as they should be; picture: [B, 3, S,
    S]; layer: [B, 4, S, S], its subject; truth: where the subjects are; one_way: the same if everything
    turned one way round; own: bool [B], whether the picture shows this clip's subject.
    """

    soft: Tensor
    drawn: Tensor
    picture: Tensor
    layer: Tensor
    truth: Similarity
    one_way: Similarity
    own: Tensor


def true_similarity(pose: np.ndarray, picture_pose: np.ndarray, size: tuple[int, int]) -> Similarity:
    """The similarity from frames to the picture, of poses [B, F, 4] in frames of (width, height) and [B, 4]
    in the picture.
    """
    width, height = size
    short = min(size)
    frames, picture = torch.from_numpy(pose).double(), torch.from_numpy(picture_pose).double()[:, None]
    here = torch.complex((frames[..., 0] - 0.5) * width / short, (frames[..., 1] - 0.5) * height / short)
    there = torch.complex(picture[..., 0] - 0.5, picture[..., 1] - 0.5)
    angle = (picture[..., 3] - frames[..., 3]) * math.pi / 180
    turn = torch.polar(picture[..., 2] / frames[..., 2], angle)
    shift = there - turn * here
    return Similarity(*(torch.view_as_real(part.flatten().contiguous()).float() for part in (turn, shift)))


def sample_batch(
    shards: list[Shard], rng: np.random.Generator, device: str, shard: Shard | None = None
) -> RefinerBatch:
    """CLIPS clips of some shard, or all clips of the one given."""
    count = CLIPS if shard is None else SHARD_CLIPS
    shard = shard or shards[rng.integers(len(shards))]
    rows = rng.choice(SHARD_CLIPS, count, replace=False)
    soft, drawn = (as_pictures(part[rows]) for part in (shard.soft, shard.drawn))
    own = rng.random(count) >= WRONG_PICTURE_SHARE
    # A wrong picture is that of the next clip.
    shown = np.where(own, rows, np.roll(rows, 1))
    layer = as_pictures(shard.layer[shown])
    picture_pose = shard.picture_pose[shown].copy()
    for number in np.flatnonzero(rng.random(count) < MOVED_SHARE):
        layer[number], picture_pose[number] = move_subject(layer[number], picture_pose[number], rng)
    ground = torch.from_numpy(rng.uniform(*BRIGHTNESS, (count, 3, 1, 1)).astype(np.float32))
    ground = ground.repeat(1, 1, *layer.shape[-2:])
    for number in np.flatnonzero(rng.random(count) < SCENERY_SHARE):
        ground[number] = _scenery(shards, rng, layer.shape[-1])
    picture = layer[:, :3] + ground * (1 - layer[:, 3:])
    size = soft.shape[-1], soft.shape[-2]
    # A soft clip doesn't always show which way something turns: either will do, so it's always the same.
    one_way = shard.pose[rows].copy()
    one_way[..., 3] *= np.sign(one_way[:, 1:2, 3])
    known = (true_similarity(pose, picture_pose, size) for pose in (shard.pose[rows], one_way))
    similarities = (Similarity(each.turn.to(device), each.shift.to(device)) for each in known)
    tensors = (part.to(device) for part in (soft, drawn, picture, layer))
    return RefinerBatch(*tensors, *similarities, torch.from_numpy(own).to(device))


def move_subject(layer: Tensor, pose: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, np.ndarray]:
    """A picture's layer [4, S, S] and its subject's pose [4], smaller and somewhere else."""
    whole = layer.shape[-1]
    side = int(rng.uniform(SMALLEST, 1) * whole)
    x, y = rng.integers(whole - side + 1, size=2)
    small = F.interpolate(layer[None], size=(side, side), mode="bilinear", antialias=True)
    moved = F.pad(small[0].clamp(0, 1), (x, whole - side - x, y, whole - side - y))
    scale = side / whole
    return moved, np.asarray(
        (pose[0] * scale + x / whole, pose[1] * scale + y / whole, pose[2] * scale, pose[3]),
        dtype=np.float32,
    )


def _scenery(shards: list[Shard], rng: np.random.Generator, side: int) -> Tensor:
    """A crop [3, side, side] of a frame of some clip."""
    shard = shards[rng.integers(len(shards))]
    frame = shard.drawn[rng.integers(SHARD_CLIPS), rng.integers(shard.drawn.shape[1])]
    y, x = (rng.integers(length - SCENERY + 1) for length in frame.shape[:2])
    crop = as_pictures(frame[None, y : y + SCENERY, x : x + SCENERY])
    return F.interpolate(crop, size=(side, side), mode="bilinear", align_corners=False)[0]


def as_pictures(pixels: np.ndarray) -> Tensor:
    """uint8 [..., H, W, C] -> float32 [..., C, H, W] in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).movedim(-1, -3).float() / 255


def visibility(batch: RefinerBatch) -> tuple[Tensor, Tensor, Tensor]:
    """How much of each cell is the subject [N, 1, h, w], which frames show enough of it [N], and each cell's
    place in the picture [N, 2, h, w].
    """
    rows, columns = batch.soft.shape[-2:]
    frames = batch.soft.shape[1]
    matches = batch.truth(grid_coordinates(rows // CELL, columns // CELL).to(batch.soft)[None])
    alpha = batch.layer[:, None, 3:].expand(-1, frames, -1, -1, -1).flatten(0, 1)
    coarse = F.avg_pool2d(alpha, 2 * CELL)
    covered = F.grid_sample(coarse, 2 * matches.permute(0, 2, 3, 1), align_corners=False).clamp(0, 1)
    own = batch.own.repeat_interleave(frames).float()[:, None, None, None]
    visible = ((covered * own > 0.5).sum((1, 2, 3)) > VISIBLE_CELLS).float()
    return covered, visible, matches
