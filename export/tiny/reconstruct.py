"""How much of a clip the autoencoder keeps.

python -m export.tiny.reconstruct [--model DIR] [--count 48]

Peak signal-to-noise ratios in dB, over all pixels and over those of the subject, for known subjects and for
sprites that no training has shown.
"""

import argparse
import random
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo

from export.tiny.assemble import assemble
from export.tiny.captions import random_scene
from export.tiny.crowd import unseen_sprites
from export.tiny.vae import as_video, decode, encode, psnr
from export.tiny.world import FULL, PREVIEW, draw

BATCH = 8


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
        prog="python -m export.tiny.reconstruct", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--home", type=Path, default=Path("var/train"))
    parser.add_argument("--model", type=Path, default=None, help="an assembled model folder")
    parser.add_argument("--count", type=int, default=48, help="clips a row")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    folder = chosen.model or assemble(chosen.home / "model")
    print(score(AutoencoderKLLTXVideo.from_pretrained(folder / "vae").float().eval(), chosen.count))


if __name__ == "__main__":
    main()
