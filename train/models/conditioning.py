"""Conditioning beyond the prompt: first frames, a last frame, a reference picture.

As in LTX-Video (HaCohen et al., 2024), a condition is a set of clean tokens (noise level 0 token by token)
among the noisy ones. First frames are pinned: they take the place of the clip's own latent frames. A last
frame and a reference picture are additional tokens, distinguished by their coordinates: the last frame at its
own time, the reference picture at REFERENCE_SECOND, before the clip. An absent condition is tokens of zeros
at noise level 1.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor

from train.models.vae import SPATIAL_RATIO, TEMPORAL_RATIO
from train.world.clips import FPS

REFERENCE_SECOND = -1.0
# Width and height of a reference picture in pixels, whatever the clip's size is.
REFERENCE = (64, 64)
REFERENCE_GRID = (1, REFERENCE[1] // SPATIAL_RATIO, REFERENCE[0] // SPATIAL_RATIO)
# Pinned first frames, in latent frames: one is 1 frame of video, two are 5.
MAX_PINNED_FRAMES = 2
# Of the clips whose subject only a reference picture shows: the share that must not get first frames too.
REFERENCE_ONLY_SHARE = 0.5


def coordinates(shape: tuple[int, ...], second: float | None = None) -> Tensor:
    """Seconds and pixels (y, x) of every token: float32 [1, 3, F*H*W], as LTXConditionPipeline has them.

    shape: latent frames, rows, columns; second: the time of a single frame, instead of its own.
    """
    grid = torch.stack(
        torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in shape), indexing="ij")
    ).flatten(1)
    frame = (grid[0] * TEMPORAL_RATIO + 1 - TEMPORAL_RATIO).clamp(min=0) / FPS
    if second is not None:
        frame = torch.full_like(frame, second)
    return torch.stack((frame, grid[1] * SPATIAL_RATIO, grid[2] * SPATIAL_RATIO))[None]


@dataclass
class TokenConditioning:
    """The conditions of a batch of B clips.

    tokens: float32 [B, E, C], the additional tokens, those of the reference picture first; present: float32
    [B, E], 1 for tokens of a condition that is given; coordinates: float32 [1, 3, E]; pinned: float32
    [B, 1, F, 1, 1], 1 for latent frames that are given; clean: float32 [B, C, F, h, w], their latents.
    """

    tokens: Tensor
    present: Tensor
    coordinates: Tensor
    pinned: Tensor
    clean: Tensor

    def pin(self, latents: Tensor) -> Tensor:
        """The latents [B, C, F, h, w] with the given frames in their places."""
        return torch.where(self.pinned > 0, self.clean, latents)

    def noise_levels(self, sigma: Tensor) -> Tensor:
        """Noise levels of all tokens [B, E + F*h*w] when the video is at sigma [B, 1]."""
        shape = self.clean.shape[2:]
        frames = sigma[:, :, None, None, None] * (1 - self.pinned)
        return torch.cat((1 - self.present, frames.expand(-1, 1, *shape).flatten(1)), dim=1)

    def for_guidance(self, passes: int) -> "TokenConditioning":
        """The conditions of a batch that is stacked `passes` times.

        Only the last pass has the reference picture, so that guidance leads towards it.
        """
        without = torch.ones(self.tokens.shape[1], device=self.tokens.device)
        without[: prod(REFERENCE_GRID)] = 0
        others = passes - 1
        tokens = torch.cat((*[self.tokens * without[:, None]] * others, self.tokens))
        present = torch.cat((*[self.present * without] * others, self.present))
        pinned, clean = (torch.cat([part] * passes) for part in (self.pinned, self.clean))
        return TokenConditioning(tokens, present, self.coordinates, pinned, clean)

    def select(self, rows: slice) -> "TokenConditioning":
        """The conditions of a part of the batch."""
        return TokenConditioning(
            self.tokens[rows], self.present[rows], self.coordinates, self.pinned[rows], self.clean[rows]
        )


def build_conditioning(
    video: Tensor,
    pinned_frames: Tensor,
    reference: Tensor,
    has_reference: Tensor,
    end: Tensor,
    has_end: Tensor,
) -> TokenConditioning:
    """Conditions of a batch.

    video: [B, C, F, h, w], clean where pinned; pinned_frames: int [B], how many latent frames are given;
    reference: [B, C, 1, 4, 4]; end: [B, C, 1, h, w]; has_reference, has_end: bool [B].
    """
    device = video.device
    parts = ((reference, has_reference.to(device)), (end, has_end.to(device)))
    pinned = (torch.arange(video.shape[2]) < pinned_frames[:, None]).to(device)
    tokens, present = [], []
    for latents, given in parts:
        flat = latents.flatten(2).transpose(1, 2) * given[:, None, None]
        tokens.append(flat)
        present.append(given[:, None].float().expand(-1, flat.shape[1]))
    places = (
        coordinates(tuple(reference.shape[2:]), REFERENCE_SECOND),
        coordinates(tuple(end.shape[2:]), (video.shape[2] - 1) * TEMPORAL_RATIO / FPS),
    )
    return TokenConditioning(
        torch.cat(tokens, dim=1),
        torch.cat(present, dim=1),
        torch.cat(places, dim=2).to(device),
        pinned[:, None, :, None, None].float(),
        video,
    )


def reference_conditioning(start: Tensor, references: Tensor) -> TokenConditioning:
    """Conditioning on reference pictures alone: latents [B, C, 1, 4, 4], for clips shaped as `start`."""
    yes = torch.ones(len(start), dtype=torch.bool)
    pinned, end = torch.zeros(len(start), dtype=torch.long), torch.zeros_like(start[:, :, :1])
    return build_conditioning(start, pinned, references, yes, end, ~yes)


def choose_conditions(referred: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Which conditions a training batch has: (pinned frames int [B], reference bool [B], end bool [B]).

    referred: bool [B], whether only a reference picture shows what the subject looks like.
    """
    count = len(referred)
    pinned = rng.choice(MAX_PINNED_FRAMES + 1, count, p=(0.6, 0.2, 0.2))
    pinned[referred & (rng.random(count) < REFERENCE_ONLY_SHARE)] = 0
    reference = rng.random(count) < np.where(referred, 0.9, 0.4)
    end = rng.random(count) < 0.2
    return torch.from_numpy(pinned), torch.from_numpy(reference), torch.from_numpy(end)
