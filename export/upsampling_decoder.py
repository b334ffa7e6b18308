"""The upsampling decoder: latents to frames at twice the autoencoder's size, sharper for the same work.

It begins as the autoencoder's own decoder (LTX-Video's, HaCohen et al., 2024), whose kernels at the finest
grid no longer reach over time, and which a small super-resolution network looks over: what it adds lies on
the enlarged frames (Shi et al., "Real-time single image and video super-resolution", 2016). Last, edges are
made steep without overshooting (Osher and Rudin, "Feature-oriented image enhancement using shock filters",
1990); training sees the pictures after that. Frames are pictures of a batch everywhere: what reaches over
time sees its neighbours as channels.
"""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLLTXVideo
from diffusers.models.autoencoders.autoencoder_kl_ltx import LTXVideoCausalConv3d
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

LATENT_CHANNELS = 48
# Channels at the latents' grid, at twice and four times as fine, and at eight times, which has the details.
WIDTHS = (128, 64, 64, 32)
# Residual blocks at each.
BLOCKS = (2, 2, 2, 2)
# Video frames of a latent frame but the first, which is one.
TEMPORAL_RATIO = 4
# The autoencoder's pixels of a latent.
SPATIAL_RATIO = 16
# Pixels of the output for a pixel of the autoencoder's.
ENLARGEMENT = 2
# The autoencoder's pixels of a cell of the finest of its grids.
PATCH = 4
# Rounds of steepening, how many of them go by the same sides, and how small a curvature counts in full.
ROUNDS = 8
SIDES_FOR = 2
CURVATURE = 0.005
FILE = "model.safetensors"


class Convolution(nn.Module):
    """3x3 over frames [B, T, C, h, w] and `span` moments: 1, or 3, the first and the last one repeated."""

    def __init__(self, inner: int, outer: int, span: int = 1) -> None:
        super().__init__()
        self.span = span
        self.kernel = nn.Conv2d(span * inner, outer, 3, padding=1)

    def forward(self, frames: Tensor) -> Tensor:
        moments = frames.shape[1]
        if self.span == 3:
            padded = torch.cat((frames[:, :1], frames, frames[:, -1:]), 1)
            frames = torch.cat([padded[:, first : first + moments] for first in range(3)], 2)
        return torch.unflatten(self.kernel(frames.flatten(0, 1)), 0, (-1, moments))


class Residual(nn.Module):
    """Two convolutions of the normalised frames, and a skip."""

    def __init__(self, width: int, span: int) -> None:
        super().__init__()
        self.first = Convolution(width, width, span)
        self.second = Convolution(width, width, span)

    def forward(self, frames: Tensor) -> Tensor:
        hidden: Tensor = self.first(F.silu(normalised(frames)))
        change: Tensor = self.second(F.silu(normalised(hidden)))
        return frames + change


class Doubling(nn.Module):
    """Twice the rows, columns and moments, of which the first is left out: T -> 2T - 1."""

    def __init__(self, inner: int, outer: int, span: int) -> None:
        super().__init__()
        self.repeats = 8 * outer // inner
        self.kernels = Convolution(inner, 8 * outer, span)

    def forward(self, frames: Tensor) -> Tensor:
        return self.both(frames).flatten(1, 2)[:, 1:]

    def both(self, frames: Tensor) -> Tensor:
        """The two moments that each becomes, [B, T, 2, C, 2h, 2w]."""
        kept = _moments(frames).repeat(1, 1, 1, self.repeats, 1, 1)
        return kept + _moments(self.kernels(frames))


