"""Drawing with an assembled model folder in plain torch: what the measurements use."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from torch import Tensor

from export.tiny import vae as autoencoder
from export.tiny.text import TextEncoder
from export.tiny.transformer import noise, sample

BATCH = 16


class Studio:
    """Teacher, student and autoencoder of one folder. Videos are [B, 3, F, H, W] in -1..1."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self.vae = AutoencoderKLLTXVideo.from_pretrained(folder / "vae").to(device).eval()
        self.teacher = LTXVideoTransformer3DModel.from_pretrained(folder / "transformer").to(device).eval()
        self.student = (
            LTXVideoTransformer3DModel.from_pretrained(folder / "student" / "transformer").to(device).eval()
        )
        recipe = json.loads((folder / "riffle.json").read_text())
        self.preview_recipe, self.full_recipe = recipe["preview"], recipe["full"]
        self.device = device
        self.text = TextEncoder(device)
        self.empty = self.text([""])

    def preview(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Latents of the student's few unguided steps."""
        start = self._noise(seeds, self.preview_recipe["size"])
        return self._solve(self.student, start, prompts, self.preview_recipe["sigmas"], 1.0)

    def teacher_preview(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Latents of the teacher's guided steps from the same noise at the preview's size."""
        start = self._noise(seeds, self.preview_recipe["size"])
        return self._solve(
            self.teacher, start, prompts, self.full_recipe["sigmas"], self.full_recipe["guidance"]
        )

    def full(self, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Latents of the teacher at full size from fresh noise, with no preview to keep."""
        start = self._noise(seeds, self.full_recipe["size"])
        return self._solve(
            self.teacher, start, prompts, self.full_recipe["sigmas"], self.full_recipe["guidance"]
        )

    def finish(self, prompts: Sequence[str], seeds: Sequence[int], large: Tensor, strength: float) -> Tensor:
        """The teacher finishes full-size latents `large` that were put back to noise level `strength`."""
        start = self._noise(seeds, self.full_recipe["size"])
        sigmas = [s for s in self.full_recipe["sigmas"] if s < strength - 1e-4]
        start = (1 - strength) * large + strength * start
        return self._solve(self.teacher, start, prompts, [strength, *sigmas], self.full_recipe["guidance"])

    def enlarged(self, latents: Tensor) -> Tensor:
        """Preview latents -> full-size latents, by way of the picture: decode, scale up, encode."""
        return self.encode(autoencoder.enlarge(self.decode(latents), tuple(self.full_recipe["size"])))

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        return torch.cat([autoencoder.decode(self.vae, part) for part in latents.split(BATCH)]).clamp(-1, 1)

    @torch.no_grad()
    def encode(self, video: Tensor) -> Tensor:
        return torch.cat([autoencoder.encode(self.vae, part) for part in video.split(BATCH)])

    def _noise(self, seeds: Sequence[int], size: Sequence[int]) -> Tensor:
        return torch.cat([noise(seed, (size[0], size[1])) for seed in seeds]).to(self.device)

    def _solve(
        self,
        model: LTXVideoTransformer3DModel,
        start: Tensor,
        prompts: Sequence[str],
        sigmas: Sequence[float],
        guidance: float,
    ) -> Tensor:
        ends = []
        for first in range(0, len(start), BATCH):
            states, mask = self.text(list(prompts[first : first + BATCH]))
            part = start[first : first + BATCH]
            ends.append(sample(model, part, states, mask, sigmas, guidance, self.empty, fast=False))
        return torch.cat(ends)
