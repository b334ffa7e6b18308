"""The full renderer: a teacher in a diffusers folder (LTX family), driven one denoising step at a time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model_server.engine import flow
from model_server.engine.condition_inputs import NO_INPUTS, ConditioningInputs, check_supported
from model_server.engine.conditioning import Conditioning, encode_conditioning
from model_server.engine.latents import Latents
from model_server.engine.pixels import Floats, Frames
from model_server.engine.render_start import (
    KEEP_NOISE,
    KEEP_SPACE,
    KEEP_STRENGTH,
    StartNoise,
    UpscaleSpace,
    resize_frames,
    upsample_noise,
    upscale,
)
from model_server.engine.render_state import RenderState
from model_server.engine.resize import Size
from model_server.engine.teacher import Teacher, as_tensor
from schemas.videos import Recipe


class FullRenderer:
    """Draws with the teacher. Loads at once (seconds); not safe for several threads at the same time."""

    def __init__(self, folder: Path, threads: int) -> None:
        """Load the components in float32.

        Raises:
            OSError, ValueError, KeyError: the folder is no such model.
        """
        torch.set_num_threads(threads)
        if torch.get_num_interop_threads() != 1:
            torch.set_num_interop_threads(1)
        self.teacher = Teacher(folder)
        self.spec = self.teacher.spec
        with torch.inference_mode():
            self._unconditional = self.teacher.encode_prompt("")

    @torch.inference_mode()
    def begin(
        self,
        recipe: Recipe,
        source: Latents | None = None,
        *,
        preview: Latents | None = None,
        space: UpscaleSpace = KEEP_SPACE,
        start_noise: StartNoise = KEEP_NOISE,
        strength: float | None = None,
        inputs: ConditioningInputs = NO_INPUTS,
    ) -> RenderState:
        """Start a render: from noise, from a remix's `source`, or from the picked `preview` (which wins).

        `strength` 1 ignores what is started from, 0 returns it. All latents are normalised [1, C, F, h, w].
        Conditions of `inputs` hold at every strength.

        Raises:
            ValueError: the recipe's shape, or that of the latents, is nothing this model draws; or it wasn't
                trained on a condition.
        """
        check_supported(inputs, self.spec.conditions)
        # It holds for the calling thread alone, and for the pool that this thread will start.
        torch.set_flush_denormal(True)
        shape = self.teacher.latent_shape(recipe)
        noise = torch.from_numpy(flow.initial_noise(recipe.seed, shape))
        sigmas = self.spec.full.sigmas
        given = source if preview is None else preview
        latents = noise
        if given is not None:
            level = flow.start_level(strength, KEEP_STRENGTH if preview is not None else recipe.strength)
            if given.shape[1] != shape[1] or (preview is not None and given.shape[2] != shape[2]):
                raise ValueError(f"latents {list(given.shape)} don't fit {list(shape)}")
            if preview is not None and start_noise is StartNoise.UPSAMPLED:
                coarse = torch.from_numpy(flow.initial_noise(recipe.seed, given.shape))
                noise = upsample_noise(coarse, noise)
            sigmas = flow.sigmas_from(sigmas, level)
            clean = upscale(torch.from_numpy(given), shape, space, self.teacher)
            latents = torch.lerp(clean, noise, sigmas[0])
        states, mask = self._guidance_prompts(recipe.prompt, inputs)
        conditioning = self._conditioning(inputs, shape, recipe) if inputs.names else None
        coordinates = self._coordinates(shape, recipe, conditioning).expand(len(states), -1, -1)
        return RenderState(latents, sigmas, states, mask, coordinates, conditioning)

    @torch.inference_mode()
    def step(self, state: RenderState) -> None:
        """One Euler step of the flow, with guidance."""
        sigma, next_sigma = state.sigmas[state.step_index], state.sigmas[state.step_index + 1]
        velocity = self._velocity(state, sigma)
        state.clean_estimate = state.pinned(flow.clean_estimate(state.latents, velocity, sigma))
        state.latents = state.pinned(flow.euler_step(state.latents, velocity, sigma, next_sigma))
        state.step_index += 1

    @torch.inference_mode()
    def estimate(self, state: RenderState) -> Frames:
        """The middle frame of the clean estimate, uint8 [H, W, 3], decoded from its latent frame alone."""
        middle = state.clean_estimate.shape[2] // 2
        return np.asarray(
            self.teacher.decode_frames(state.clean_estimate[:, :, middle : middle + 1])[-1], dtype=np.uint8
        )

    @torch.inference_mode()
    def decode(self, state: RenderState) -> Frames:
        """The frames of the current latents, uint8 [F, H, W, 3]."""
        return self.teacher.decode_frames(state.latents)

    @torch.inference_mode()
    def frames(self, latents: Latents) -> Frames:
        """Decode any normalised latents [1, C, F, h, w] to uint8 [F, H, W, 3]."""
        return self.teacher.decode_frames(torch.from_numpy(latents))

    @torch.inference_mode()
    def encode(self, frames: Frames, width: int, height: int) -> NDArray[np.float16]:
        """Normalised latents of frames uint8 [F, H, W, 3] after resizing them to width x height."""
        video = resize_frames(as_tensor(frames)[0].transpose(0, 1), width, height)
        latents: NDArray[np.float16] = self.teacher.encode(video).numpy().astype(np.float16)
        return latents

    def _guidance_prompts(self, prompt: str, inputs: ConditioningInputs) -> tuple[Tensor, Tensor]:
        """Token states and masks of each pass, from unconditional to all conditions."""
        states, mask = self.teacher.encode_prompt(prompt)
        if self.spec.full.guidance <= 1:
            return states, mask
        # A reference picture with a guidance of its own takes a third pass: the prompt without the picture.
        separate = inputs.reference is not None and self.spec.full.reference_guidance is not None
        count = 2 if separate else 1
        return (
            torch.cat((self._unconditional[0], *[states] * count)),
            torch.cat((self._unconditional[1], *[mask] * count)),
        )

    def _coordinates(
        self, shape: tuple[int, ...], recipe: Recipe, conditioning: Conditioning | None
    ) -> Tensor:
        """Seconds and pixels [1, 3, S] of reference picture, last frame and clip."""
        coordinates = self.teacher.token_coordinates(shape, recipe.fps)
        if conditioning is None:
            return coordinates
        stills = (
            (conditioning.reference, self.spec.reference_second),
            (conditioning.end, (recipe.frames - 1) / recipe.fps),
        )
        places = [self.teacher.token_coordinates(still.shape, recipe.fps, second) for still, second in stills]
        return torch.cat((*places, coordinates), dim=2)

    def _velocity(self, state: RenderState, sigma: float) -> Tensor:
        """The guided velocity [1, C, F, h, w] at a noise level."""
        passes = len(state.states)
        tokens, levels = state.latents.flatten(2), torch.full((1, 1), sigma)
        clip_tokens = tokens.shape[2]
        conditioning = state.conditioning
        if conditioning is not None:
            stills = (
                torch.from_numpy(still).flatten(2) for still in (conditioning.reference, conditioning.end)
            )
            tokens = torch.cat((*stills, tokens), dim=2)
            levels = _token_levels(conditioning, sigma, state.latents)
        tokens, levels = tokens.expand(passes, -1, -1), levels.expand(passes, -1)
        if conditioning is not None and passes > 1:
            # All passes but the last are without the picture: guidance leads to it.
            without = conditioning.without_reference()
            tokens = tokens.clone()
            tokens[:-1, :, : without.reference[0, 0].size] = 0
            levels_without = _token_levels(without, sigma, state.latents)
            levels = torch.cat((levels_without.expand(passes - 1, -1), levels[-1:]))
        output: Tensor = self.teacher.transformer(
            hidden_states=tokens.transpose(1, 2),
            encoder_hidden_states=state.states,
            timestep=levels * flow.TIMESTEPS,
            encoder_attention_mask=state.mask,
            video_coords=state.coordinates,
            return_dict=False,
        )[0][:, -clip_tokens:]
        # From nothing to the prompt, from there to the picture: each way as far as its guidance says.
        velocities = output.chunk(passes)
        velocity = velocities[0]
        scales = (self.spec.full.guidance, self.spec.full.reference_guidance or 0.0)
        for scale, (less, more) in zip(scales, pairwise(velocities), strict=False):
            velocity = velocity + scale * (more - less)
        return velocity.transpose(1, 2).reshape(state.latents.shape)

    def _conditioning(
        self, inputs: ConditioningInputs, shape: tuple[int, ...], recipe: Recipe
    ) -> Conditioning:
        """Conditioning on the render's grid; a reference picture has the same size in both tiers."""

        def encode(frames: Frames, size: Size) -> Floats:
            return np.asarray(self.teacher.encode(as_tensor(frames)).numpy(), dtype=np.float32)

        size = (recipe.width, recipe.height)
        reference_size = self.spec.reference_size or self.spec.preview.size
        return encode_conditioning(
            inputs, encode, shape, self.teacher.frames_per_latent, size, reference_size
        )


def _token_levels(conditioning: Conditioning, sigma: float, latents: Tensor) -> Tensor:
    """The noise level of each token [1, S]: reference picture, last frame, then the clip's."""
    frames, stills = conditioning.noise_levels(sigma, latents.shape[2])
    pictures = [
        torch.full((still[0, 0].size,), float(level))
        for still, level in zip((conditioning.reference, conditioning.end), stills[0], strict=True)
    ]
    clip = torch.from_numpy(frames[0]).repeat_interleave(latents[0, 0, 0].numel())
    return torch.cat((*pictures, clip))[None]
