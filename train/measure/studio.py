"""Drawing with an assembled model folder in plain torch: what the measurements use."""

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from torch import Tensor

from export.refiner import SIDE, Refiner, load_refiner
from export.verify import recipe
from model_server.engine.bundle import find_bucket
from model_server.engine.condition_inputs import NO_INPUTS, ConditioningInputs
from model_server.engine.preview import PreviewEngine
from model_server.engine.preview_state import PreviewState
from train.models import vae as autoencoder
from train.models.conditions import Conditions, referring
from train.models.text_encoder import TextEncoder
from train.models.transformer import noise, sample
from train.world.world import FRAMES, PREVIEW

BATCH = 16
# Width, height and frames of a clip.
Shape = tuple[int, int, int]
PORTRAIT = (*PREVIEW, FRAMES)


class Studio:
    """Teacher, student and autoencoder of one folder. Videos are [B, 3, F, H, W] in -1..1."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self.vae = AutoencoderKLLTXVideo.from_pretrained(folder / "vae").to(device).eval()
        self.teacher = LTXVideoTransformer3DModel.from_pretrained(folder / "transformer").to(device).eval()
        self.student = (
            LTXVideoTransformer3DModel.from_pretrained(folder / "student" / "transformer").to(device).eval()
        )
        self.folder = folder
        card = json.loads((folder / "riffle.json").read_text())
        self.preview_recipe, self.full_recipe = card["preview"], card["full"]
        self.device = device
        self.text = TextEncoder(device)
        self.empty = self.text([""])

    def preview(
        self,
        prompts: Sequence[str],
        seeds: Sequence[int],
        references: Tensor | None = None,
        student: LTXVideoTransformer3DModel | None = None,
        shape: Shape = PORTRAIT,
    ) -> Tensor:
        """Latents of the student's few unguided steps; references: latents [B, C, 1, 4, 4] of pictures."""
        start = self._noise(seeds, shape)
        told = None if references is None else referring(start, references)
        return self._solve(student or self.student, start, prompts, self.preview_recipe["sigmas"], 1.0, told)

    def coarse(self, prompts: Sequence[str], seeds: Sequence[int], *, guided: bool) -> Tensor:
        """Latents of the teacher in as few Euler steps as the student has."""
        start = self._noise(seeds, PORTRAIT)
        guidance = self.full_recipe["guidance"] if guided else 1.0
        return self._solve(self.teacher, start, prompts, self.preview_recipe["sigmas"], guidance)

    def teacher_path(self, prompts: Sequence[str], seeds: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
        """Latents of `teacher_preview`, and its guess of them after each of its steps (the first: none)."""
        sigmas, guesses = self.full_recipe["sigmas"], []
        start = self._noise(seeds, PORTRAIT)
        path = self._solve(self.teacher, start, prompts, sigmas, self.full_recipe["guidance"], keep=True)
        for k in range(len(sigmas)):
            # A step is straight: from its two ends to noise level 0.
            before, after = path[:, max(0, k - 1)], path[:, k]
            drop = sigmas[max(0, k - 1)] - sigmas[k]
            guesses.append(after if drop == 0 else after + sigmas[k] / drop * (after - before))
        return path[:, -1], guesses

    def teacher_preview(
        self, prompts: Sequence[str], seeds: Sequence[int], references: Tensor | None = None
    ) -> Tensor:
        """Latents of the teacher's guided steps from the same noise at the preview's size."""
        start = self._noise(seeds, PORTRAIT)
        told = None if references is None else referring(start, references)
        return self._solve(
            self.teacher, start, prompts, self.full_recipe["sigmas"], self.full_recipe["guidance"], told
        )

    def full(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Latents of the teacher at full size from fresh noise, with no preview to keep."""
        start = self._noise(seeds, (*self.full_recipe["size"], FRAMES))
        return self._solve(
            self.teacher, start, prompts, self.full_recipe["sigmas"], self.full_recipe["guidance"]
        )

    def finish(
        self,
        prompts: Sequence[str],
        seeds: Sequence[int],
        large: Tensor,
        strength: float,
        references: Tensor | None = None,
    ) -> Tensor:
        """The teacher finishes full-size latents `large` that were put back to noise level `strength`."""
        start = self._noise(seeds, (*self.full_recipe["size"], FRAMES))
        told = None if references is None else referring(start, references)
        sigmas = [s for s in self.full_recipe["sigmas"] if s < strength - 1e-4]
        start = (1 - strength) * large + strength * start
        steps, guidance = [strength, *sigmas], self.full_recipe["guidance"]
        return self._solve(self.teacher, start, prompts, steps, guidance, told)

    def enlarged(self, latents: Tensor) -> Tensor:
        """Preview latents -> full-size latents, by way of the picture: decode, scale up, encode."""
        return self.encode(autoencoder.enlarge(self.decode(latents), tuple(self.full_recipe["size"])))

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        return torch.cat([autoencoder.decode(self.vae, part) for part in latents.split(BATCH)]).clamp(-1, 1)

    @torch.no_grad()
    def encode(self, video: Tensor) -> Tensor:
        return torch.cat([autoencoder.encode(self.vae, part) for part in video.split(BATCH)])

    @cached_property
    def refiner(self) -> Refiner:
        """What the measures of likeness ask for, and no other."""
        return load_refiner(self.folder / "refiner").to(self.device)

    @torch.no_grad()
    def refined(self, video: Tensor, pictures: Tensor) -> Tensor:
        """The videos with the subjects of reference pictures [B, 3, S, S] in -1..1 in their own detail."""
        refined = []
        for clip, picture in zip(video, pictures, strict=True):
            frames = (clip.transpose(0, 1) + 1) / 2
            short = min(frames.shape[-2:])
            small = F.interpolate(frames, scale_factor=SIDE / short, mode="bicubic", antialias=True)
            shown = F.interpolate((picture[None] + 1) / 2, (short, short), mode="bicubic", antialias=True)
            refined.append(self.refiner(shown, frames, small).clamp(0, 1).transpose(0, 1) * 2 - 1)
        return torch.stack(refined)

    def _noise(self, seeds: Sequence[int], shape: Shape) -> Tensor:
        width, height, frames = shape
        return torch.cat([noise(seed, (width, height), frames) for seed in seeds]).to(self.device)

    def _solve(
        self,
        model: LTXVideoTransformer3DModel,
        start: Tensor,
        prompts: Sequence[str],
        sigmas: Sequence[float],
        guidance: float,
        told: Conditions | None = None,
        *,
        keep: bool = False,
    ) -> Tensor:
        ends = []
        for first in range(0, len(start), BATCH):
            rows = slice(first, first + BATCH)
            states, mask = self.text(list(prompts[rows]))
            given = None if told is None else told.rows(rows)
            ends.append(
                sample(
                    model,
                    start[rows],
                    states,
                    mask,
                    sigmas,
                    guidance,
                    self.empty,
                    keep=keep,
                    fast=False,
                    told=given,
                    reference_guidance=self.full_recipe.get("reference_guidance"),
                )
            )
        return torch.cat(ends)


def bundle_clips(
    engine: PreviewEngine, prompts: Sequence[str], seeds: Sequence[int], given: Sequence[ConditioningInputs]
) -> Tensor:
    """Portraits [B, 3, F, H, W] in -1..1 as a server shows them, with what a bundle's refiner does."""
    jobs = _drawn(engine, prompts, seeds, given, PORTRAIT)
    clips = [engine.refine_frames(engine.decode(job), shown) for job, shown in zip(jobs, given, strict=True)]
    return autoencoder.as_video(np.stack(clips))


def bundle_previews(
    engine: PreviewEngine,
    prompts: Sequence[str],
    seeds: Sequence[int],
    given: Sequence[ConditioningInputs] | None = None,
    shape: Shape = PORTRAIT,
) -> Tensor:
    """Latents [B, C, F, h, w] of previews as an exported bundle draws them."""
    jobs = _drawn(engine, prompts, seeds, given or [NO_INPUTS] * len(seeds), shape)
    return torch.cat([torch.from_numpy(job.latents.copy()) for job in jobs])


def _drawn(
    engine: PreviewEngine,
    prompts: Sequence[str],
    seeds: Sequence[int],
    given: Sequence[ConditioningInputs],
    shape: Shape,
) -> Iterator[PreviewState]:
    """One finished job after the other."""
    bucket = find_bucket(engine.manifest, *shape)
    for prompt, seed, shown in zip(prompts, seeds, given, strict=True):
        job = engine.begin(recipe(engine.manifest, bucket, prompt, seed), inputs=shown)
        for _ in range(job.steps):
            engine.step(job)
        yield job
