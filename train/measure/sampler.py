"""Sampling with an assembled model folder in plain torch: what the measurements use."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from torch import Tensor

from export.refiner import SIDE, Refiner, load_refiner
from model_server.engine.flow import sigmas_from
from schemas.model_folder import read_model_spec
from train.models import vae as autoencoder
from train.models.conditioning import TokenConditioning, reference_conditioning
from train.models.flow_sampler import noise, sample
from train.models.text_encoder import TextEncoder
from train.world.clips import FRAMES, PREVIEW

BATCH = 16
# Width, height and frames of a clip.
Shape = tuple[int, int, int]
PORTRAIT = (*PREVIEW, FRAMES)


class ModelSampler:
    """Teacher, student and autoencoder of one folder. Videos are [B, 3, F, H, W] in -1..1."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self.vae = AutoencoderKLLTXVideo.from_pretrained(folder / "vae").to(device).eval()
        self.teacher = LTXVideoTransformer3DModel.from_pretrained(folder / "transformer").to(device).eval()
        self.student = (
            LTXVideoTransformer3DModel.from_pretrained(folder / "student" / "transformer").to(device).eval()
        )
        self.folder = folder
        spec = read_model_spec(folder)
        self.preview_spec, self.full_spec = spec.preview, spec.full
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
        conditioning = None if references is None else reference_conditioning(start, references)
        model, sigmas = student or self.student, self.preview_spec.sigmas
        return self._solve(model, start, prompts, sigmas, 1.0, conditioning)

    def teacher_coarse(self, prompts: Sequence[str], seeds: Sequence[int], *, guided: bool) -> Tensor:
        """Latents of the teacher in as few Euler steps as the student has."""
        start = self._noise(seeds, PORTRAIT)
        guidance = self.full_spec.guidance if guided else 1.0
        return self._solve(self.teacher, start, prompts, self.preview_spec.sigmas, guidance)

    def teacher_trajectory(self, prompts: Sequence[str], seeds: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
        """Latents of `teacher_preview`, and its estimates of them after each step (the first: none)."""
        sigmas, estimates = self.full_spec.sigmas, []
        start = self._noise(seeds, PORTRAIT)
        guidance = self.full_spec.guidance
        states = self._solve(self.teacher, start, prompts, sigmas, guidance, return_trajectory=True)
        for k in range(len(sigmas)):
            # A step is straight: from its two ends to noise level 0.
            before, after = states[:, max(0, k - 1)], states[:, k]
            drop = sigmas[max(0, k - 1)] - sigmas[k]
            estimates.append(after if drop == 0 else after + sigmas[k] / drop * (after - before))
        return states[:, -1], estimates

    def teacher_preview(
        self, prompts: Sequence[str], seeds: Sequence[int], references: Tensor | None = None
    ) -> Tensor:
        """Latents of the teacher's guided steps from the same noise at the preview's size."""
        start = self._noise(seeds, PORTRAIT)
        conditioning = None if references is None else reference_conditioning(start, references)
        return self._solve(
            self.teacher,
            start,
            prompts,
            self.full_spec.sigmas,
            self.full_spec.guidance,
            conditioning,
        )

    def teacher_render(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Latents of the teacher at full size from fresh noise, with no preview to keep."""
        start = self._noise(seeds, (*self.full_spec.size, FRAMES))
        return self._solve(self.teacher, start, prompts, self.full_spec.sigmas, self.full_spec.guidance)

    def teacher_finish(
        self,
        prompts: Sequence[str],
        seeds: Sequence[int],
        large: Tensor,
        strength: float,
        references: Tensor | None = None,
    ) -> Tensor:
        """The teacher finishes full-size latents `large` that were put back to noise level `strength`."""
        start = self._noise(seeds, (*self.full_spec.size, FRAMES))
        conditioning = None if references is None else reference_conditioning(start, references)
        start = (1 - strength) * large + strength * start
        steps, guidance = sigmas_from(self.full_spec.sigmas, strength), self.full_spec.guidance
        return self._solve(self.teacher, start, prompts, steps, guidance, conditioning)

    def enlarged(self, latents: Tensor) -> Tensor:
        """Preview latents -> full-size latents, by way of the picture: decode, scale up, encode."""
        return self.encode(autoencoder.enlarge(self.decode(latents), tuple(self.full_spec.size)))

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        return torch.cat([autoencoder.decode(self.vae, part) for part in latents.split(BATCH)]).clamp(-1, 1)

    @torch.no_grad()
    def encode(self, video: Tensor) -> Tensor:
        return torch.cat([autoencoder.encode(self.vae, part) for part in video.split(BATCH)])

    @cached_property
    def refiner(self) -> Refiner:
        """Only the measurements of likeness need it."""
        return load_refiner(self.folder / "refiner").to(self.device)

    @torch.no_grad()
    def refined(self, video: Tensor, pictures: Tensor) -> Tensor:
        """The videos refined by reference pictures [B, 3, S, S] in -1..1."""
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
        conditioning: TokenConditioning | None = None,
        *,
        return_trajectory: bool = False,
    ) -> Tensor:
        ends = []
        for first in range(0, len(start), BATCH):
            rows = slice(first, first + BATCH)
            states, mask = self.text(list(prompts[rows]))
            ends.append(
                sample(
                    model,
                    start[rows],
                    states,
                    mask,
                    sigmas,
                    guidance,
                    self.empty,
                    return_trajectory=return_trajectory,
                    fast=False,
                    conditioning=None if conditioning is None else conditioning.select(rows),
                    reference_guidance=self.full_spec.reference_guidance,
                )
            )
        return torch.cat(ends)
