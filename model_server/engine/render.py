"""The full renderer: a teacher in a diffusers folder (LTX family), driven one denoising step at a time."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from model_server.engine import conditions, flow
from model_server.engine.conditions import Frames, Shown, Told
from model_server.engine.flow import Lift, Route
from model_server.engine.latents import Latents
from schemas.model_folder import read_model_spec
from schemas.videos import Recipe

COMPONENTS = ("tokenizer", "text_encoder", "transformer", "vae")


@dataclass(slots=True)
class RenderJob:
    """A render on its way; latents are float32 [1, C, F, H, W], normalised."""

    current: Tensor
    sigmas: list[float]
    states: Tensor
    mask: Tensor
    coordinates: Tensor
    told: Told | None = None
    guess: Tensor = field(init=False)
    done: int = 0

    def __post_init__(self) -> None:
        self.current = self.held(self.current)
        self.guess = self.current

    def held(self, latents: Tensor) -> Tensor:
        """Latents with the frames that are shown in their places."""
        if self.told is not None:
            latents = latents.clone()
            self.told.hold(latents.numpy())
        return latents

    @property
    def steps(self) -> int:
        """How many times `step` is called."""
        return len(self.sigmas) - 1

    @property
    def latents(self) -> NDArray[np.float16]:
        """The current state as it is stored."""
        return self.current.numpy().astype(np.float16)


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
        self.spec = read_model_spec(folder)
        index = json.loads((folder / "model_index.json").read_text())
        parts = {name: _load(folder / name, *index[name]) for name in COMPONENTS}
        self._tokenizer, self._text_encoder = parts["tokenizer"], parts["text_encoder"]
        self._transformer, self._vae = parts["transformer"], parts["vae"]
        self._space = int(self._vae.spatial_compression_ratio)
        self._time = int(self._vae.temporal_compression_ratio)
        self._mean = self._vae.latents_mean.view(1, -1, 1, 1, 1)
        self._std = self._vae.latents_std.view(1, -1, 1, 1, 1) / float(self._vae.config.scaling_factor)
        self._empty = self._text("")

    @torch.inference_mode()
    def begin(
        self,
        recipe: Recipe,
        source: Latents | None = None,
        *,
        preview: Latents | None = None,
        lift: Lift = flow.KEEP_LIFT,
        route: Route = flow.KEEP_ROUTE,
        strength: float | None = None,
        shown: Shown = conditions.NOTHING,
    ) -> RenderJob:
        """Start a render: from noise, from a remix's `source`, or from the picked `preview` (which wins).

        `strength` 1 ignores what is started from, 0 returns it. All latents are normalised [1, C, F, h, w].
        What is `shown` holds at every strength.

        Raises:
            ValueError: the recipe's shape, or that of the latents, is nothing this model draws; or it can't
                be shown something.
        """
        conditions.check(shown, self.spec.conditions)
        # It holds for the calling thread alone, and for the pool that this thread will start.
        torch.set_flush_denormal(True)
        shape = self._shape(recipe)
        noise = flow.noise(recipe.seed, shape)
        sigmas = self.spec.full.sigmas
        given = source if preview is None else preview
        current = noise
        if given is not None:
            start = flow.strength_of(strength, flow.KEEP_STRENGTH if preview is not None else recipe.strength)
            if given.shape[1] != shape[1] or (preview is not None and given.shape[2] != shape[2]):
                raise ValueError(f"latents {list(given.shape)} don't fit {list(shape)}")
            if preview is not None and route == Route.RESUME:
                noise = flow.refined(flow.noise(recipe.seed, given.shape), noise)
            sigmas = flow.schedule_from(sigmas, start)
            current = torch.lerp(self._lifted(torch.from_numpy(given), shape, lift), noise, sigmas[0])
        states, mask = self._text(recipe.prompt)
        if self.spec.full.guidance > 1:
            # A picture that is led to by itself takes a third pass, between: the prompt without the picture.
            apart = shown.reference is not None and self.spec.full.reference_guidance is not None
            asked = 2 if apart else 1
            states = torch.cat((self._empty[0], *[states] * asked))
            mask = torch.cat((self._empty[1], *[mask] * asked))
        coordinates = self._coordinates(shape, recipe.fps)
        told = None
        if shown.names:
            told = self._told(shown, shape, recipe)
            seconds = (
                (told.reference, self.spec.reference_second),
                (told.end, (recipe.frames - 1) / recipe.fps),
            )
            stills = [self._coordinates(part.shape, recipe.fps, at) for part, at in seconds]
            coordinates = torch.cat((*stills, coordinates), dim=2)
        return RenderJob(current, sigmas, states, mask, coordinates.expand(len(states), -1, -1), told)

    @torch.inference_mode()
    def step(self, job: RenderJob) -> None:
        """One Euler step of the flow, with guidance."""
        sigma, later = job.sigmas[job.done], job.sigmas[job.done + 1]
        count = len(job.states)
        tokens, levels = job.current.flatten(2), torch.full((1, 1), sigma)
        clip = tokens.shape[2]
        if job.told is not None:
            stills = (torch.from_numpy(part).flatten(2) for part in (job.told.reference, job.told.end))
            tokens = torch.cat((*stills, tokens), dim=2)
            levels = _levels(job.told, sigma, job.current)
        tokens, levels = tokens.expand(count, -1, -1), levels.expand(count, -1)
        if job.told is not None and count > 1:
            # All passes but the last are without the picture: guidance leads to it.
            plain = job.told.without_reference()
            picture = plain.reference[0, 0].size
            tokens = tokens.clone()
            tokens[:-1, :, :picture] = 0
            unshown = _levels(plain, sigma, job.current)
            levels = torch.cat((unshown.expand(count - 1, -1), levels[-1:]))
        velocity: Tensor = self._transformer(
            hidden_states=tokens.transpose(1, 2),
            encoder_hidden_states=job.states,
            timestep=levels * 1000.0,
            encoder_attention_mask=job.mask,
            video_coords=job.coordinates,
            return_dict=False,
        )[0][:, -clip:]
        # From nothing to the prompt, from there to the picture: each way as far as its guidance says.
        passes = velocity.chunk(count)
        velocity = passes[0]
        pulls = (self.spec.full.guidance, self.spec.full.reference_guidance or 0.0)
        for pull, (less, more) in zip(pulls, pairwise(passes), strict=False):
            velocity = velocity + pull * (more - less)
        slope = velocity.transpose(1, 2).reshape(job.current.shape)
        job.guess = job.held(job.current - sigma * slope)
        job.current = job.held(job.current + (later - sigma) * slope)
        job.done += 1

    @torch.inference_mode()
    def estimate(self, job: RenderJob) -> NDArray[np.uint8]:
        """The middle frame as guessed now, uint8 [H, W, 3], decoded from its latent frame alone."""
        middle = job.guess.shape[2] // 2
        return np.asarray(flow.pixels(self._decoded(job.guess[:, :, middle : middle + 1]))[-1])

    @torch.inference_mode()
    def decode(self, job: RenderJob) -> NDArray[np.uint8]:
        """The frames as they are now, uint8 [F, H, W, 3]."""
        return flow.pixels(self._decoded(job.current))

    @torch.inference_mode()
    def frames(self, latents: Latents) -> NDArray[np.uint8]:
        """Decode any normalised latents [1, C, F, H, W] to uint8 [F, H, W, 3]."""
        return flow.pixels(self._decoded(torch.from_numpy(latents)))

    @torch.inference_mode()
    def encode(self, frames: NDArray[np.uint8], width: int, height: int) -> NDArray[np.float16]:
        """Normalised latents of frames uint8 [F, H, W, 3] after resizing them to width x height."""
        video = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        video = F.interpolate(video, (height, width), mode="bicubic", antialias=True, align_corners=False)
        latents: NDArray[np.float16] = self._encoded(video.clamp(-1, 1)).numpy().astype(np.float16)
        return latents

    def _shape(self, recipe: Recipe) -> tuple[int, int, int, int, int]:
        if recipe.width % 32 or recipe.height % 32 or recipe.frames % self._time != 1:
            raise ValueError(f"{recipe.width}x{recipe.height}x{recipe.frames} fits no latent grid")
        return (
            1,
            int(self._transformer.config.in_channels),
            (recipe.frames - 1) // self._time + 1,
            recipe.height // self._space,
            recipe.width // self._space,
        )

    def _text(self, prompt: str) -> tuple[Tensor, Tensor]:
        with torch.inference_mode():
            tokens = self._tokenizer(
                [prompt],
                padding="max_length",
                truncation=True,
                max_length=self.spec.max_sequence_length,
                return_tensors="pt",
            )
            mask = tokens.attention_mask
            return self._text_encoder(tokens.input_ids, attention_mask=mask)[0], mask.float()

    def _told(self, shown: Shown, shape: tuple[int, ...], recipe: Recipe) -> Told:
        """Conditions on the render's grid; a reference picture has the same size in both tiers."""

        def encode(frames: Frames, size: tuple[int, int]) -> NDArray[np.float32]:
            video = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1.0
            return np.asarray(self._encoded(video).numpy(), dtype=np.float32)

        return conditions.tell(
            shown,
            encode,
            shape,
            self._time,
            (recipe.width, recipe.height),
            self.spec.reference_size or self.spec.preview.size,
        )

    def _coordinates(self, shape: tuple[int, ...], fps: int, second: float | None = None) -> Tensor:
        """Seconds and pixels of each token [1, 3, F*H*W]; the first latent frame holds a single frame.

        second: where in time a single frame stands instead.
        """
        axes = [torch.arange(size, dtype=torch.float32) for size in shape[2:]]
        frame, row, column = (axis.flatten() for axis in torch.meshgrid(*axes, indexing="ij"))
        seconds = (frame * self._time + 1 - self._time).clamp(min=0) / fps
        if second is not None:
            seconds = torch.full_like(seconds, second)
        return torch.stack((seconds, row * self._space, column * self._space))[None]

    def _lifted(self, latents: Tensor, shape: tuple[int, ...], lift: Lift) -> Tensor:
        if tuple(latents.shape) == shape:
            return latents
        if lift == Lift.LATENTS:
            return F.interpolate(latents, shape[2:], mode="trilinear", align_corners=False)
        height, width = shape[3] * self._space, shape[4] * self._space
        video = self._decoded(latents)[0].transpose(0, 1)
        # One of another length is played in this one's time, and one of another shape cut to it.
        moments = torch.linspace(0, len(video) - 1, (shape[2] - 1) * self._time + 1).round().long()
        video = _cut(video[moments], width / height)
        video = F.interpolate(video, (height, width), mode="bicubic", antialias=True, align_corners=False)
        return self._encoded(video.clamp(-1, 1))

    def _decoded(self, latents: Tensor) -> Tensor:
        """Normalised latents -> video [1, 3, F, H, W] in -1..1."""
        video: Tensor = self._vae.decode(latents * self._std + self._mean, return_dict=False)[0]
        return video.clamp(-1, 1)

    def _encoded(self, video: Tensor) -> Tensor:
        """Video [F, 3, H, W] in -1..1 -> normalised latents [1, C, F, H, W]."""
        posterior = self._vae.encode(video.transpose(0, 1)[None], return_dict=False)[0]
        latents: Tensor = (posterior.mode() - self._mean) / self._std
        return latents


def _cut(video: Tensor, ratio: float) -> Tensor:
    """The middle of frames [F, 3, H, W] that has this ratio of width to height."""
    rows, columns = video.shape[2:]
    wide, tall = min(columns, round(rows * ratio)), min(rows, round(columns / ratio))
    left, top = (columns - wide) // 2, (rows - tall) // 2
    return video[:, :, top : top + tall, left : left + wide]


def _levels(told: Told, sigma: float, latents: Tensor) -> Tensor:
    """The noise level of each token [1, S]: reference picture, last frame, then the clip's."""
    frames, stills = told.levels(sigma, latents.shape[2])
    pictures = [
        torch.full((part[0, 0].size,), float(level))
        for part, level in zip((told.reference, told.end), stills[0], strict=True)
    ]
    each = torch.from_numpy(frames[0]).repeat_interleave(latents[0, 0, 0].numel())
    return torch.cat((*pictures, each))[None]


def _load(folder: Path, library: str, name: str) -> Any:
    component = getattr(importlib.import_module(library), name)
    part = component.from_pretrained(folder)
    return part.eval().requires_grad_(False).float() if isinstance(part, torch.nn.Module) else part
