"""Numbers about many clips at once."""

import pytest
import torch

from train.measure.clip_statistics import diversity, flicker, frechet


def test_one_video_for_all_seeds_is_no_diversity() -> None:
    torch.manual_seed(0)
    prompts = torch.randn(5, 8)
    assert diversity(prompts.repeat_interleave(4, 0)) == pytest.approx(0, abs=1e-5)
    apart = prompts.repeat_interleave(4, 0) + torch.randn(20, 8)
    assert diversity(apart) > 1


def test_diversity_is_the_mean_distance_of_pairs() -> None:
    features = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    assert diversity(features) == pytest.approx((3 * 1 + 2 * 2 + 1 * 3) / 6)


def test_steady_change_is_no_flicker() -> None:
    ramp = torch.linspace(-1, 1, 9).view(1, 1, 9, 1, 1).expand(1, 3, 9, 4, 4)
    assert flicker(ramp) == pytest.approx(0, abs=1e-6)
    blink = torch.tensor([0.0, 1.0] * 4).view(1, 1, 8, 1, 1)
    assert flicker(blink) == pytest.approx(2)


def test_frechet_of_normal_clouds_is_known() -> None:
    torch.manual_seed(0)
    one, other = torch.randn(20_000, 3), torch.randn(20_000, 3)
    assert frechet(one, other) == pytest.approx(0, abs=0.01)
    # A shift of 2 in one axis, and twice the deviation in all: 4 + 3 * (2 - 1)^2.
    moved = 2 * other + torch.tensor([2.0, 0.0, 0.0])
    assert frechet(one, moved) == pytest.approx(7, rel=0.03)
