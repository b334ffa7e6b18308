"""What a clip is told beyond its words: first frames, a last frame, a reference picture.

As in LTX-Video, a condition is a set of clean tokens (noise level 0 token by token) among the noisy ones.
First frames take the place of the clip's own; a last frame and a reference picture are further tokens, told
apart by their places: the last frame at its own time, the reference picture at REFERENCE_SECOND, before the
clip. A condition that isn't given is tokens of zeros at noise level 1, which tell nothing.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor

from train.models.vae import SPACE, TIME
from train.world.world import FPS

REFERENCE_SECOND = -1.0
# A reference picture is a square of this size whatever the clip's size is.
REFERENCE = (64, 64)
REFERENCE_GRID = (1, REFERENCE[1] // SPACE, REFERENCE[0] // SPACE)
# First frames in latent frames: one is 1 frame, two are 5.
MOST_GIVEN = 2
# Of the clips of someone: no first frame shows the subject too, so that the picture must tell it all.
ALONE = 0.5


def coordinates(shape: tuple[int, ...], second: float | None = None) -> Tensor:
    """Seconds and pixels (y, x) of every token: float32 [1, 3, F*H*W], as LTXConditionPipeline has them.

    second: where a single frame stands instead.
    """
    grid = torch.stack(
        torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in shape), indexing="ij")
    ).flatten(1)
    frame = (grid[0] * TIME + 1 - TIME).clamp(min=0) / FPS
    if second is not None:
        frame = torch.full_like(frame, second)
    return torch.stack((frame, grid[1] * SPACE, grid[2] * SPACE))[None]


@dataclass
class Conditions:
    """extra: float32 [B, E, C], the further tokens, those of the reference picture first; present: float32
    [B, E], 1 where they tell something; places: float32 [1, 3, E]; given: float32 [B, 1, F, 1, 1], 1 for
    latent frames that are shown; clean: float32 [B, C, F, h, w], the latents that they are shown as.
    """

    extra: Tensor
    present: Tensor
    places: Tensor
    given: Tensor
    clean: Tensor

    def hold(self, latents: Tensor) -> Tensor:
        """The latents with the given frames in their places."""
        return torch.where(self.given > 0, self.clean, latents)

    def levels(self, sigma: Tensor) -> Tensor:
        """Noise levels of all tokens [B, E + F*h*w] when the video is at sigma [B, 1]."""
        shape = self.clean.shape[2:]
        frames = sigma[:, :, None, None, None] * (1 - self.given)
        return torch.cat((1 - self.present, frames.expand(-1, 1, *shape).flatten(1)), dim=1)

    def guided(self, passes: int) -> "Conditions":
        """Those of a batch that is computed `passes` times, the last time as it is.

        Before that there's no reference picture: so guidance leads towards it.
        """
        kept = torch.ones(self.extra.shape[1], device=self.extra.device)
        kept[: prod(REFERENCE_GRID)] = 0
        before = passes - 1
        extra = torch.cat((*[self.extra * kept[:, None]] * before, self.extra))
        present = torch.cat((*[self.present * kept] * before, self.present))
        given, clean = (torch.cat([part] * passes) for part in (self.given, self.clean))
        return Conditions(extra, present, self.places, given, clean)

    def rows(self, rows: slice) -> "Conditions":
        """Those of a part of the batch."""
        return Conditions(
            self.extra[rows], self.present[rows], self.places, self.given[rows], self.clean[rows]
        )


def conditions(
    video: Tensor,
    given: Tensor,
    reference: Tensor,
    has_reference: Tensor,
    end: Tensor,
    has_end: Tensor,
) -> Conditions:
    """Conditions of a batch.

    video: [B, C, F, h, w], clean where given; given: int [B], how many latent frames are shown; reference:
    [B, C, 1, 4, 4]; end: [B, C, 1, h, w]; has_reference, has_end: bool [B].
    """
    device = video.device
    parts = ((reference, has_reference.to(device)), (end, has_end.to(device)))
    frames = (torch.arange(video.shape[2]) < given[:, None]).to(device)
    tokens, present = [], []
    for latents, there in parts:
        flat = latents.flatten(2).transpose(1, 2) * there[:, None, None]
        tokens.append(flat)
        present.append(there[:, None].float().expand(-1, flat.shape[1]))
    places = (
        coordinates(tuple(reference.shape[2:]), REFERENCE_SECOND),
        coordinates(tuple(end.shape[2:]), (video.shape[2] - 1) * TIME / FPS),
    )
    return Conditions(
        torch.cat(tokens, dim=1),
        torch.cat(present, dim=1),
        torch.cat(places, dim=2).to(device),
        frames[:, None, :, None, None].float(),
        video,
    )


def referring(start: Tensor, references: Tensor) -> Conditions:
    """Conditions of clips whose subjects are shown by reference pictures' latents [B, C, 1, 4, 4]."""
    yes = torch.ones(len(start), dtype=torch.bool)
    given, end = torch.zeros(len(start), dtype=torch.long), torch.zeros_like(start[:, :, :1])
    return conditions(start, given, references, yes, end, ~yes)


def chosen(someone: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Which conditions a batch of training clips has: (given int [B], reference bool [B], end bool [B]).

    someone: bool [B], whether only a picture can tell what the subject looks like.
    """
    count = len(someone)
    given = rng.choice(MOST_GIVEN + 1, count, p=(0.6, 0.2, 0.2))
    given[someone & (rng.random(count) < ALONE)] = 0
    reference = rng.random(count) < np.where(someone, 0.9, 0.4)
    end = rng.random(count) < 0.2
    return torch.from_numpy(given), torch.from_numpy(reference), torch.from_numpy(end)
