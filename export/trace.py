"""Stage 2: torch modules -> ONNX graphs of static shape, one for each part of the preview's path."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import onnx
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from export.load import ExportError, Source, quietly
from export.rewrite import FrameDecoder, lean_transformer
from model_server.preview import load_tokenizer, tokenize

# The newest opset that all of our runtimes' kernels cover; 23's Attention rejects a broadcast mask.
OPSET = 18
# Previews are drawn in torch to fit the decoders' ranges; a pass takes about 50 ms.
PREVIEW_PASSES = 48
LEAST_PREVIEWS = 3
# Mid-way through a schedule, where noise and video matter alike.
EXAMPLE_SIGMA = 0.7


@dataclass(slots=True)
class Part:
    """A module with the inputs to trace it by: names in the graph, and examples that fix the shapes.

    `untouched` computes the same by the library's own modules: what the finished graph is measured against.
    """

    name: str
    module: nn.Module
    untouched: nn.Module
    inputs: dict[str, Tensor]
    output: str


class _Text(nn.Module):
    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.encoder(ids, attention_mask=mask)[0]


class _Transformer(nn.Module):
    def __init__(self, transformer: nn.Module, coordinates: Tensor) -> None:
        super().__init__()
        self.transformer = transformer
        self.register_buffer("coordinates", coordinates)

    def forward(self, tokens: Tensor, states: Tensor, mask: Tensor, timestep: Tensor) -> Tensor:
        return self.transformer(
            hidden_states=tokens,
            encoder_hidden_states=states,
            timestep=timestep,
            encoder_attention_mask=mask,
            video_coords=self.coordinates,
            return_dict=False,
        )[0]


class _Decoder(nn.Module):
    def __init__(self, vae: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder
        self.register_buffer("mean", vae.latents_mean.view(1, -1, 1, 1, 1))
        std = vae.latents_std / float(vae.config.scaling_factor)
        self.register_buffer("std", std.view(1, -1, 1, 1, 1))

    def forward(self, latents: Tensor) -> Tensor:
        return self.decoder(latents * self.std + self.mean).clamp(-1, 1)


def coordinates(source: Source) -> Tensor:
    """Seconds and pixels of each token [1, 3, S]; the first latent frame holds a single frame."""
    axes = [torch.arange(size, dtype=torch.float32) for size in source.grid]
    frame, row, column = (axis.flatten() for axis in torch.meshgrid(*axes, indexing="ij"))
    space, time = source.vae.spatial_compression_ratio, source.vae.temporal_compression_ratio
    seconds = (frame * time + 1 - time).clamp(min=0) / source.card.fps
    return torch.stack((seconds, row * space, column * space))[None]


def middle(latents: Tensor) -> Tensor:
    """The latent frame [1, C, 1, H, W] that a picture is made of."""
    frame = latents.shape[2] // 2
    return latents[:, :, frame : frame + 1]


@torch.inference_mode()
def preview(source: Source, tokenizer: Tokenizer, prompt: str, seed: int) -> Tensor:
    """A preview by the library's own modules: final latents [1, C, F, H, W]."""
    shape = (1, source.vae.config.latent_channels, *source.grid)
    latents = torch.from_numpy(np.random.default_rng(seed).standard_normal(shape, dtype=np.float32))
    tier, velocity = source.tier, _Transformer(source.transformer, coordinates(source))
    told, empty = (_states(source, tokenizer, text) for text in (prompt, ""))
    for sigma, later in pairwise(tier.sigmas):
        tokens, timestep = latents.flatten(2).transpose(1, 2), torch.full((1, 1), sigma * 1000.0)
        slope = velocity(tokens, *told, timestep)
        if tier.guidance > 1:
            plain = velocity(tokens, *empty, timestep)
            slope = plain + tier.guidance * (slope - plain)
        latents = latents + (later - sigma) * slope.transpose(1, 2).reshape(shape)
    return latents


def previews(source: Source) -> list[Tensor]:
    """Latents of a few previews over the model's vocabulary: what the decoders will really see."""
    tier = source.tier
    passes = (len(tier.sigmas) - 1) * (2 if tier.guidance > 1 else 1)
    tokenizer = load_tokenizer(source.tokenizer, source.card.max_sequence_length)
    return [
        preview(source, tokenizer, _prompt(source, number), seed=1000 + number)
        for number in range(max(LEAST_PREVIEWS, PREVIEW_PASSES // passes))
    ]


def _prompt(source: Source, number: int) -> str:
    """One word of each kind that the model knows."""
    slots = [list(words) for words in source.vocabulary.values() if words]
    return " ".join(slot[number % len(slot)] for slot in slots)


def _states(source: Source, tokenizer: Tokenizer, prompt: str) -> tuple[Tensor, Tensor]:
    ids, mask = (torch.from_numpy(tokens) for tokens in tokenize(tokenizer, prompt))
    return source.text_encoder(ids, attention_mask=mask)[0], mask.float()


def parts(source: Source, latents: Tensor) -> list[Part]:
    """What a preview runs: text encoder, transformer, decoder, and the decoder of a single latent frame.

    `latents` [1, C, F, H, W] are the first of `previews`: the examples are what a server will really compute.
    """
    tokenizer = load_tokenizer(source.tokenizer, source.card.max_sequence_length)
    ids, mask = (torch.from_numpy(tokens) for tokens in tokenize(tokenizer, _prompt(source, 0)))
    with torch.inference_mode():
        states, weights = _states(source, tokenizer, _prompt(source, 0))
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
    noisy = torch.lerp(latents, noise, EXAMPLE_SIGMA)
    text, decoder = _Text(source.text_encoder), _Decoder(source.vae, source.vae.decoder)
    places = coordinates(source)
    return [
        Part("text", text, text, {"ids": ids, "mask": mask}, "states"),
        Part(
            "transformer",
            _Transformer(lean_transformer(source.transformer, places), places),
            _Transformer(source.transformer, places),
            {
                "tokens": noisy.flatten(2).transpose(1, 2),
                "states": states,
                "mask": weights,
                "timestep": torch.full((1, 1), EXAMPLE_SIGMA * 1000.0),
            },
            "velocity",
        ),
        Part(
            "decoder",
            _Decoder(source.vae, FrameDecoder(source.vae.decoder, single=latents.shape[2] == 1)),
            decoder,
            {"latents": latents},
            "video",
        ),
        Part(
            "picture",
            _Decoder(source.vae, FrameDecoder(source.vae.decoder, single=True)),
            decoder,
            {"latents": middle(latents)},
            "video",
        ),
    ]


def trace(part: Part) -> onnx.ModelProto:
    """The part as a graph.

    Raises:
        ExportError: torch can't trace it; the text names the part and the operation.
    """
    module = part.module.eval()
    try:
        with torch.inference_mode(), quietly(), contextlib.redirect_stdout(io.StringIO()):
            program = torch.onnx.export(
                module,
                tuple(part.inputs.values()),
                dynamo=True,
                opset_version=OPSET,
                input_names=list(part.inputs),
                output_names=[part.output],
                external_data=False,
                verbose=False,
            )
    except Exception as error:
        raise ExportError("trace", f"{part.name}: {str(error).strip().splitlines()[0]}") from error
    return program.model_proto
