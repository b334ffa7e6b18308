"""Adherence of styles: does a preview have the colours that its style asks for?

    python -m train.measure.style_adherence [--model DIR] [--bundle DIR] [--count 24]

No scorer is trained for it: a preview's colours are held against those of the drawn clip of the same scene in
each of the styles, and in its own colours.
"""

import random
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from export.command import one_line_errors
from export.options import count
from model_server.engine.preview import PreviewEngine
from train.measure.bundle_sampler import bundle_previews
from train.measure.command import measured_bundle, measured_model, measurement_parser, set_threads
from train.measure.sampler import ModelSampler
from train.models.vae import as_video
from train.world.captions import plain_caption
from train.world.clips import draw
from train.world.scenes import Scene, random_scene
from train.world.vocabulary import STYLES

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
def score(sampler: ModelSampler, count: int, engine: PreviewEngine | None) -> str:
    """Markdown: the share of previews of held-out scenes that are nearest to what was asked, by style."""
    lines = ["| style | nearest of 5 | n |", "|---|---|---|"]
    for number, style in enumerate(NAMES):
        rng = random.Random(f"styles {number}")
        scenes = [random_scene(rng, unseen=True) for _ in range(count)]
        prompts = [plain_caption(replace(scene, style=style)) for scene in scenes]
        seeds = [300 + i for i in range(count)]
        if engine is None:
            latents = sampler.preview(prompts, seeds)
        else:
            latents = bundle_previews(engine, prompts, seeds)
        drawn = torch.stack([in_every_style(scene, 50_000 + i) for i, scene in enumerate(scenes)])
        share = (nearest_style(sampler.decode(latents), drawn) == number).float().mean()
        lines.append(f"| {style or 'its own colours'} | {100 * share:.1f} % | {count} |")
    return "\n".join(lines)


def in_every_style(scene: Scene, seed: int) -> Tensor:
    """The drawn clip of a scene in each of NAMES: [5, 3, F, 96, 64]."""
    return as_video(np.stack([draw(replace(scene, style=style), seed).frames for style in NAMES]))


@one_line_errors
def main() -> None:
    """Print the table."""
    parser = measurement_parser("style_adherence", __doc__, bundle=True)
    parser.add_argument("--count", type=count, default=24, help="held-out prompts a style")
    options = parser.parse_args()
    set_threads(options)
    engine = measured_bundle(options)
    print(score(measured_model(options), options.count, engine))


if __name__ == "__main__":
    main()
