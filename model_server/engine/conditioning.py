"""Conditions of one clip as a denoiser takes them: clean latents with noise levels of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model_server.engine.condition_inputs import ConditioningInputs
from model_server.engine.pixels import Floats, Frames
from model_server.engine.resize import Size, crop_to_fill, fit_inside

# Frames uint8 [F, H, W, 3] of a size (width, height) -> latents of a clip that begins with them.
Encode = Callable[[Frames, Size], Floats]

# Two latent frames show where everything is and how it moves: 5 frames at 4 a latent frame, 9 at 8.
BEGIN_LATENTS = 2
# The noise level of the tokens of a condition that isn't given.
ABSENT_LEVEL = 1.0


@dataclass(frozen=True, slots=True)
class Conditioning:
    """Normalised latents of the conditions.

    reference: [1, C, 1, h', w'], end: [1, C, 1, h, w], zeros where there is none; begin: [1, C, K, h, w], the
    first K latent frames of the clip.
    """

    reference: Floats
    end: Floats
    begin: Floats
    has_reference: bool
    has_end: bool

    def pin(self, latents: NDArray[np.floating]) -> None:
        """Write the given first frames into latents [1, C, F, h, w], in place."""
        latents[:, :, : self.begin.shape[2]] = self.begin

    def noise_levels(self, sigma: float, frames: int) -> tuple[Floats, Floats]:
        """Noise levels: of each latent frame [1, F]; of the reference picture and the last frame [1, 2]."""
        each = np.full((1, frames), sigma, dtype=np.float32)
        each[:, : self.begin.shape[2]] = 0
        given = (self.has_reference, self.has_end)
        return each, np.asarray([[0.0 if known else ABSENT_LEVEL for known in given]], dtype=np.float32)

    def without_reference(self) -> Conditioning:
        """The same without the picture: for the unconditional pass, so that guidance leads to it."""
        return replace(self, reference=np.zeros_like(self.reference), has_reference=False)


def encode_conditioning(
    inputs: ConditioningInputs,
    encode: Encode,
    shape: tuple[int, ...],
    frames_per_latent: int,
    size: Size,
    reference_size: Size,
) -> Conditioning:
    """Conditioning of a clip of latents `shape` [1, C, F, h, w] and `size` (width, height) in pixels.

    A reference picture is encoded at `reference_size`, whatever the clip's size.
    """
    _, channels, _, rows, columns = shape
    pixels_per_latent = size[0] // columns
    end = np.zeros((1, channels, 1, rows, columns), dtype=np.float32)
    grid = reference_size[1] // pixels_per_latent, reference_size[0] // pixels_per_latent
    reference = np.zeros((1, channels, 1, *grid), dtype=np.float32)
    begin = end[:, :, :0]
    if inputs.end is not None:
        end = encode(crop_to_fill(inputs.end, size), size)[:, :, :1]
    if inputs.reference is not None:
        reference = encode(fit_inside(inputs.reference, reference_size), reference_size)[:, :, :1]
    if inputs.begin is not None:
        count = begin_frame_count(inputs.begin, frames_per_latent)
        latents = encode(crop_to_fill(inputs.begin[-count:], size), size)
        begin = latents[:, :, : BEGIN_LATENTS if count > 1 else 1]
    return Conditioning(reference, end, begin, inputs.reference is not None, inputs.end is not None)


def begin_frame_count(begin: Frames, frames_per_latent: int) -> int:
    """How many of the given first frames condition the clip: the last one, or a latent frame more."""
    # What lies between is no whole number of latent frames.
    return frames_per_latent + 1 if len(begin) > frames_per_latent else 1
