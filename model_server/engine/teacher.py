"""A teacher's components from a diffusers folder (LTX family), as rendering calls them."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model_server.engine.pixels import Frames, frames_from_video, video_from_frames
from model_server.engine.weight_files import variant_of
from schemas.model_folder import read_model_spec
from schemas.videos import Recipe

COMPONENTS = ("tokenizer", "text_encoder", "transformer", "vae")


class Teacher:
    """The components in float32; all latents are normalised, [1, C, F, h, w]."""

    def __init__(self, folder: Path) -> None:
        """Load them.

        Raises:
            OSError, ValueError, KeyError: the folder is no such model.
        """
        self.spec = read_model_spec(folder)
        index = json.loads((folder / "model_index.json").read_text())
        parts = {name: _load(folder / name, *index[name]) for name in COMPONENTS}
        self._tokenizer, self._text_encoder = parts["tokenizer"], parts["text_encoder"]
        self.transformer, self.vae = parts["transformer"], parts["vae"]
        # Pixels of a latent's side, and frames of each latent frame after the first.
        self.pixels_per_latent = int(self.vae.spatial_compression_ratio)
        self.frames_per_latent = int(self.vae.temporal_compression_ratio)
        self._mean = self.vae.latents_mean.view(1, -1, 1, 1, 1)
        self._std = self.vae.latents_std.view(1, -1, 1, 1, 1) / float(self.vae.config.scaling_factor)

    def latent_shape(self, recipe: Recipe) -> tuple[int, int, int, int, int]:
        """[1, C, F, h, w] of a recipe's video.

        Raises:
            ValueError: its sides or its frames fit no grid of latents.
        """
        if recipe.width % 32 or recipe.height % 32 or recipe.frames % self.frames_per_latent != 1:
            raise ValueError(f"{recipe.width}x{recipe.height}x{recipe.frames} fits no latent grid")
        return (
            1,
            int(self.transformer.config.in_channels),
            (recipe.frames - 1) // self.frames_per_latent + 1,
            recipe.height // self.pixels_per_latent,
            recipe.width // self.pixels_per_latent,
        )

    def encode_prompt(self, prompt: str) -> tuple[Tensor, Tensor]:
        """Token states [1, T, C] and attention mask [1, T]."""
        tokens = self._tokenizer(
            [prompt],
            padding="max_length",
            truncation=True,
            max_length=self.spec.max_sequence_length,
            return_tensors="pt",
        )
        mask = tokens.attention_mask
        return self._text_encoder(tokens.input_ids, attention_mask=mask)[0], mask.float()

    def token_coordinates(self, shape: tuple[int, ...], fps: int, second: float | None = None) -> Tensor:
        """Seconds and pixels of each token [1, 3, F*h*w]; the first latent frame holds a single frame.

        `second` is where in time a single picture stands instead.
        """
        axes = [torch.arange(size, dtype=torch.float32) for size in shape[2:]]
        frame, row, column = (axis.flatten() for axis in torch.meshgrid(*axes, indexing="ij"))
        seconds = (frame * self.frames_per_latent + 1 - self.frames_per_latent).clamp(min=0) / fps
        if second is not None:
            seconds = torch.full_like(seconds, second)
        return torch.stack((seconds, row * self.pixels_per_latent, column * self.pixels_per_latent))[None]

    def decode(self, latents: Tensor) -> Tensor:
        """Latents -> video [1, 3, F, H, W] in -1..1."""
        video: Tensor = self.vae.decode(latents * self._std + self._mean, return_dict=False)[0]
        return video.clamp(-1, 1)

    def decode_frames(self, latents: Tensor) -> Frames:
        """Latents -> frames uint8 [F, H, W, 3]."""
        return frames_from_video(self.decode(latents).numpy())

    def encode(self, video: Tensor) -> Tensor:
        """Video [1, 3, F, H, W] in -1..1 -> latents."""
        posterior = self.vae.encode(video, return_dict=False)[0]
        latents: Tensor = (posterior.mode() - self._mean) / self._std
        return latents


def as_tensor(frames: Frames) -> Tensor:
    """Frames uint8 [F, H, W, 3] -> video [1, 3, F, H, W] in -1..1."""
    return torch.from_numpy(video_from_frames(np.ascontiguousarray(frames)))


def _load(folder: Path, library: str, name: str) -> Any:
    component = getattr(importlib.import_module(library), name)
    # A tokenizer has no weights.
    variant = variant_of(folder)
    part = component.from_pretrained(folder, **({} if variant is None else {"variant": variant}))
    return part.eval().requires_grad_(False).float() if isinstance(part, torch.nn.Module) else part
