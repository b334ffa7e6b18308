"""Training the upsampling decoder: errors of pixels, of what a network of photographs sees, and of how much
detail there is in each neighbourhood.

Latents get noise of a random amount: those of a student are a little wrong.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLLTXVideo
from torch import Tensor

from export.upsampling_decoder import from_autoencoder
from train.models.perceptual import PerceptualLoss
from train.models.precision import mixed
from train.stages.decoder_clips import DecoderClips
from train.stages.trainer import Budget, Trainer

PERCEPTUAL_WEIGHT = 0.5
# Of the detail. Errors of pixels alone leave out what isn't sure to lie exactly there.
DETAIL_WEIGHT = 1.0
NEIGHBOURHOOD = 8  # pixels
# Latents are right for this share of the budget.
NOISE_FROM = 0.15
LATENT_ERROR = 0.25  # the largest deviation of the noise on latents


def edge_energy(pictures: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels."""
    return sum(pictures.float().diff(dim=axis).square().mean() for axis in (-1, -2))  # type: ignore[return-value]


def local_detail(pictures: Tensor) -> Tensor:
    """Mean slope of each neighbourhood of pictures [N, 3, H, W]: [N, 1, H/8, W/8]."""
    down = pictures.diff(dim=-2)[..., :, :-1]
    right = pictures.diff(dim=-1)[..., :-1, :]
    slope = (down.square() + right.square()).mean(1, keepdim=True).add(1e-5).sqrt()
    return F.avg_pool2d(slope, NEIGHBOURHOOD, ceil_mode=True)


def train_upsampling_decoder(
    folder: Path,
    vae: AutoencoderKLLTXVideo,
    clips: DecoderClips,
    budget: Budget,
    *,
    seed: int = 0,
    batch: int = 8,
    learning_rate: float = 2e-3,
) -> None:
    """Train until the budget ends; resumes from `folder/upsampling-decoder.pt`, or begins as the decoder of
    this autoencoder.
    """
    torch.manual_seed(seed)
    model = from_autoencoder(vae).to(memory_format=torch.channels_last)
    trainer = Trainer(
        folder,
        "upsampling-decoder",
        model,
        budget,
        learning_rate=learning_rate,
        metrics=("error", "seen as", "detail", "edges"),
        seed=seed,
    )
    perceptual = PerceptualLoss()

    def step() -> tuple[Tensor, dict[str, Tensor]]:
        latents, index, target = clips.sample(batch, trainer.rng)
        if budget.progress >= NOISE_FROM:
            amount = LATENT_ERROR * torch.rand(len(latents), 1, 1, 1, 1) ** 2
            latents = latents + amount * torch.randn_like(latents)
        real = target.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        with mixed("cpu"):
            output = model.frame(model.followed(latents), index).float()
            seen_as = perceptual(output, real)
        error = F.l1_loss(output, real)
        detail = F.l1_loss(local_detail(output), local_detail(real))
        with torch.no_grad():
            edges = edge_energy(output) / edge_energy(real)
        loss = error + PERCEPTUAL_WEIGHT * seen_as + DETAIL_WEIGHT * detail
        return loss, {"error": error, "seen as": seen_as, "detail": detail, "edges": edges}

    trainer.run(step)
