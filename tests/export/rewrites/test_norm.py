"""Norms written out compute what the libraries' own compute."""

from __future__ import annotations

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import WanRMS_norm
from diffusers.models.normalization import RMSNorm

from export.rewrites.norm import ChannelRootMeanSquare, RootMeanSquare, rewrite_norms


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(1)


@torch.no_grad()
def test_root_mean_square() -> None:
    theirs = torch.nn.RMSNorm(48, eps=1e-5)
    torch.nn.init.normal_(theirs.weight)
    x = torch.randn(2, 5, 48) * 3
    torch.testing.assert_close(RootMeanSquare(theirs.weight, 1e-5)(x), theirs(x))


@pytest.mark.parametrize("images", [True, False])
@torch.no_grad()
def test_channels_of_unit_length(images: bool) -> None:
    theirs = WanRMS_norm(6, images=images)
    torch.nn.init.normal_(theirs.gamma)
    x = torch.randn((2, 6, 4, 5) if images else (1, 6, 3, 4, 5)) * 7
    x[:, :, 0, 0] = 0.0
    torch.testing.assert_close(ChannelRootMeanSquare(theirs)(x), theirs(x), rtol=1e-5, atol=1e-6)
    assert ChannelRootMeanSquare(theirs)(x)[:, :, 0, 0].abs().max() == 0


@torch.no_grad()
def test_every_norm_of_a_model_is_replaced() -> None:
    model = torch.nn.Sequential(
        RMSNorm(8, eps=1e-6, elementwise_affine=False), torch.nn.RMSNorm(8), torch.nn.Linear(8, 8)
    )
    x = torch.randn(3, 8)
    expected = model(x)
    rewrite_norms(model)
    assert [type(layer).__name__ for layer in model] == ["RootMeanSquare", "RootMeanSquare", "Linear"]
    torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-6)
