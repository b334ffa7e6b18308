"""The state of one render between two denoising steps."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from model_server.engine.conditioning import Conditioning


@dataclass(slots=True)
class RenderState:
    """Latents are float32 [1, C, F, h, w], normalised.

    `states` [P, T, C] and `mask` [P, T] are the prompt for each of the P passes of guidance, `coordinates`
    [P, 3, S] the seconds and pixels of all tokens: reference picture and last frame first, then the clip.
    """

    latents: Tensor
    sigmas: list[float]
    states: Tensor
    mask: Tensor
    coordinates: Tensor
    conditioning: Conditioning | None = None
    step_index: int = 0
    clean_estimate: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.latents = self.pinned(self.latents)
        self.clean_estimate = self.latents

    def pinned(self, latents: Tensor) -> Tensor:
        """Latents with the given first frames in their places."""
        if self.conditioning is not None:
            latents = latents.clone()
            self.conditioning.pin(latents.numpy())
        return latents

    @property
    def steps(self) -> int:
        """How many times `FullRenderer.step` is called."""
        return len(self.sigmas) - 1

    @property
    def stored_latents(self) -> NDArray[np.float16]:
        """The latents as they are stored and sent."""
        return self.latents.numpy().astype(np.float16)
