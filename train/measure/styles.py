"""Does a preview have the colours that its style asks for?

    python -m train.measure.styles [--model DIR] [--bundle DIR] [--count 24]

No scorer is trained for it: a preview's colours are held against those of the drawn clip of the same scene in
each of the styles, and in its own colours.
"""

import argparse
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from export.assemble import assemble
from model_server.engine.preview import PreviewEngine
from train.measure.studio import Studio, bundle_previews
from train.models.vae import as_video
from train.world.captions import Scene, plain_caption, random_scene
from train.world.vocabulary import STYLES
from train.world.world import draw

# The empty style is a scene in its own colours.
NAMES = ("", *STYLES)


def colours(video: Tensor) -> Tensor:
    """Mean, spread and joint variation of red, green and blue of clips [B, 3, F, H, W]: [B, 9]."""
    pixels = video.flatten(2)
    mean = pixels.mean(2)
    apart = pixels - mean[..., None]
    spread = torch.einsum("bip,bjp->bij", apart, apart) / pixels.shape[2]
    rows, columns = torch.triu_indices(3, 3)
    # Square roots, so that all are in the pixels' own unit.
    joint = spread[:, rows, columns]
    return torch.cat((mean, joint.sign() * joint.abs().sqrt()), dim=1)


def nearest_style(video: Tensor, drawn: Tensor) -> Tensor:
    """Which style each clip [B, 3, F, H, W] has: int [B], by the drawn clips [B, S, 3, F, h, w] in all."""
    known = torch.stack([colours(each) for each in drawn])
    return torch.cdist(colours(video)[:, None], known)[:, 0].argmin(1)


@torch.no_grad()
def score(studio: Studio, count: int, engine: PreviewEngine | None) -> str:
    """Markdown: the share of previews of held-out scenes that are nearest to what was asked, by style."""
    lines = ["| style | nearest of 5 | n |", "|---|---|---|"]
    for number, style in enumerate(NAMES):
        rng = random.Random(f"styles {number}")
        scenes = [random_scene(rng, unseen=True) for _ in range(count)]
        prompts = [plain_caption(replace(scene, style=style)) for scene in scenes]
        seeds = [300 + i for i in range(count)]
        if engine is None:
            latents = studio.preview(prompts, seeds)
        else:
            latents = bundle_previews(engine, prompts, seeds)
        drawn = torch.stack([in_every_style(scene, 50_000 + i) for i, scene in enumerate(scenes)])
        share = (nearest_style(studio.decode(latents), drawn) == number).float().mean()
        lines.append(f"| {style or 'its own colours'} | {100 * share:.1f} % | {count} |")
    return "\n".join(lines)


def in_every_style(scene: Scene, seed: int) -> Tensor:
    """The drawn clip of a scene in each of NAMES: [5, 3, F, 96, 64]."""
    return as_video(np.stack([draw(replace(scene, style=style), seed).frames for style in NAMES]))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m train.measure.styles", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--home", type=Path, default=Path("var/train"))
    parser.add_argument("--model", type=Path, default=None, help="an assembled model folder")
    parser.add_argument("--bundle", type=Path, default=None, help="an exported bundle, judged instead")
    parser.add_argument("--count", type=int, default=24, help="held-out prompts a style")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    engine = None if chosen.bundle is None else PreviewEngine(chosen.bundle, chosen.threads)
    print(score(Studio(chosen.model or assemble(chosen.home / "model")), chosen.count, engine))


if __name__ == "__main__":
    main()
