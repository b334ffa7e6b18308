"""Sampling with an exported bundle by the server's engine: what the measurements use."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from export.verify import recipe
from model_server.engine.bundle import find_bucket
from model_server.engine.conditions import NOTHING, Shown
from model_server.engine.preview import PreviewEngine, PreviewJob
from train.measure.sampler import PORTRAIT, Shape
from train.models import vae as autoencoder


def bundle_clips(
    engine: PreviewEngine, prompts: Sequence[str], seeds: Sequence[int], given: Sequence[Shown]
) -> Tensor:
    """Portraits [B, 3, F, H, W] in -1..1 as a server shows them, with what a bundle's refiner does."""
    jobs = _drawn(engine, prompts, seeds, given, PORTRAIT)
    clips = [engine.refined(engine.decode(job), shown) for job, shown in zip(jobs, given, strict=True)]
    return autoencoder.as_video(np.stack(clips))


def bundle_previews(
    engine: PreviewEngine,
    prompts: Sequence[str],
    seeds: Sequence[int],
    given: Sequence[Shown] | None = None,
    shape: Shape = PORTRAIT,
) -> Tensor:
    """Latents [B, C, F, h, w] of previews as an exported bundle draws them."""
    jobs = _drawn(engine, prompts, seeds, given or [NOTHING] * len(seeds), shape)
    return torch.cat([torch.from_numpy(job.current.copy()) for job in jobs])


def _drawn(
    engine: PreviewEngine, prompts: Sequence[str], seeds: Sequence[int], given: Sequence[Shown], shape: Shape
) -> Iterator[PreviewJob]:
    """One finished job after the other."""
    bucket = find_bucket(engine.manifest, *shape)
    for prompt, seed, shown in zip(prompts, seeds, given, strict=True):
        job = engine.begin(recipe(engine.manifest, bucket, prompt, seed), shown=shown)
        for _ in range(job.steps):
            engine.step(job)
        yield job
