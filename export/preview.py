"""Previews by the library's own modules: what the engine is held against, what ranges are fitted to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.load import LoadedModel, Shape
from export.parts import prompts
from export.text_encoder import states
from model_server.engine import flow

# Previews are drawn in torch to fit the decoders' ranges; a pass of riffle-tiny takes about 50 ms.
PREVIEW_PASSES = 48
LEAST_PREVIEWS = 3
# Inputs of the denoiser that are kept to measure on: of this many previews, this many steps each.
SAMPLED_PREVIEWS = 2
SAMPLED_STEPS = 4

Feed = dict[str, NDArray[np.float32]]


@dataclass(slots=True)
class Drawn:
    """What a shape's previews leave: final latents, and inputs of the denoiser on the way."""

    latents: list[Tensor]
    feeds: list[Feed]


@torch.inference_mode()
def preview(
    source: LoadedModel, shape: Shape, prompt: str, seed: int, feeds: list[Feed] | None = None
) -> Tensor:
    """Final latents [1, C, F, h, w] of a preview; what the denoiser was given is added to `feeds`."""
    denoiser = source.family.denoiser(source, shape, lean=False)
    size = (1, source.family.latent_channels(source), *shape.grid)
    noise = torch.from_numpy(flow.initial_noise(seed, size))
    conditioned, unconditioned = (_text_inputs(source, text) for text in (prompt, ""))
    latents, schedule = noise, shape.schedule
    velocities: list[Tensor] = []
    for k, step in enumerate(schedule.timesteps):
        timestep = torch.full((1,), step)
        if feeds is not None and k in _sampled(len(schedule.timesteps)):
            given = {"latents": latents, "timestep": timestep, **conditioned}
            feeds.append({name: value.numpy().copy() for name, value in given.items()})
        velocity = denoiser(latents, timestep, *conditioned.values())
        if source.guidance > 1:
            without = denoiser(latents, timestep, *unconditioned.values())
            velocity = flow.guided(without, velocity, source.guidance)
        velocities.append(velocity)
        latents = flow.solver_step(schedule, k, latents, noise, velocities)
    return latents


def enough_to_fit(source: LoadedModel, shape: Shape) -> int:
    """How many previews the ranges of convolutions are fitted to."""
    passes = len(shape.schedule.timesteps) * (2 if source.guidance > 1 else 1)
    return max(LEAST_PREVIEWS, PREVIEW_PASSES // passes)


def drawn(source: LoadedModel, shape: Shape, many: int) -> Drawn:
    """So many previews over the model's vocabulary."""
    feeds: list[Feed] = []
    latents = [
        preview(
            source,
            shape,
            prompts(source, number),
            1000 + number,
            feeds if number < SAMPLED_PREVIEWS else None,
        )
        for number in range(many)
    ]
    return Drawn([each.clone() for each in latents], feeds)


def _text_inputs(source: LoadedModel, prompt: str) -> dict[str, Tensor]:
    text_states, mask = states(source, prompt)
    return {"states": text_states} | ({"mask": mask} if source.family.takes_mask else {})


def _sampled(steps: int) -> set[int]:
    """Up to SAMPLED_STEPS of the steps, from the first to the last."""
    return {round(place) for place in np.linspace(0, steps - 1, min(steps, SAMPLED_STEPS))}