class Detail(nn.Module):
    """Two convolutions and a skip, without norms: pictures [N, C, h, w]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, hidden: Tensor) -> Tensor:
        return F.relu(hidden + self.second(F.relu(self.first(hidden))))


class UpsamplingDecoder(nn.Module):
    """Normalised latents [B, C, T, h, w] -> video [B, 3, 4(T-1)+1, 32h, 32w] in about -1..1."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int = LATENT_CHANNELS) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        coarse, middle, fine, finest = WIDTHS
        self.enter = Convolution(channels, coarse, 3)
        self.coarse = nn.Sequential(*(Residual(coarse, 3) for _ in range(BLOCKS[0])))
        self.to_middle = Doubling(coarse, middle, 3)
        self.middle = nn.Sequential(*(Residual(middle, 3) for _ in range(BLOCKS[1])))
        self.to_fine = Doubling(middle, fine, 1)
        self.fine = nn.Sequential(*(Residual(fine, 1) for _ in range(BLOCKS[2])))
        self.base = nn.Conv2d(fine, 3 * PATCH**2, 3, padding=1)
        self.to_finest = nn.Conv2d(fine, 4 * finest, 1)
        self.finest = nn.Sequential(*(Detail(finest) for _ in range(BLOCKS[3])))
        self.leave = nn.Conv2d(finest, 3 * PATCH**2, 3, padding=1)

    def forward(self, latents: Tensor) -> Tensor:
        """A whole clip."""
        frames = self.fine(self.to_fine(self.followed(latents)))
        drawn = self.pictures(frames.flatten(0, 1))
        return torch.unflatten(drawn, 0, (len(latents), -1)).transpose(1, 2)

    def followed(self, latents: Tensor) -> Tensor:
        """What reaches over time: half as many moments as the video has, [B, 2T - 1, C, 2h, 2w]."""
        shape = (1, -1, 1, 1, 1)
        frames = (latents * self.deviation.view(shape) + self.mean.view(shape)).transpose(1, 2)
        return self.middle(self.to_middle(self.coarse(self.enter(frames))))  # type: ignore[no-any-return]

    def frame(self, followed: Tensor, which: Tensor) -> Tensor:
        """Frame number `which` (int [B, K]) of each clip: pictures [B * K, 3, 32h, 32w]."""
        rows = torch.arange(len(followed), device=followed.device)[:, None]
        chosen = followed[rows, (which + 1) // 2].flatten(0, 1)[:, None]
        both = self.to_fine.both(chosen)[:, 0]
        picked = both[torch.arange(len(both), device=both.device), ((which + 1) % 2).flatten()]
        return self.pictures(self.fine(picked[:, None])[:, 0])

    def pictures(self, hidden: Tensor) -> Tensor:
        """Pictures [N, 3, 32h, 32w] of their channels [N, C, 4h, 4w]."""
        hidden = F.silu(normalised(hidden, 1))
        base = F.pixel_shuffle(self.base(hidden), PATCH)
        details = self.finest(F.relu(F.pixel_shuffle(self.to_finest(hidden), 2)))
        smooth = F.interpolate(base, scale_factor=2.0, mode="bilinear", align_corners=False)
        return steepened(smooth + F.pixel_shuffle(self.leave(details), PATCH))


def steepened(pictures: Tensor) -> Tensor:
    """Pictures [N, 3, H, W] whose edges are steep: each pixel goes to the brightest colour around it where it
    lies on the bright side of an edge, and to the darkest on the other.
    """
    # First, what lies in steps of the finest grid goes: it would become a pattern.
    pictures = _softened(pictures)
    for turn in range(ROUNDS):
        if turn % SIDES_FOR == 0:
            smooth = _around(_around(pictures.mean(1, keepdim=True)))
            side = torch.tanh((smooth - _around(smooth)) / CURVATURE)
        brightest, darkest = F.max_pool2d(pictures, 3, 1, 1), -F.max_pool2d(-pictures, 3, 1, 1)
        pictures = pictures + F.relu(side) * (brightest - pictures) - F.relu(-side) * (pictures - darkest)
    return pictures


def _softened(pictures: Tensor) -> Tensor:
    """Weighed by 1 2 1 in rows and columns, the edge repeated."""
    wide = F.pad(pictures, (1, 1, 1, 1), mode="replicate")
    rows = wide[..., :-2] + 2 * wide[..., 1:-1] + wide[..., 2:]
    return (rows[..., :-2, :] + 2 * rows[..., 1:-1, :] + rows[..., 2:, :]) / 16


def _around(pictures: Tensor) -> Tensor:
    """Means of 3x3, the edge repeated; by sums, since ONNX Runtime takes seven times as long to pool."""
    wide = F.pad(pictures, (1, 1, 1, 1), mode="replicate")
    rows = wide[..., :-2] + wide[..., 1:-1] + wide[..., 2:]
    return (rows[..., :-2, :] + rows[..., 1:-1, :] + rows[..., 2:, :]) / 9


def normalised(frames: Tensor, axis: int = 2) -> Tensor:
    """Divided by the root of their mean square over the channels."""
    return frames * torch.rsqrt(frames.square().mean(axis, keepdim=True) + 1e-8)


def _moments(frames: Tensor) -> Tensor:
    """Channels to space and time: [B, T, 8C, h, w] -> [B, T, 2, C, 2h, 2w]."""
    moments = frames.shape[1]
    finer = torch.unflatten(F.pixel_shuffle(frames.flatten(0, 1), 2), 0, (-1, moments))
    return torch.unflatten(finer, 2, (-1, 2)).transpose(2, 3)


def from_autoencoder(vae: AutoencoderKLLTXVideo) -> UpsamplingDecoder:
    """The network that draws what this autoencoder does, enlarged, where nothing moves."""
    made, decoder = UpsamplingDecoder(vae.config["latent_channels"]), vae.decoder
    # Modules say of their parts only that they are tensors or modules.
    model: Any = made
    model.mean.copy_(vae.latents_mean)
    model.deviation.copy_(vae.latents_std)
    blocks, (middle, fine) = decoder.mid_block.resnets, decoder.up_blocks
    pairs = [(model.enter, decoder.conv_in)]
    pairs += [
        (model.to_middle.kernels, middle.upsamplers[0].conv),
        (model.to_fine.kernels, fine.upsamplers[0].conv),
    ]
    for own, theirs in ((model.coarse, blocks), (model.middle, middle.resnets), (model.fine, fine.resnets)):
        for ours, block in zip(own, theirs, strict=True):
            pairs += [(ours.first, block.conv1), (ours.second, block.conv2)]
    with torch.no_grad():
        for ours, convolution in pairs:
            ours.kernel.weight.copy_(_kernel(convolution, ours.span))
            ours.kernel.bias.copy_(convolution.conv.bias)
        # The autoencoder's patches are column by column.
        weight, bias = _kernel(decoder.conv_out, 1), decoder.conv_out.conv.bias
        for own, value in ((model.base.weight, weight), (model.base.bias, bias)):
            own.copy_(torch.unflatten(value, 0, (3, PATCH, PATCH)).transpose(1, 2).flatten(0, 2))
        nn.init.zeros_(model.leave.weight)
        nn.init.zeros_(model.leave.bias)
    return made


def _kernel(convolution: LTXVideoCausalConv3d, span: int) -> Tensor:
    """Its kernel [outer, inner, 3, 3, 3] with the moments as channels, or as one where nothing moves."""
    weight: Tensor = convolution.conv.weight
    return weight.sum(2) if span == 1 else weight.transpose(1, 2).flatten(1, 2)


def save_upsampling_decoder(model: UpsamplingDecoder, folder: Path) -> None:
    """Write the weights in float16."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.half() for name, value in model.state_dict().items()}, folder / FILE)


def load_upsampling_decoder(folder: Path) -> UpsamplingDecoder:
    """The network of a model's folder, in float32."""
    weights = {name: value.float() for name, value in load_file(folder / FILE).items()}
    model = UpsamplingDecoder(len(weights["mean"]))
    model.load_state_dict(weights)
    return model.eval().requires_grad_(False)
