"""LTX's decoder over frames: 2-D convolutions, whose kernels are twice as fast as those over time."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from export.rewrites.norm import rewrite_norms


class FrameConv(nn.Module):
    """A convolution over time and space as a 2-D one over frames [F, C, H, W], whose kernel is twice as fast.

    Time is padded with copies of the edge frames, so on a single frame all taps in time see that frame and
    add up to one kernel: a third of the work and of the weights.
    """

    def __init__(self, layer: Any, single: bool) -> None:
        super().__init__()
        conv, taps = layer.conv, layer.kernel_size[0]
        self.taps = 1 if single else taps
        self.before = self.taps - 1 if layer.is_causal else (self.taps - 1) // 2
        self.after = self.taps - 1 - self.before
        weight = conv.weight.sum(2) if single else conv.weight.movedim(2, 1).flatten(1, 2)
        self.conv = nn.Conv2d(weight.shape[1], len(weight), layer.kernel_size[1:], padding=conv.padding[1:])
        self.conv.weight = nn.Parameter(weight, requires_grad=False)
        self.conv.bias = conv.bias

    def forward(self, x: Tensor) -> Tensor:
        """[F, C, H, W] -> [F, D, H, W]."""
        # Not len(x), which would make a constant of it in the graph.
        frames = x.shape[0]
        if self.taps > 1:
            padded = torch.cat((*[x[:1]] * self.before, x, *[x[-1:]] * self.after))
            x = torch.cat([padded[tap : tap + frames] for tap in range(self.taps)], dim=1)
        y: Tensor = self.conv(x)
        return y


class FrameUpsampler(nn.Module):
    """LTX's upsampler over frames: channels move into time and space, and the first frames are dropped."""

    def __init__(self, layer: Any, single: bool) -> None:
        super().__init__()
        self.conv = FrameConv(layer.conv, single)
        self.stride = layer.stride
        time, rows, columns = layer.stride
        self.copies = time * rows * columns // layer.upscale_factor if layer.residual else 0

    def forward(self, x: Tensor) -> Tensor:
        """[F, C, H, W] -> [time * F - time + 1, D, rows * H, columns * W]."""
        y = self._spread(self.conv(x))
        return y + self._spread(x).repeat(1, self.copies, 1, 1) if self.copies else y

    def _spread(self, x: Tensor) -> Tensor:
        time = self.stride[0]
        x = torch.unflatten(x, 1, (-1, *self.stride)).permute(0, 2, 1, 5, 3, 6, 4)
        return x.flatten(5, 6).flatten(3, 4).flatten(0, 1)[time - 1 :]


class FrameDecoder(nn.Module):
    """LTX's decoder over frames; `single` makes one for a single latent frame."""

    def __init__(self, decoder: Any, single: bool) -> None:
        super().__init__()
        self.decoder = copy.deepcopy(decoder)
        self.patch = decoder.patch_size
        for name, layer in list(self.decoder.named_modules()):
            kind = _FRAME_LAYERS.get(type(layer).__name__)
            if kind is not None and not name.endswith("upsamplers.0.conv"):
                self.decoder.set_submodule(name, kind(layer, single))
        rewrite_norms(self.decoder)

    def forward(self, latents: Tensor) -> Tensor:
        """Latents [1, C, F, H, W] in the decoder's own scale -> video [1, 3, F', H', W']."""
        x: Tensor = self.decoder.conv_in(latents[0].transpose(0, 1))
        x = self.decoder.mid_block(x)
        for block in self.decoder.up_blocks:
            x = block(x)
        x = self.decoder.norm_out(x.movedim(1, -1)).movedim(-1, 1)
        x = self.decoder.conv_out(self.decoder.conv_act(x))
        x = torch.unflatten(x, 1, (-1, self.patch, self.patch)).permute(1, 0, 4, 3, 5, 2)
        return x.flatten(4, 5).flatten(2, 3)[None]


_FRAME_LAYERS: dict[str, type[FrameConv] | type[FrameUpsampler]] = {
    "LTXVideoCausalConv3d": FrameConv,
    "LTXVideoUpsampler3d": FrameUpsampler,
}
