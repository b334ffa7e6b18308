"""PictureDetail is told from ringing and from grain."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from bench.crispness import GRAIN, MOST, row, shares
from bench.picture_detail import PictureDetail, detail, gradient_energy
from model_server.engine.pixels import Frames


def world() -> Image.Image:
    """Discs, leaves and a sky that slopes: sharp, smooth, and without grain."""
    image = Image.new("RGB", (256, 384))
    pen = ImageDraw.Draw(image)
    for y in range(384):
        pen.line(((0, y), (256, y)), (60 + y // 4, 120 + y // 5, 220))
    rng = np.random.default_rng(1)
    for x, y, r in rng.integers((0, 160, 3), (256, 384, 24), (60, 3)).tolist():
        pen.ellipse((x - r, y - r, x + r, y + r), tuple(rng.integers(0, 255, 3).tolist()))
    return image


def frames(image: Image.Image) -> Frames:
    return np.asarray(image)[None]


def of_world(image: Image.Image) -> PictureDetail:
    return shares([frames(image)], [frames(world())], [frames(world())])


def test_the_world_has_all_of_its_own_detail() -> None:
    assert of_world(world()) == pytest.approx(PictureDetail(1.0, 1.0, 0.0, 1.0))


def test_blur_loses_detail_and_is_no_noise() -> None:
    soft = of_world(world().filter(ImageFilter.GaussianBlur(1.5)))
    assert soft.gradient < 0.5
    assert soft.finest < 0.2
    assert soft.grain < GRAIN
    assert soft.rings < MOST
    assert "noise" not in row("previews", soft)


def test_grain_is_not_taken_for_detail() -> None:
    noisy = np.asarray(world().filter(ImageFilter.GaussianBlur(1.5))).astype(np.float32)
    noisy += np.random.default_rng(2).normal(0, 5, noisy.shape)
    found = of_world(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)))
    assert found.grain > GRAIN
    assert "noise" in row("previews", found)


def test_what_is_sharpened_until_it_rings_is_found() -> None:
    ringing = world().filter(ImageFilter.UnsharpMask(radius=3, percent=300, threshold=0))
    assert detail(frames(ringing)).rings > MOST * detail(frames(world())).rings


def test_a_smaller_picture_is_measured_as_it_is_shown() -> None:
    small = world().resize((128, 192), Image.Resampling.BOX)
    shown = gradient_energy(frames(small), (256, 384))
    assert 0.2 < shown / gradient_energy(frames(world())) < 0.7
    halved = shares([frames(small)], [frames(small)], [frames(world())])
    assert halved.finest == pytest.approx(1)
    assert halved.gradient < 0.7
