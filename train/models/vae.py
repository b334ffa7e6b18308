"""The video autoencoder: LTX-Video's architecture at toy size.

HaCohen et al., "LTX-Video: realtime video latent diffusion" (2024): 4x4 pixel patches, then two blocks that
halve space and time, so 16x in space and 4x in time, 48 latent channels. A 64x96 clip of 17 frames becomes
[48, 5, 6, 4].
"""

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLLTXVideo
from torch import Tensor

from model_server.engine.pixels import HALF_RANGE

# With 32 none was idle (decision 0013; train.measure.reconstruction).
LATENT_CHANNELS = 48
# Pixels of a latent cell's side, and video frames of a latent frame but the first, which is one.
SPATIAL_RATIO = 16
TEMPORAL_RATIO = 4


def build_vae() -> AutoencoderKLLTXVideo:
    """An untrained autoencoder."""
    return AutoencoderKLLTXVideo(
        latent_channels=LATENT_CHANNELS,
        block_out_channels=(32, 64, 128),
        down_block_types=("LTXVideo095DownBlock3D", "LTXVideo095DownBlock3D"),
        decoder_block_out_channels=(64, 128),
        layers_per_block=(2, 2, 2),
        decoder_layers_per_block=(2, 2, 2),
        spatio_temporal_scaling=(True, True),
        decoder_spatio_temporal_scaling=(True, True),
        decoder_inject_noise=(False, False, False),
        downsample_type=("spatiotemporal", "spatiotemporal"),
        upsample_residual=(True, True),
        # Keeping the last stage at 64 channels matters: each of its cells becomes 4x4x3 pixels.
        upsample_factor=(1, 2),
        timestep_conditioning=False,
        patch_size=4,
        patch_size_t=1,
        encoder_causal=True,
        decoder_causal=False,
    )


def as_video(frames: np.ndarray | Tensor) -> Tensor:
    """Drawn frames uint8 [..., F, H, W, 3] -> float32 [..., 3, F, H, W] in -1..1."""
    return torch.as_tensor(frames).movedim(-1, -4).float() / float(HALF_RANGE) - 1


def encode(vae: AutoencoderKLLTXVideo, video: Tensor) -> Tensor:
    """Video [B, 3, F, H, W] in -1..1 -> latents [B, C, (F-1)/4+1, H/16, W/16] of about unit variance."""
    latents = vae.encode(video).latent_dist.mode().float()
    return (latents - _channels(vae.latents_mean)) / _channels(vae.latents_std)


def decode(vae: AutoencoderKLLTXVideo, latents: Tensor) -> Tensor:
    """The inverse of `encode`; the result may leave -1..1 a little."""
    return vae.decode(latents * _channels(vae.latents_std) + _channels(vae.latents_mean)).sample.float()


def enlarge(video: Tensor, size: tuple[int, int]) -> Tensor:
    """Scale [B, 3, F, H, W] up to `size` (width, height), cut off at -1..1."""
    frames = F.interpolate(video.transpose(1, 2).flatten(0, 1), size[::-1], mode="bicubic").clamp(-1, 1)
    return frames.unflatten(0, (len(video), -1)).transpose(1, 2)


def _channels(values: Tensor) -> Tensor:
    return values.float().view(1, -1, 1, 1, 1)


@torch.no_grad()
def psnr(output: Tensor, video: Tensor, weight: Tensor | None = None) -> Tensor:
    """Peak signal-to-noise ratio in dB of -1..1 videos, over the pixels that `weight` counts; a scalar."""
    error = (output.clamp(-1, 1) - video).square().mean(1, keepdim=True) / 4
    mean = error.mean() if weight is None else (error * weight).sum() / weight.sum()
    return -10 * torch.log10(mean)
