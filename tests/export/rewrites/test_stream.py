"""A Wan clip decoded frame by frame, and encoded at once, is what the library makes of it."""

from __future__ import annotations

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d

from export.rewrites.stream import (
    CausalConv,
    Doubled,
    FirstFrame,
    NextFrame,
    cache_shapes,
    lean_decoder,
    lean_encoder,
)
from tests.export.models import wan_vae


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(1)


@pytest.mark.parametrize(("kernel", "padding"), [(3, 1), (1, 0), ((3, 1, 1), (1, 0, 0))])
@pytest.mark.parametrize("seen", [0, 1, 2])
@torch.no_grad()
def test_a_convolution_over_time(kernel: object, padding: object, seen: int) -> None:
    theirs = WanCausalConv3d(6, 8, kernel, padding=padding)
    x, cache = torch.randn(1, 6, 3, 5, 4), torch.randn(1, 6, seen, 5, 4) if seen else None
    torch.testing.assert_close(CausalConv(theirs)(x, cache), theirs(x, cache), rtol=1e-4, atol=1e-5)


def test_doubling_is_enlarging_to_the_nearest() -> None:
    x = torch.randn(2, 3, 4, 5)
    theirs = torch.nn.Upsample(scale_factor=(2.0, 2.0), mode="nearest-exact")
    assert torch.equal(Doubled()(x), theirs(x))


@pytest.mark.parametrize("frames", [1, 2, 4])
@torch.no_grad()
def test_frame_by_frame(frames: int) -> None:
    vae = wan_vae(dim_mult=[1, 2, 4, 4], temperal_downsample=[False, True, True], scale_factor_spatial=8)
    latents = torch.randn(1, 4, frames, 4, 2)
    lean = lean_decoder(vae)
    first, following = FirstFrame(lean), NextFrame(lean)
    video, *left = first(latents[:, :, :1])
    seen = [torch.zeros(size) for size in cache_shapes(lean, latents[:, :, :1])]
    for place, value in zip(first.cache, left, strict=True):
        assert value.shape == seen[place].shape
        seen[place] = value
    clips = [video]
    for number in range(1, frames):
        video, *seen = following(latents[:, :, number : number + 1], *seen)
        clips.append(video)
    expected = vae.decode(latents, return_dict=False)[0]
    torch.testing.assert_close(torch.cat(clips, 2).clamp(-1, 1), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("frames", [1, 5, 13])
@torch.no_grad()
def test_encoding_at_once(frames: int) -> None:
    vae = wan_vae()
    video = torch.rand(1, 3, frames, 16, 24) * 2 - 1
    expected = vae.encode(video, return_dict=False)[0].parameters
    torch.testing.assert_close(lean_encoder(vae)(video), expected, rtol=1e-3, atol=1e-4)
