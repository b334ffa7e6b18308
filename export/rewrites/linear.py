"""Linear layers made of others' weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """A layer with these weights."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight = nn.Parameter(weight, requires_grad=False)
    if bias is not None:
        layer.bias = nn.Parameter(bias, requires_grad=False)
    return layer


def rows(layer: nn.Linear, order: Tensor) -> nn.Linear:
    """The layer with its outputs in another order."""
    return linear(layer.weight[order], None if layer.bias is None else layer.bias[order])


def stacked(layers: list[nn.Linear]) -> nn.Linear:
    """One layer that computes several of the same input."""
    biases: list[Tensor] = [layer.bias for layer in layers]
    bias = None if any(part is None for part in biases) else torch.cat(biases)
    return linear(torch.cat([layer.weight for layer in layers]), bias)
