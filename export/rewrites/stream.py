"""Wan's decoder one latent frame at a time: what a frame leaves for the next one goes out and comes in again.

The library decodes the same way, with a list of what every convolution over time has seen last. Here that
list is inputs and outputs of two graphs: one for the first latent frame, one for all later ones. Neither
depends on how many frames a clip has.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.rewrites.norm import rewrite_norms

# Convolutions over time have three taps: this frame and the two before it.
KEPT_FRAMES = 2


class CausalConv(nn.Module):
    """Wan's convolution over time and space as a 2-D one over frames, its taps in time side by side."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.taps = layer.kernel_size[0]
        padding = (layer._padding[2], layer._padding[0])
        weight = layer.weight.movedim(2, 1).flatten(1, 2)
        self.conv = nn.Conv2d(weight.shape[1], len(weight), layer.kernel_size[1:], padding=padding)
        self.conv.weight = nn.Parameter(weight, requires_grad=False)
        self.conv.bias = layer.bias

    def forward(self, x: Tensor, cache_x: Tensor | None = None) -> Tensor:
        """[1, C, T, H, W] with up to two earlier frames [1, C, t, H, W] -> [1, D, T, H, W]."""
        frames = x.shape[2]
        if self.taps > 1:
            if cache_x is not None:
                x = torch.cat((cache_x, x), dim=2)
            x = F.pad(x, (0, 0, 0, 0, frames + self.taps - 1 - x.shape[2], 0))
            x = torch.cat([x[:, :, tap : tap + frames] for tap in range(self.taps)], dim=1)
        y: Tensor = self.conv(x.squeeze(0).transpose(0, 1))
        return y.transpose(0, 1).unsqueeze(0)


class Doubled(nn.Module):
    """Each pixel four times: enlarging to the nearest one at twice the size, without a table of places."""

    def forward(self, x: Tensor) -> Tensor:
        """[T, C, H, W] -> [T, C, 2 H, 2 W]."""
        x = x.unsqueeze(3).unsqueeze(5).expand(-1, -1, -1, 2, -1, 2)
        return x.flatten(4, 5).flatten(2, 3)


def lean_decoder(vae: Any) -> nn.ModuleDict:
    """A rewritten copy of what a Wan autoencoder decodes with: `post_quant_conv` and `decoder`."""
    lean = nn.ModuleDict(
        {"before": copy.deepcopy(vae.post_quant_conv), "decoder": copy.deepcopy(vae.decoder)}
    )
    layer: Any
    for name, layer in list(lean.named_modules()):
        if type(layer).__name__ == "WanCausalConv3d":
            if any(step != 1 for step in layer.stride):
                raise ValueError(f"{name} has a stride of {tuple(layer.stride)}")
            lean.set_submodule(name, CausalConv(layer))
        elif type(layer).__name__ == "WanUpsample" and layer.scale_factor == (2.0, 2.0):
            lean.set_submodule(name, Doubled())
    rewrite_norms(lean)
    return lean


class FirstFrame(nn.Module):
    """The first latent frame [1, C, 1, h, w] -> one video frame [1, 3, 1, H, W], and what it leaves.

    `cache` says which places of the list it fills; the others are those of upsamplers over time, which the
    first frame passes by: they start as zeros.
    """

    def __init__(self, lean: nn.ModuleDict) -> None:
        super().__init__()
        self.lean = lean
        self.cache: list[int] = []

    def forward(self, latents: Tensor) -> tuple[Tensor, ...]:
        """Video and the filled places, in order."""
        seen: list[Tensor | str | None] = [None] * count(self.lean)
        video = self.lean["decoder"](self.lean["before"](latents), feat_cache=seen, feat_idx=[0])
        self.cache = [place for place, kept in enumerate(seen) if isinstance(kept, Tensor)]
        left = (kept for kept in seen if isinstance(kept, Tensor))
        return video, *(F.pad(kept, (0, 0, 0, 0, KEPT_FRAMES - kept.shape[2], 0)) for kept in left)


class NextFrame(nn.Module):
    """A later latent frame and what the one before left -> its video frames, and what it leaves."""

    def __init__(self, lean: nn.ModuleDict) -> None:
        super().__init__()
        self.lean = lean

    def forward(self, latents: Tensor, *cache: Tensor) -> tuple[Tensor, ...]:
        """Video [1, 3, T, H, W] and the whole list; each entry is [1, C, 2, H, W]."""
        seen: list[Tensor | None] = list(cache)
        video = self.lean["decoder"](self.lean["before"](latents), feat_cache=seen, feat_idx=[0])
        return video, *(kept for kept in seen if kept is not None)


def count(lean: nn.ModuleDict) -> int:
    """At most how many places the list has."""
    return sum(isinstance(layer, CausalConv) for layer in lean["decoder"].modules())


@torch.no_grad()
def cache_shapes(lean: nn.ModuleDict, latents: Tensor) -> list[tuple[int, ...]]:
    """Shape of each place of the list, found by decoding three frames of `latents` [1, C, 1, h, w]."""
    seen: list[Tensor | str | None] = [None] * count(lean)
    for _ in range(3):
        lean["decoder"](lean["before"](latents), feat_cache=seen, feat_idx=[0])
    return [tuple(kept.shape) for kept in seen if isinstance(kept, Tensor)]


class WholeResample(nn.Module):
    """Wan's resampling of a whole clip at once, as the library does it frame by frame: for the encoder.

    The first frame of a clip isn't mixed with others; the ones after it are, in twos.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """[1, C, T, H, W] -> [1, C, T', H / 2, W / 2]."""
        frames = x.shape[2]
        x = self.layer.resample(x.squeeze(0).transpose(0, 1)).transpose(0, 1).unsqueeze(0)
        if self.layer.mode == "downsample3d" and frames > 1:
            x = torch.cat((x[:, :, :1], self.layer.time_conv(x)), dim=2)
        return x


def lean_encoder(vae: Any) -> nn.Module:
    """A rewritten copy of a Wan encoder that takes a whole clip, and `quant_conv` behind it."""
    lean = nn.Sequential(copy.deepcopy(vae.encoder), copy.deepcopy(vae.quant_conv))
    for name, layer in list(lean.named_modules()):
        if type(layer).__name__ == "WanResample":
            lean.set_submodule(name, WholeResample(layer))
    rewrite_norms(lean)
    return lean
