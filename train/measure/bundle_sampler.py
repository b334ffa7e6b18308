"""Sampling with an exported bundle by the server's engine: what the measurements use."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from export.verify import recipe
from model_server.engine.bundle import find_bucket
from model_server.engine.condition_inputs import NO_INPUTS, ConditioningInputs
from model_server.engine.preview import PreviewEngine
from model_server.engine.preview_state import PreviewState
from train.measure.sampler import PORTRAIT, Shape
from train.models import vae as autoencoder


def bundle_clips(
    engine: PreviewEngine, prompts: Sequence[str], seeds: Sequence[int], given: Sequence[ConditioningInputs]
) -> Tensor:
    """Portraits [B, 3, F, H, W] in -1..1 as a server shows them, with what a bundle's refiner does."""
    states = _drawn(engine, prompts, seeds, given, PORTRAIT)
    clips = [
        engine.refine_frames(engine.decode(state), inputs)
        for state, inputs in zip(states, given, strict=True)
    ]
    return autoencoder.as_video(np.stack(clips))


def bundle_previews(
    engine: PreviewEngine,
    prompts: Sequence[str],
    seeds: Sequence[int],
    given: Sequence[ConditioningInputs] | None = None,
    shape: Shape = PORTRAIT,
) -> Tensor:
    """Latents [B, C, F, h, w] of previews as an exported bundle draws them."""
    states = _drawn(engine, prompts, seeds, given or [NO_INPUTS] * len(seeds), shape)
    return torch.cat([torch.from_numpy(state.latents.copy()) for state in states])


def _drawn(
    engine: PreviewEngine,
    prompts: Sequence[str],
    seeds: Sequence[int],
    given: Sequence[ConditioningInputs],
    shape: Shape,
) -> Iterator[PreviewState]:
    """One finished state after the other."""
    width, height, frames = shape
    times = engine.manifest.enlargement
    bucket = find_bucket(engine.manifest, width * times, height * times, frames)
    for prompt, seed, inputs in zip(prompts, seeds, given, strict=True):
        state = engine.begin(recipe(engine.manifest, bucket, prompt, seed), inputs=inputs)
        for _ in range(state.steps):
            engine.step(state)
        yield state
