"""What the stages ask of a family."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

Grid = tuple[int, int, int]
# The free axes of latents, and of the frames that they are encoded from.
LATENT_AXES = {2: "frames", 3: "rows", 4: "columns"}
VIDEO_AXES = {2: "clip_frames", 3: "height", 4: "width"}


# A preview on a phone, in pixels and frames: a thirtieth of the tokens that the pipelines would draw, and a
# length that fits latents of 4 and of 8 frames.
PREVIEW_SIZE = (192, 320)
PREVIEW_FRAMES = 33


@dataclass(slots=True)
class Defaults:
    """What a folder without riffle.json is exported with, as its pipeline has it."""

    fps: int
    prompt_tokens: int
    # Of a model that isn't distilled to few steps.
    guidance: float


@dataclass(slots=True)
class Stage:
    """One module to trace: examples by input name, the outputs' names, and the library's own way.

    free: for each input the axes that may have another size, by name. others: examples of other sizes.
    """

    module: nn.Module
    untouched: nn.Module
    inputs: dict[str, Tensor]
    outputs: list[str]
    free: dict[str, dict[int, str]] = field(default_factory=dict)
    others: list[dict[str, Tensor]] = field(default_factory=list)
    # The module whose state names the graph's weights, where it isn't `module` itself.
    holder: nn.Module | None = None


class Family(ABC):
    """One model family. `source` is an export.load.LoadedModel; tensors are float32."""

    name: str
    vae_class: str
    pipelines: tuple[str, ...]
    # Whether what is decoded goes frame by frame.
    streams = False
    # Whether the denoiser takes a mask of which of the prompt's states are padding.
    takes_mask = False
    # Whether `conditioned_denoiser` makes a denoiser that takes pictures too.
    takes_conditions = False

    def frees(self, source: Any) -> bool:
        """Whether graphs of any number of latent frames, rows and columns can be traced."""
        return False

    @abstractmethod
    def defaults(self, pipeline: str) -> Defaults:
        """What its pipeline would take."""

    @abstractmethod
    def problem(self, source: Any) -> str | None:
        """What of this model can't be exported, or None."""

    @abstractmethod
    def factors(self, vae: Any) -> tuple[int, int, int]:
        """Pixels of a latent cell, frames of a latent frame, and the least multiple of a side in pixels."""

    @abstractmethod
    def latent_channels(self, source: Any) -> int:
        """Channels of a latent."""

    @abstractmethod
    def scaling(self, vae: Any) -> tuple[Tensor, Tensor]:
        """Mean and deviation [C] by which latents are normalised."""

    @abstractmethod
    def denoiser(self, source: Any, shape: Any, *, lean: bool) -> nn.Module:
        """(latents [1, C, F, h, w], timestep [1], states [1, T, D][, mask [1, T]]) -> velocity."""

    def conditioned_denoiser(self, source: Any, shape: Any, *, lean: bool) -> nn.Module:
        """The denoiser of a clip that is shown pictures; asked of families that take conditions.

        (latents, timesteps [1, F] of its latent frames, stills [1, 2], those of the pictures, reference
        [1, C, 1, h', w'], end [1, C, 1, h, w], states, mask) -> velocity.
        """
        raise NotImplementedError(f"{self.name} can't be shown pictures")

    @abstractmethod
    def decode(self, source: Any, latents: Tensor) -> Tensor:
        """Normalised latents -> video [1, 3, F, H, W] in -1..1, by the library's own modules."""

    @abstractmethod
    def decoder(self, source: Any, latents: Tensor) -> Stage:
        """The decoder to trace for the shape of these latents."""

    @abstractmethod
    def picture(self, source: Any, latents: Tensor) -> Stage:
        """The decoder of a single latent frame, for the shape of these latents."""

    @abstractmethod
    def calibration(self, source: Any, kind: str, latents: Tensor) -> list[dict[str, Tensor]]:
        """What the decoder or the picture (`kind`) is given while these latents are drawn."""

    @abstractmethod
    def encoder(self, source: Any, video: Tensor) -> Stage:
        """Video [1, 3, F, H, W] in -1..1 -> normalised latents: the mode of what the autoencoder says."""

    def text_states(self, states: Tensor, mask: Tensor) -> Tensor:
        """The encoder's states as the pipeline hands them on."""
        return states

    def text_mask(self, mask: Tensor, pipeline: str) -> Tensor:
        """The mask as the pipeline hands it to the text encoder."""
        return mask

    def clean(self, prompt: str) -> str:
        """The prompt as the pipeline hands it to the tokenizer."""
        return prompt


class Scaled(nn.Module):
    """Latents from the denoiser's scale to the autoencoder's."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean.view(1, -1, 1, 1, 1))
        self.register_buffer("std", std.view(1, -1, 1, 1, 1))

    def forward(self, latents: Tensor) -> Tensor:
        """[1, C, F, h, w] -> the same shape."""
        return latents * self.std + self.mean

    def back(self, latents: Tensor) -> Tensor:
        """The other way."""
        return (latents - self.mean) / self.std


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, call: Any) -> None:
        super().__init__()
        self.call = call

    def forward(self, *inputs: Tensor) -> Any:
        """Whatever the function returns."""
        return self.call(*inputs)


def tensor(values: Any) -> Tensor:
    """Configuration numbers as float32."""
    return torch.as_tensor(values, dtype=torch.float32)


def middle(latents: Tensor) -> Tensor:
    """The latent frame [1, C, 1, h, w] that a picture of a clip is made of."""
    frame = latents.shape[2] // 2
    return latents[:, :, frame : frame + 1]
