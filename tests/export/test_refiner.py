"""The refiner: its geometry, and what the committed weights do."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from export.assemble import WEIGHTS
from export.refiner import CELL, Refiner, load_refiner
from export.similarity import Similarity, fit_similarity, grid_coordinates
from train.world.clips import FULL, PREVIEW, draw, reference_picture
from train.world.emoji_sprites import held_out_sprites
from train.world.scenes import SOMEONE, Scene

SCENE = Scene(SOMEONE, "meadow", "day", "right")


@pytest.fixture(scope="module")
def refiner() -> Refiner:
    return load_refiner(WEIGHTS / "refiner")


def pictures(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels).movedim(-1, -3).float() / 255


def soft(frames: Tensor, side: int = 7) -> Tensor:
    """Frames [F, 3, H, W] as a student draws them: without what is finer than `side` pixels."""
    return F.avg_pool2d(F.pad(frames, [side // 2] * 4, mode="replicate"), side, 1)


def test_a_similarity_is_found_again_whatever_the_weights_of_its_cells() -> None:
    turn = 1.4 * torch.tensor([[math.cos(0.7), math.sin(0.7)], [1.0, 0.0]])
    known = Similarity(turn, torch.tensor([[0.1, -0.2], [0.0, 0.3]]))
    matches = known(grid_coordinates(24, 16)[None])
    weight = torch.rand(2, 1, 24, 16, generator=torch.Generator().manual_seed(0))
    found = fit_similarity(matches, weight)
    torch.testing.assert_close(found.turn, known.turn, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.shift, known.shift, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("rows", "columns"), [(24, 16), (16, 24), (16, 16)])
def test_places_are_in_short_sides_from_the_middle(rows: int, columns: int) -> None:
    x, y = grid_coordinates(rows, columns)
    assert x.mean() == pytest.approx(0, abs=1e-6)
    assert y.mean() == pytest.approx(0, abs=1e-6)
    assert (x[0, 1] - x[0, 0]).item() == pytest.approx(1 / min(rows, columns))
    assert y.max() - y.min() == pytest.approx((rows - 1) / min(rows, columns))


def sharpness(frames: Tensor, cover: np.ndarray) -> float:
    """How much neighbouring pixels of the subject differ; cover: [F, H, W]."""
    inside = (torch.from_numpy(cover)[:, None, :, 1:] > 0.5).expand_as(frames[..., 1:])
    return float(frames.diff(dim=-1).abs()[inside].mean())


@pytest.mark.parametrize("name", ["cow-face", "lock", "minibus", "potted-plant"])
@pytest.mark.parametrize("time", ["day", "night"])
@torch.no_grad()
def test_a_sprite_that_was_never_shown_gets_its_detail_back(refiner: Refiner, name: str, time: str) -> None:
    sprite = held_out_sprites()[name]
    clip = draw(replace(SCENE, time=time), 5, PREVIEW, sprite=sprite)
    frames = pictures(clip.frames)
    given = soft(frames)
    made = refiner(pictures(reference_picture(sprite, 9, (64, 64))[None]), given, given)
    assert sharpness(made, clip.cover) > 1.3 * sharpness(given, clip.cover)
    # It's lit as the clip is.
    where = (torch.from_numpy(clip.cover)[:, None] > 0.5).expand_as(frames)
    assert abs(made[where].mean() - frames[where].mean()) < 0.1


@torch.no_grad()
def test_a_render_gets_more_than_its_preview_has(refiner: Refiner) -> None:
    clip = draw(SCENE, 5, FULL, sprite=held_out_sprites()["lock"])
    frames = soft(pictures(clip.frames), 11)
    small = F.avg_pool2d(frames, 2)
    picture = pictures(reference_picture(held_out_sprites()["lock"], 9, (128, 128))[None])
    made, preview = refiner(picture, frames, small), refiner(F.avg_pool2d(picture, 2), small, small)
    enlarged = F.interpolate(preview, scale_factor=2, mode="bicubic")
    assert sharpness(made, clip.cover) > 1.05 * sharpness(enlarged, clip.cover)
    # Both put it in the same place.
    assert (F.avg_pool2d(made, 2) - preview).abs().mean() < 0.02


@torch.no_grad()
def test_where_nobody_is_found_nothing_changes() -> None:
    model = Refiner()
    frames, picture = torch.rand(5, 3, 96, 64), torch.rand(1, 3, 64, 64)
    assert (model(picture, frames, frames) - frames).abs().max() > 0.01
    model.place.weight[2:] = 0
    model.place.bias[2:] = -9.0
    torch.testing.assert_close(model(picture, frames, frames), frames)


@torch.no_grad()
def test_a_frame_alone_and_any_shape_are_taken(refiner: Refiner) -> None:
    rng = random.Random(1)
    for height, width, count in ((96, 64, 1), (64, 96, 5), (64, 64, 41)):
        frames = torch.full((count, 3, height, width), rng.random())
        assert refiner(torch.rand(1, 3, 64, 64), frames, frames).shape == frames.shape
    assert Refiner()(torch.rand(1, 3, 64, 64), frames, frames).isfinite().all()
    assert 64 % CELL == 0
