"""How much of a clip the autoencoder keeps.

python -m train.measure.reconstruct [--model DIR] [--count 48]

Peak signal-to-noise ratios in dB, over all pixels and over those of the subject, for known subjects and for
sprites that no training has shown; and whether a channel is idle, by the latents' principal components.
"""

import argparse
import random
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo

from export.assemble import assemble
from train.models.vae import as_video, decode, encode, psnr
from train.world.captions import random_scene
from train.world.emoji_sprites import unseen_sprites
from train.world.world import FULL, PREVIEW, draw

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
    sprites = list(unseen_sprites().values())
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


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m train.measure.reconstruct", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--home", type=Path, default=Path("var/train"))
    parser.add_argument("--model", type=Path, default=None, help="an assembled model folder")
    parser.add_argument("--count", type=int, default=48, help="clips a row")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    folder = chosen.model or assemble(chosen.home / "model")
    vae = AutoencoderKLLTXVideo.from_pretrained(folder / "vae").float().eval()
    print(score(vae, chosen.count))
    least = least_component(vae, chosen.count)
    print(
        f"\nThe least of {vae.config.latent_channels} components has {least:.0f} times the noise's variance."
    )


if __name__ == "__main__":
    main()
