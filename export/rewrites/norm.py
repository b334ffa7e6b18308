"""RMSNorm written with a square root and a division: the form that optimisers recognise and fuse."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class RootMeanSquare(nn.Module):
    """RMSNorm over the last axis; a `weight` of None scales nothing."""

    def __init__(self, weight: Tensor | None, eps: float) -> None:
        super().__init__()
        self.weight = None if weight is None else nn.Parameter(weight, requires_grad=False)
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """[..., C] -> [..., C]."""
        x = x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)
        return x if self.weight is None else x * self.weight


class ChannelRootMeanSquare(nn.Module):
    """Wan's norm of a picture's or video's channels (axis 1): unit length, times the root of their number."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.gamma = nn.Parameter(layer.gamma.detach().clone(), requires_grad=False)
        self.channels = layer.gamma.numel()
        self.bias: Tensor | float = layer.bias

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, ...] -> [B, C, ...]."""
        # The library divides by max(length, 1e-12): the same for anything but zero, which stays zero.
        length = torch.sqrt(x.pow(2).mean(1, keepdim=True) + 1e-24 / self.channels)
        return x / length * self.gamma + self.bias


def rewrite_norms(module: nn.Module) -> None:
    """Put these in the place of a transformer's and an autoencoder's RMSNorms."""
    for name, layer in list(module.named_modules()):
        kind = type(layer).__name__
        if kind == "WanRMS_norm" and layer.channel_first:
            module.set_submodule(name, ChannelRootMeanSquare(layer))
        elif kind == "RMSNorm":
            eps = torch.finfo(torch.float32).eps if layer.eps is None else layer.eps
            weight = None if layer.weight is None else layer.weight.detach().clone()
            if getattr(layer, "bias", None) is None:
                module.set_submodule(name, RootMeanSquare(weight, eps))
