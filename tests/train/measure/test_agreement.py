"""Which video is whose."""

import pytest
import torch

from train.measure.agreement import compare, detail
from train.world.clips import PREVIEW


def clips(count: int) -> torch.Tensor:
    """Clips of large random patches, so that they differ at a distance too."""
    coarse = torch.rand(count, 3, 1, 6, 4) * 2 - 1
    return torch.nn.functional.interpolate(coarse, (5, PREVIEW[1], PREVIEW[0]))


def test_the_same_videos_agree() -> None:
    torch.manual_seed(0)
    picked = clips(12)
    assert compare(picked, picked, 3) == (1.0, pytest.approx(1.0))


def test_other_seeds_do_not() -> None:
    torch.manual_seed(0)
    picked = clips(64)
    nearest, fidelity = compare(picked, clips(64), 4)
    assert nearest < 0.3
    assert fidelity == pytest.approx(0, abs=0.1)


def test_a_part_of_the_seeds_is_held_against_all() -> None:
    torch.manual_seed(0)
    picked = clips(12)
    some = torch.cat((picked[0:2], picked[4:6], picked[8:10]))
    assert compare(picked, some + 0.05 * torch.randn_like(some), 3)[0] == 1.0
    swapped = torch.cat((picked[1:2], picked[0:1], picked[4:6], picked[8:10]))
    assert compare(picked, swapped, 3)[0] == pytest.approx(4 / 6)


def test_sharper_pictures_have_more_detail() -> None:
    torch.manual_seed(0)
    sharp = torch.rand(2, 3, 5, PREVIEW[1], PREVIEW[0])
    soft = torch.nn.functional.avg_pool3d(sharp, (1, 9, 9), 1, (0, 4, 4))
    assert detail(sharp) > detail(soft) > 0
