"""Reconstruction: how much of a clip the autoencoder keeps.

python -m train.measure.reconstruction [--model DIR] [--count 48]

Peak signal-to-noise ratios in dB, over all pixels and over those of the subject, for known subjects and for
sprites that no training has shown; and whether a channel is idle, by the latents' principal components.
"""

import random

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo

from export.command import one_line_errors
from export.options import count
from train.measure.command import measured_folder, measurement_parser, set_threads
from train.models.vae import as_video, decode, encode, psnr
from train.world.clips import FULL, PREVIEW, draw
from train.world.emoji_sprites import held_out_sprites
from train.world.scenes import random_scene

BATCH = 8


@torch.no_grad()
def least_component(vae: AutoencoderKLLTXVideo, count: int) -> float:
    """Variance of the least principal component of latents over that of the posterior's noise; 1 is idle."""
    rng = random.Random("components")
    clips = [draw(random_scene(rng, unseen=True), i).frames for i in range(count)]
    posteriors = [vae.encode(part).latent_dist for part in as_video(np.stack(clips)).split(BATCH)]
    latents = torch.cat([each.mean.movedim(1, -1).flatten(0, -2) for each in posteriors])
    noise = torch.cat([each.std for each in posteriors]).square().mean()
    return float(torch.linalg.eigvalsh(torch.cov(latents.T))[0] / noise)


@torch.no_grad()
def score(vae: AutoencoderKLLTXVideo, count: int) -> str:
    """Markdown: `count` clips a row, of held-out scenes."""
    lines = ["| clips | all pixels | subject | n |", "|---|---|---|---|"]
    sprites = list(held_out_sprites().values())
    for who, chosen in (("known subjects", [None]), ("unseen sprites", sprites)):
        for size in (PREVIEW, FULL):
            rng = random.Random(f"reconstruct {size}")
            scenes = [random_scene(rng, unseen=True) for _ in range(count)]
            clips = [draw(each, i, size, sprite=chosen[i % len(chosen)]) for i, each in enumerate(scenes)]
            video = as_video(np.stack([clip.frames for clip in clips]))
            cover = torch.from_numpy(np.stack([clip.cover for clip in clips]))[:, None]
            output = torch.cat([decode(vae, encode(vae, part)) for part in video.split(BATCH)])
            whole, subject = psnr(output, video), psnr(output, video, cover)
            lines.append(f"| {who}, {size[0]}x{size[1]} | {whole:.2f} dB | {subject:.2f} dB | {count} |")
    return "\n".join(lines)


@one_line_errors
def main() -> None:
    """Print the table."""
    parser = measurement_parser("reconstruction", __doc__)
    parser.add_argument("--count", type=count, default=48, help="clips a row")
    options = parser.parse_args()
    set_threads(options)
    vae = AutoencoderKLLTXVideo.from_pretrained(measured_folder(options) / "vae").float().eval()
    print(score(vae, options.count))
    least = least_component(vae, options.count)
    channels = vae.config.latent_channels
    print(f"\nThe least of {channels} components has {least:.0f} times the noise's variance.")


if __name__ == "__main__":
    main()
