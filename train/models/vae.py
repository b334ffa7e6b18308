"""The video autoencoder: LTX-Video's architecture at toy size, trained on drawn clips.

HaCohen et al., "LTX-Video: realtime video latent diffusion" (2024): 4x4 pixel patches, then two blocks that
halve space and time, so 16x in space and 4x in time, 48 latent channels. A 64x96 clip of 17 frames becomes
[48, 5, 6, 4].
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLLTXVideo
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from train.measure.contact_sheets import contact_sheet
from train.measure.curves import loss_curves
from train.stages.precision import mixed
from train.stages.training import (
    DRAWERS,
    Average,
    Budget,
    Log,
    Muon,
    clip_gradients,
    save_checkpoint,
    set_rate,
)
from train.world.captions import STYLED_SHARE, held_out, random_scene
from train.world.emoji_sprites import crowd, crowd_sprite
from train.world.vocabulary import STYLES, SUBJECTS
from train.world.world import FULL, PREVIEW, Clip, draw

# With 32 none was idle (decision 0013; train.measure.reconstruct).
LATENT_CHANNELS = 48
SPACE = 16
TIME = 4
SUBJECT_WEIGHT = 8.0
EDGE_WEIGHT = 0.6
KL_WEIGHT = 6e-4
CROWD_SHARE = 0.6  # of clips whose subject is none of the vocabulary's
PAIRED_SHARE = 0.25  # of clips, less the held-out ones, that show another subject too
SHUFFLED = 96  # windows that wait, so that those of one clip don't meet in one batch


def build_vae() -> AutoencoderKLLTXVideo:
    return AutoencoderKLLTXVideo(
        latent_channels=LATENT_CHANNELS,
        block_out_channels=(32, 64, 128),
        down_block_types=("LTXVideo095DownBlock3D", "LTXVideo095DownBlock3D"),
        decoder_block_out_channels=(64, 128),
        layers_per_block=(2, 2, 2),
        decoder_layers_per_block=(2, 2, 2),
        spatio_temporal_scaling=(True, True),
        decoder_spatio_temporal_scaling=(True, True),
        decoder_inject_noise=(False, False, False),
        downsample_type=("spatiotemporal", "spatiotemporal"),
        upsample_residual=(True, True),
        # Keeping the last stage at 64 channels matters: each of its cells becomes 4x4x3 pixels.
        upsample_factor=(1, 2),
        timestep_conditioning=False,
        patch_size=4,
        patch_size_t=1,
        encoder_causal=True,
        decoder_causal=False,
    )


class Windows(IterableDataset):
    """An endless shuffled stream of preview-sized windows of clips, from both sizes of the world.

    Yields (video float32 [3, F, 96, 64] in -1..1, cover float32 [1, F, 96, 64] in 0..1). A large clip gives
    three windows, two of them around its subject.
    """

    def __init__(self, seed: int, frames: int = 9, full_share: float = 0.3) -> None:
        self.seed, self.frames, self.full_share = seed, frames, full_share

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        info = torch.utils.data.get_worker_info()
        rng = random.Random(f"windows {self.seed} {info.id if info else 0}")
        waiting: list[tuple[Tensor, Tensor]] = []
        while True:
            size = FULL if rng.random() < self.full_share else PREVIEW
            stranger = crowd_sprite(rng.choice(crowd())) if rng.random() < CROWD_SHARE else None
            scene = random_scene(rng)
            if rng.random() < STYLED_SHARE:
                scene = replace(scene, style=rng.choice(tuple(STYLES)))
            paired = replace(scene, other=rng.choice(tuple(SUBJECTS)))
            if rng.random() < PAIRED_SHARE and not held_out(paired):
                scene = paired
            clip = draw(scene, rng.getrandbits(40), size, sprite=stranger)
            windows = 3 if size == FULL else 1
            waiting.extend(self._window(clip, rng, around_subject=number > 0) for number in range(windows))
            while len(waiting) >= SHUFFLED:
                yield waiting.pop(rng.randrange(len(waiting)))

    def _window(self, clip: Clip, rng: random.Random, around_subject: bool) -> tuple[Tensor, Tensor]:
        frames, height, width = clip.cover.shape
        first = rng.randint(0, frames - self.frames)
        corner = [rng.randint(0, height - PREVIEW[1]), rng.randint(0, width - PREVIEW[0])]
        seen = np.argwhere(clip.cover[first + self.frames // 2] > 0.5)
        if around_subject and len(seen):
            for axis, side in enumerate((PREVIEW[1], PREVIEW[0])):
                start = int(seen[:, axis].mean()) - side // 2 + rng.randint(-side // 4, side // 4)
                corner[axis] = max(0, min(start, clip.cover.shape[axis + 1] - side))
        y, x = corner
        window = (slice(first, first + self.frames), slice(y, y + PREVIEW[1]), slice(x, x + PREVIEW[0]))
        cover = torch.from_numpy(np.ascontiguousarray(clip.cover[window]))[None]
        return as_video(np.ascontiguousarray(clip.frames[window])), cover


def as_video(frames: np.ndarray | Tensor) -> Tensor:
    """Drawn frames uint8 [..., F, H, W, 3] -> float32 [..., 3, F, H, W] in -1..1."""
    return torch.as_tensor(frames).movedim(-1, -4).float() / 127.5 - 1


def encode(vae: AutoencoderKLLTXVideo, video: Tensor) -> Tensor:
    """Video [B, 3, F, H, W] in -1..1 -> latents [B, C, (F-1)/4+1, H/16, W/16] of about unit variance."""
    latents = vae.encode(video).latent_dist.mode().float()
    return (latents - _channels(vae.latents_mean)) / _channels(vae.latents_std)


def decode(vae: AutoencoderKLLTXVideo, latents: Tensor) -> Tensor:
    """The inverse of `encode`; the result may leave -1..1 a little."""
    return vae.decode(latents * _channels(vae.latents_std) + _channels(vae.latents_mean)).sample.float()


def enlarge(video: Tensor, size: tuple[int, int]) -> Tensor:
    """Scale [B, 3, F, H, W] up to `size` (width, height), cut off at -1..1."""
    frames = F.interpolate(video.transpose(1, 2).flatten(0, 1), size[::-1], mode="bicubic").clamp(-1, 1)
    return frames.unflatten(0, (len(video), -1)).transpose(1, 2)


def _channels(values: Tensor) -> Tensor:
    return values.float().view(1, -1, 1, 1, 1)


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


@torch.no_grad()
def psnr(output: Tensor, video: Tensor, weight: Tensor | None = None) -> float:
    """Peak signal-to-noise ratio in dB of -1..1 videos, over the pixels that `weight` counts."""
    error = (output.clamp(-1, 1) - video).square().mean(1, keepdim=True) / 4
    mean = error.mean() if weight is None else (error * weight).sum() / weight.sum()
    return float(-10 * torch.log10(mean))


def train_vae(
    folder: Path,
    budget: Budget,
    *,
    device: str = "cpu",
    seed: int = 0,
    batch: int = 8,
    rate: float = 5e-3,
    decoder_only: bool = False,
    begin: AutoencoderKLLTXVideo | None = None,
) -> AutoencoderKLLTXVideo:
    """Train until the budget ends; resumes from `folder/vae.pt`, or goes on from the weights of `begin`.

    `decoder_only` keeps the encoder, and with it every latent, as it is: sharper pictures without a new
    teacher.
    """
    torch.manual_seed(seed)
    stage = "vae-decoder" if decoder_only else "vae"
    order = torch.contiguous_format if device == "cpu" else torch.channels_last_3d
    vae = build_vae().to(device, memory_format=order)
    if decoder_only:
        vae.load_state_dict(torch.load(folder / "vae.pt")["average"])
        vae.encoder.requires_grad_(False)
    elif begin is not None:
        vae.load_state_dict(begin.state_dict())
    optimiser, average, log = Muon(vae, rate), Average(vae, 0.998), Log(folder, stage)
    checkpoint = folder / f"{stage}.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        vae.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        average.weights, average.count = state["average"], state["count"]
        budget.done_steps, budget.spent_seconds = state["steps"], state["seconds"]
    if device == "cpu":
        # On an accelerator compiling takes a minute or more, and a training may last minutes.
        vae.encoder.compile(dynamic=False)
        vae.decoder.compile(dynamic=False)
    sight = next(iter(DataLoader(Windows(seed + 999, frames=17), batch_size=8)))
    stream = iter(
        DataLoader(
            Windows(seed + budget.done_steps), batch_size=batch, num_workers=DRAWERS, prefetch_factor=4
        )
    )
    while budget.progress < 1:
        set_rate(optimiser, budget.rate(rate))
        video, cover = (part.to(device) for part in next(stream))
        video = video.to(memory_format=order)
        with mixed(device):
            posterior = vae.encode(video).latent_dist
            latents = posterior.mode() if decoder_only else posterior.sample()
            output = vae.decode(latents).sample
        loss = reconstruction_loss(output.float(), video, cover)
        if not decoder_only:
            mean, logvar = posterior.mean.float(), posterior.logvar.float()
            loss = loss + KL_WEIGHT * 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
        optimiser.zero_grad()
        loss.backward()
        norm = clip_gradients(vae.parameters())
        optimiser.step()
        average.update(vae)
        budget.tick()
        step = budget.done_steps
        if step % 50 == 0 or budget.progress >= 1:
            subject = psnr(output.float(), video, cover)
            log.row(
                step=step,
                loss=float(loss),
                psnr=psnr(output.float(), video),
                subject_psnr=subject,
                norm=norm,
                seconds=budget.spent_seconds,
            )
        if budget.due():
            _finish(vae, average, sight[0].to(device), folder, stage)
            loss_curves(log.path)
            save_checkpoint(
                checkpoint,
                model=vae.state_dict(),
                optimiser=optimiser.state_dict(),
                average=average.weights,
                count=average.count,
                steps=step,
                seconds=budget.spent_seconds,
            )
    vae.load_state_dict(average.weights)
    return vae.eval()


@torch.no_grad()
def _finish(vae: AutoencoderKLLTXVideo, average: Average, video: Tensor, folder: Path, stage: str) -> None:
    """Draw the averaged model's reconstructions."""
    shadow = build_vae().to(video.device)
    shadow.load_state_dict(average.weights)
    output = shadow.decode(shadow.encode(video).latent_dist.mode()).sample
    print(stage, "averaged weights on fresh clips:", round(psnr(output, video), 2), "dB", flush=True)
    rows = [row for pair in zip(video, output, strict=True) for row in pair]
    contact_sheet(rows, folder / f"{stage}.png", columns=8)


@torch.no_grad()
def measure_latents(vae: AutoencoderKLLTXVideo, seed: int = 1, clips: int = 160) -> None:
    """Store the mean of each latent channel in the model, and one deviation for all, over both sizes' clips.

    One deviation, since all channels carry the same posterior noise: a distance then weighs as much in one
    channel as in another, and a channel that the decoder hardly needs stays small.
    """
    stream = iter(DataLoader(Windows(seed, frames=17), batch_size=8))
    videos = (next(stream)[0].to(vae.device) for _ in range(clips // 8))
    latents = torch.cat([vae.encode(video).latent_dist.mode() for video in videos])
    vae.latents_mean.copy_(latents.mean((0, 2, 3, 4)))
    vae.latents_std.fill_((latents - vae.latents_mean.view(1, -1, 1, 1, 1)).square().mean().sqrt())
