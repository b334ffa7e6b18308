"""Sampling: initial noise, noise schedules, and the solver of the flow's differential equation."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from diffusers import LTXVideoTransformer3DModel
from torch import Tensor

from model_server.engine.flow import euler_step, guided, initial_noise
from train.models.conditioning import TokenConditioning
from train.models.transformer import velocity
from train.models.vae import LATENT_CHANNELS, SPATIAL_RATIO, TEMPORAL_RATIO


def noise(seed: int, size: tuple[int, int], frames: int = 17) -> Tensor:
    """The start of a clip of `size` (width, height) in pixels: float32 [1, C, F, h, w] of N(0, 1)."""
    width, height = size
    grid = ((frames - 1) // TEMPORAL_RATIO + 1, height // SPATIAL_RATIO, width // SPATIAL_RATIO)
    return torch.from_numpy(initial_noise(seed, (1, LATENT_CHANNELS, *grid)))


def schedule(steps: int, shift: float) -> list[float]:
    """`steps`+1 noise levels from 1 to 0; a `shift` above 1 spends more of them at high noise."""
    even = (1 - i / steps for i in range(steps + 1))
    return [round(shift * s / (1 + (shift - 1) * s), 6) for s in even]


@torch.no_grad()
def sample(
    model: LTXVideoTransformer3DModel,
    start: Tensor,
    states: Tensor,
    mask: Tensor,
    sigmas: Sequence[float],
    guidance: float = 1.0,
    empty: tuple[Tensor, Tensor] | None = None,
    second_order: bool = False,
    return_trajectory: bool = False,
    fast: bool = True,
    conditioning: TokenConditioning | None = None,
    reference_guidance: float | None = None,
) -> Tensor:
    """Solve the flow's equation from `start` [B, C, F, H, W] at sigmas[0] down to sigmas[-1].

    Euler, or with `second_order` two-step Adams-Bashforth: the same answer in about half the steps. `empty`
    is the encoded empty prompt, needed when guidance > 1; pinned frames are in every pass, a reference
    picture only where the prompt is. With `reference_guidance` it has a third pass and a guidance scale of
    its own (Brooks et al., "InstructPix2Pix", 2023). With `return_trajectory`, returns every state [B, N+1,
    ...].
    """
    scales = [guidance]
    if conditioning is not None and reference_guidance is not None:
        scales.append(reference_guidance)
    passes = len(scales) + 1
    latents = start if conditioning is None else conditioning.pin(start)
    trajectory, previous = [latents], None
    for now, later in pairwise(sigmas):
        sigma = torch.full((len(latents), 1), now, device=latents.device)
        if guidance > 1 and empty is not None:
            answers = velocity(
                model,
                torch.cat([latents] * passes),
                torch.cat([sigma] * passes),
                torch.cat((empty[0].expand_as(states), *[states] * (passes - 1))),
                torch.cat((empty[1].expand_as(mask), *[mask] * (passes - 1))),
                fast,
                None if conditioning is None else conditioning.for_guidance(passes),
            ).chunk(passes)
            slope = guided(answers[0], answers[1], scales[0])
            if len(scales) > 1:
                slope = slope + scales[1] * (answers[2] - answers[1])
        else:
            slope = velocity(model, latents, sigma, states, mask, fast, conditioning)
        step = slope
        if second_order and previous is not None:
            step = slope + 0.5 * (now - later) / previous[1] * (slope - previous[0])
        previous = (slope, now - later)
        latents = euler_step(latents, step, now, later)
        if conditioning is not None:
            latents = conditioning.pin(latents)
        trajectory.append(latents)
    return torch.stack(trajectory, dim=1) if return_trajectory else latents
