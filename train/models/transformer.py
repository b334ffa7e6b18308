"""The denoiser: LTX-Video's transformer at toy size, and what teacher and student share around it."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import LTXVideoTransformer3DModel
from diffusers.models.transformers.transformer_ltx import apply_rotary_emb
from torch import Tensor, nn

from train.models.conditions import Conditions, coordinates
from train.models.text_encoder import TEXT_CHANNELS
from train.models.vae import LATENT_CHANNELS, SPACE, TIME
from train.stages.precision import mixed


def build_transformer() -> LTXVideoTransformer3DModel:
    return LTXVideoTransformer3DModel(
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        num_attention_heads=6,
        attention_head_dim=32,
        cross_attention_dim=192,
        num_layers=8,
        caption_channels=TEXT_CHANNELS,
    )


def noise(seed: int, size: tuple[int, int], frames: int = 17) -> Tensor:
    """The start of every video: float32 [1, C, F, H, W] of N(0, 1) by NumPy's PCG64, the same on every
    machine.

    `size` is (width, height) in pixels.
    """
    width, height = size
    shape = (1, LATENT_CHANNELS, (frames - 1) // TIME + 1, height // SPACE, width // SPACE)
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape, dtype=np.float32))


def pack(latents: Tensor) -> Tensor:
    """[B, C, F, H, W] -> tokens [B, F*H*W, C]."""
    return latents.flatten(2).transpose(1, 2)


def unpack(tokens: Tensor, shape: Sequence[int]) -> Tensor:
    """Tokens [B, F*H*W, C] -> [B, C, F, H, W]; `shape` is (F, H, W) of the latents."""
    return tokens.transpose(1, 2).unflatten(2, tuple(shape))


class TrainingAttention:
    """LTX attention written as two products and a float32 softmax; the fused kernel on an accelerator.

    Under bfloat16 on CPU the backward pass of the fused kernel is several times slower than this.
    """

    _attention_backend = None
    _parallel_config = None

    def __call__(
        self,
        attn: nn.Module,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        source = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query = attn.norm_q(attn.to_q(hidden_states).float())
        key = attn.norm_k(attn.to_k(source).float())
        value = attn.to_v(source)
        if image_rotary_emb is not None:
            query = apply_rotary_emb(query, image_rotary_emb)
            key = apply_rotary_emb(key, image_rotary_emb)
        query, key, value = (
            part.unflatten(2, (attn.heads, -1)).transpose(1, 2) for part in (query, key, value)
        )
        bias = None if attention_mask is None else attention_mask[:, None]
        if query.is_cuda:
            query, key = query.to(value.dtype), key.to(value.dtype)
            mixed = F.scaled_dot_product_attention(
                query, key, value, None if bias is None else bias.to(value.dtype)
            )
            return attn.to_out[0](mixed.transpose(1, 2).flatten(2))
        scores = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(-1, -2)).float()
        if bias is not None:
            scores = scores + bias
        mixed = torch.matmul(F.softmax(scores, dim=-1), value)
        return attn.to_out[0](mixed.transpose(1, 2).flatten(2))


def prepare_for_training(model: LTXVideoTransformer3DModel) -> LTXVideoTransformer3DModel:
    """Faster attention and blocks compiled for any shape; the weights stay the same objects."""
    # One stage runs blocks of several models, with and without gradients: each is a graph of its own.
    torch._dynamo.config.recompile_limit = 64
    for block in model.transformer_blocks:
        block.attn1.processor = TrainingAttention()
        block.attn2.processor = TrainingAttention()
        block.compile(dynamic=True)
    return model


def velocity(
    model: LTXVideoTransformer3DModel,
    latents: Tensor,
    sigma: Tensor,
    states: Tensor,
    mask: Tensor,
    fast: bool = True,
    told: Conditions | None = None,
) -> Tensor:
    """The model's estimate of noise - video for noisy latents [B, C, F, H, W].

    sigma: [B, 1] in 0..1, the noise level of the video; given frames must be in their places already.
    `fast` computes in bfloat16 where that helps: for training; whatever is measured is computed in float32.
    """
    shape = tuple(latents.shape[2:])
    tokens, places, levels = pack(latents), coordinates(shape).to(latents.device), sigma
    if told is not None:
        tokens = torch.cat((told.extra, tokens), dim=1)
        places = torch.cat((told.places, places), dim=2)
        levels = told.levels(sigma)
    with mixed(latents.device, wanted=fast):
        answer = model(
            hidden_states=tokens,
            encoder_hidden_states=states,
            timestep=levels * 1000,
            encoder_attention_mask=mask,
            video_coords=places.expand(len(latents), -1, -1),
            return_dict=False,
        )[0]
    return unpack(answer[:, -latents[0, 0].numel() :].float(), shape)


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
    keep: bool = False,
    fast: bool = True,
    told: Conditions | None = None,
    reference_guidance: float | None = None,
) -> Tensor:
    """Solve the flow's equation from `start` [B, C, F, H, W] at sigmas[0] down to sigmas[-1].

    Euler, or with `second_order` two-step Adams-Bashforth: the same answer in about half the steps. `empty`
    is the encoded empty prompt, needed when guidance > 1; shown frames hold with and without the prompt, a
    reference picture goes with it. With `reference_guidance` it has a third pass and a guidance of its own
    (Brooks et al., "InstructPix2Pix", 2023). With `keep`, returns every state [B, N+1, ...].
    """
    pulls = [guidance]
    if told is not None and reference_guidance is not None:
        pulls.append(reference_guidance)
    passes = len(pulls) + 1
    latents = start if told is None else told.hold(start)
    path, previous = [latents], None
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
                None if told is None else told.guided(passes),
            ).chunk(passes)
            slope = answers[0]
            for pull, (less, more) in zip(pulls, pairwise(answers), strict=True):
                slope = slope + pull * (more - less)
        else:
            slope = velocity(model, latents, sigma, states, mask, fast, told)
        step = slope
        if second_order and previous is not None:
            step = slope + 0.5 * (now - later) / previous[1] * (slope - previous[0])
        previous = (slope, now - later)
        latents = latents + (later - now) * step
        if told is not None:
            latents = told.hold(latents)
        path.append(latents)
    return torch.stack(path, dim=1) if keep else latents
