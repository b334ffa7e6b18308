"""Upsampled noise is noise, and the same noise seen from afar."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from model_server.engine.flow import initial_noise
from model_server.engine.render_start import resize_frames, upsample_noise


def test_block_means_of_upsampled_noise_are_the_coarse_noise() -> None:
    coarse = torch.from_numpy(initial_noise(1, (1, 8, 5, 12, 8)))
    fine = torch.from_numpy(initial_noise(2, (1, 8, 5, 24, 16)))
    found = upsample_noise(coarse, fine)
    torch.testing.assert_close(F.avg_pool3d(found, (1, 2, 2)) * 2, coarse, atol=1e-5, rtol=0)
    # N(0, 1) within four standard errors of 15,360 numbers.
    assert abs(found.mean()) < 0.04
    assert abs(found.var() - 1) < 0.05
    assert (found != fine).all()


def test_resized_frames_stay_in_range() -> None:
    stripes = torch.ones(2, 3, 8, 8)
    stripes[..., ::2] = -1
    video = resize_frames(stripes, 16, 24)
    assert tuple(video.shape) == (1, 3, 2, 24, 16)
    assert video.abs().max() <= 1
