"""LTX's decoder over frames computes what the library's convolutions over time compute."""

from __future__ import annotations

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl_ltx import LTXVideoCausalConv3d, LTXVideoUpsampler3d

from export.rewrites.frames import FrameConv, FrameDecoder, FrameUpsampler
from tests.export.models import ltx_vae
from tests.export.small import CHANNELS, small_vae


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(1)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("frames", "single"), [(4, False), (1, False), (1, True)])
@pytest.mark.parametrize("kernel", [1, 3])
@torch.no_grad()
def test_a_convolution_over_frames(kernel: int, frames: int, single: bool, causal: bool) -> None:
    theirs = LTXVideoCausalConv3d(6, 8, kernel_size=kernel, is_causal=causal)
    x = torch.randn(1, 6, frames, 5, 4)
    got = FrameConv(theirs, single)(x[0].transpose(0, 1)).transpose(0, 1)[None]
    torch.testing.assert_close(got, theirs(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("residual", "factor"), [(True, 1), (True, 2), (False, 2)])
@torch.no_grad()
def test_upsampling_over_frames(residual: bool, factor: int) -> None:
    theirs = LTXVideoUpsampler3d(
        16, stride=(2, 2, 2), is_causal=False, residual=residual, upscale_factor=factor
    )
    x = torch.randn(1, 16, 3, 4, 2)
    got = FrameUpsampler(theirs, False)(x[0].transpose(0, 1)).transpose(0, 1)[None]
    torch.testing.assert_close(got, theirs(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("frames", "single"), [(5, False), (1, True)])
@torch.no_grad()
def test_a_decoder_over_frames(frames: int, single: bool) -> None:
    decoder = small_vae().decoder
    latents = torch.randn(1, CHANNELS, frames, 6, 4)
    got = FrameDecoder(decoder, single)(latents)
    torch.testing.assert_close(got, decoder(latents), rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_a_decoder_that_narrows_on_the_way() -> None:
    decoder = ltx_vae().decoder
    latents = torch.randn(1, 8, 3, 4, 2)
    torch.testing.assert_close(FrameDecoder(decoder, False)(latents), decoder(latents), rtol=1e-3, atol=1e-4)
