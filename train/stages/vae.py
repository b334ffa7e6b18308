"""Training the autoencoder, and its latents' statistics."""

from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLLTXVideo
from torch import Tensor
from torch.utils.data import DataLoader

from train.models.precision import mixed
from train.models.vae import build_vae, psnr
from train.reports.contact_sheets import contact_sheet
from train.stages.clip_windows import ClipWindows
from train.stages.trainer import LOADER_WORKERS, Budget, Trainer, load_average

SUBJECT_WEIGHT = 8.0
EDGE_WEIGHT = 0.6
KL_WEIGHT = 6e-4


def reconstruction_loss(output: Tensor, video: Tensor, cover: Tensor) -> Tensor:
    """Absolute error of pixels and of their spatial and temporal differences, the subject weighing more."""
    weight = 1 + SUBJECT_WEIGHT * F.max_pool3d(cover, (1, 5, 5), 1, (0, 2, 2))
    weight = weight / weight.mean()
    error = output - video
    loss = (error.abs() * weight).mean()
    for axis in (2, 3, 4):
        slope = error.diff(dim=axis)
        loss = loss + EDGE_WEIGHT / 3 * (slope.abs() * weight.narrow(axis, 1, slope.shape[axis])).mean()
    return loss


def train_vae(
    folder: Path,
    budget: Budget,
    *,
    device: str = "cpu",
    seed: int = 0,
    batch: int = 8,
    learning_rate: float = 5e-3,
    decoder_only: bool = False,
    begin: AutoencoderKLLTXVideo | None = None,
) -> None:
    """Train until the budget ends; resumes from `folder/vae.pt`, or starts from the weights of `begin`.

    `decoder_only` freezes the encoder, and with it every latent: sharper pictures without a new teacher
    (`folder/vae-decoder.pt`).
    """
    torch.manual_seed(seed)
    stage = "vae-decoder" if decoder_only else "vae"
    order = torch.contiguous_format if device == "cpu" else torch.channels_last_3d
    vae = build_vae().to(device, memory_format=order)
    if decoder_only:
        vae.load_state_dict(load_average(folder, "vae"))
        vae.encoder.requires_grad_(False)
    elif begin is not None:
        vae.load_state_dict(begin.state_dict())
    metrics = ("loss", "psnr", "subject_psnr")
    trainer = Trainer(folder, stage, vae, budget, learning_rate=learning_rate, metrics=metrics, seed=seed)
    if device == "cpu":
        # On an accelerator compiling takes a minute or more, and a training may last minutes.
        vae.encoder.compile(dynamic=False)
        vae.decoder.compile(dynamic=False)
    fresh_clips = next(iter(DataLoader(ClipWindows(seed + 999, frames=17), batch_size=8)))[0].to(device)
    windows = ClipWindows(seed + budget.done_steps)
    stream = iter(DataLoader(windows, batch_size=batch, num_workers=LOADER_WORKERS, prefetch_factor=4))

    def step() -> tuple[Tensor, dict[str, Tensor]]:
        video, cover = (part.to(device) for part in next(stream))
        video = video.to(memory_format=order)
        with mixed(device):
            posterior = vae.encode(video).latent_dist
            latents = posterior.mode() if decoder_only else posterior.sample()
            output = vae.decode(latents).sample.float()
        loss = reconstruction_loss(output, video, cover)
        if not decoder_only:
            mean, logvar = posterior.mean.float(), posterior.logvar.float()
            loss = loss + KL_WEIGHT * 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
        psnrs = {"psnr": psnr(output, video), "subject_psnr": psnr(output, video, cover)}
        return loss, {"loss": loss, **psnrs}

    trainer.run(step, lambda: _draw_reconstructions(trainer.averaged, fresh_clips, folder, stage))


@torch.no_grad()
def _draw_reconstructions(vae: AutoencoderKLLTXVideo, video: Tensor, folder: Path, stage: str) -> None:
    output = vae.decode(vae.encode(video).latent_dist.mode()).sample
    print(stage, "averaged weights on fresh clips:", f"{psnr(output, video):.2f} dB", flush=True)
    rows = [row for pair in zip(video, output, strict=True) for row in pair]
    contact_sheet(rows, folder / f"{stage}.png", columns=8)


@torch.no_grad()
def measure_latents(vae: AutoencoderKLLTXVideo, seed: int = 1, clips: int = 160) -> None:
    """Store the mean of each latent channel in the model, and one deviation for all, over both sizes' clips.

    One deviation, since all channels carry the same posterior noise: a distance then weighs as much in one
    channel as in another, and a channel that the decoder hardly needs stays small.
    """
    stream = iter(DataLoader(ClipWindows(seed, frames=17), batch_size=8))
    videos = (next(stream)[0].to(vae.device) for _ in range(clips // 8))
    latents = torch.cat([vae.encode(video).latent_dist.mode() for video in videos])
    vae.latents_mean.copy_(latents.mean((0, 2, 3, 4)))
    vae.latents_std.fill_((latents - vae.latents_mean.view(1, -1, 1, 1, 1)).square().mean().sqrt())
