"""Numbers about many clips at once: do seeds differ, do frames flicker, does the whole look like the world?

Videos are [B, 3, F, H, W] in -1..1.
"""

import numpy as np
import torch
from torch import Tensor

# Clips of one prompt that are compared with one another.
SEEDS = 4


def diversity(features: Tensor, seeds: int = SEEDS) -> float:
    """Mean distance between clips of one prompt; features [P * seeds, D], those of one prompt together."""
    grouped = features.unflatten(0, (-1, seeds))
    return float((torch.cdist(grouped, grouped).sum((1, 2)) / (seeds * (seeds - 1))).mean())


def flicker(video: Tensor) -> float:
    """Mean size of what a pixel does in one frame and takes back in the next; steady change is 0."""
    return float((video[:, :, 2:] - 2 * video[:, :, 1:-1] + video[:, :, :-2]).abs().mean())


def frechet(one: Tensor, other: Tensor) -> float:
    """The Frechet distance between two clouds of features [N, D], each taken as a normal distribution.

    After Heusel et al., "GANs trained by a two time-scale update rule" (2017). It depends on N, so it's only
    to be compared with one between drawn clips of the same number.
    """
    means = [part.double().mean(0).numpy() for part in (one, other)]
    spreads = [np.cov(part.double().numpy(), rowvar=False) for part in (one, other)]
    values = np.linalg.eigvals(spreads[0] @ spreads[1])
    # The product of two covariances has no negative eigenvalue but by rounding.
    shared = np.sqrt(np.clip(values.real, 0, None)).sum()
    distance = np.square(means[0] - means[1]).sum() + np.trace(spreads[0]) + np.trace(spreads[1])
    return float(distance - 2 * shared)
