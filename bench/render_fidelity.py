"""How should a render keep the picked preview? Every route, lift and strength on the same previews.

    python -m bench.render_fidelity TEACHER BUNDLE [--prompts 4] [--seeds 4] [--renders 4] [--kept]

Clips are what people see: understood, drawn and composed, at the sizes of both tiers. Of each prompt
`--renders` seeds are rendered. Columns: fidelity (mean, of engine.compare), agreement (share of renders whose
nearest preview among all seeds of the prompt is their own), detail (edge strength against the preview
enlarged bicubically: above 1 is sharper), re-used (share of the schedule that the preview saves), CPU seconds
a render. The first two rows are the ends: a render from scratch, and the enlarged preview itself. `--kept`
leaves out all ways but these and the product's, whose goals are an agreement of 95 % among 16 seeds and a
fidelity of 0.6.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from bench.word_clips import WordClip, WordStudio
from domain.videos.recipes import rendered
from export.command import one_line_errors
from export.options import count
from model_server.engine import flow
from model_server.engine.compare import fidelity, glance_distance
from model_server.engine.pixels import Frames
from model_server.engine.processor import cores
from model_server.engine.render_start import (
    KEEP_NOISE,
    KEEP_SPACE,
    KEEP_STRENGTH,
    StartNoise,
    UpscaleSpace,
)
from model_server.engine.resize import Size
from train.arguments import bundle_folder, model_folder

PROMPTS = (
    "a cat hops on the beach at sunset",
    "a robot spins in the city at night",
    "an octopus drifts in the desert in daylight",
    "a fox walks through the forest at sunset",
    "a balloon rises over the mountains in daylight",
    "a penguin slides across the snow at night",
)
STRENGTHS = (0.4, 0.5, 0.6, 0.7, 0.85)


class FidelityRow(NamedTuple):
    """Means over all previews of one way."""

    way: str
    fidelity: float
    agreement: float
    detail: float
    reused: float
    cpu_s: float


class Picked(NamedTuple):
    """A preview that was picked, and the frames of those it competes with."""

    clip: WordClip
    others: list[Frames]


class RenderWay(NamedTuple):
    """How a preview is rendered."""

    name: str
    space: UpscaleSpace = KEEP_SPACE
    start_noise: StartNoise = KEEP_NOISE
    strength: float = KEEP_STRENGTH


SCRATCH = RenderWay("from scratch", start_noise=StartNoise.FRESH, strength=1.0)
KEPT = RenderWay(f"as the product: {KEEP_NOISE} {KEEP_SPACE} {KEEP_STRENGTH:g}")


def previews(studio: WordStudio, prompts: Sequence[str], seeds: int, picked: int) -> list[Picked]:
    """The first previews of each prompt, with those of all its seeds."""
    found = []
    for prompt in prompts:
        group = [studio.preview(studio.recipe(prompt, seed)) for seed in range(seeds)]
        for place, clip in enumerate(group[:picked]):
            others = [other.frames for index, other in enumerate(group) if index != place]
            found.append(Picked(clip, others))
    return found


def edges(frames: Frames) -> float:
    """Mean absolute difference of neighbouring pixels."""
    values = frames.astype(np.float32)
    return float(np.abs(np.diff(values, axis=1)).mean() + np.abs(np.diff(values, axis=2)).mean())


def enlarged(frames: Frames, width: int, height: int) -> Frames:
    """What a scaler makes of a preview."""
    return np.stack([np.asarray(Image.fromarray(f).resize((width, height))) for f in frames])


def measure(
    name: str, picked: list[Picked], size: Size, draw: Callable[[Picked], Frames], reused: float
) -> FidelityRow:
    """Draw every preview one way and average."""
    rows = []
    for one in picked:
        cpu = time.process_time()
        frames = draw(one)
        cpu = time.process_time() - cpu
        shown = one.clip.frames
        apart = glance_distance(frames, shown)
        own = all(apart < glance_distance(frames, other) for other in one.others)
        detail = edges(frames) / edges(enlarged(shown, *size))
        rows.append((fidelity(frames, shown, one.others), own, detail, reused, cpu))
    return FidelityRow(name, *np.mean(rows, axis=0).tolist())


def every_way() -> list[RenderWay]:
    """All that could be done with a preview."""
    return [
        RenderWay(f"{start_noise} {space} {strength:g}", space, start_noise, strength)
        for space in UpscaleSpace
        for start_noise in StartNoise
        for strength in STRENGTHS
    ]


def fidelity_rows(studio: WordStudio, picked: list[Picked], ways: Sequence[RenderWay]) -> list[FidelityRow]:
    """The rows of the table: the two ends, then the ways."""
    recipe = rendered(picked[0].clip.recipe, studio.card)
    size, sigmas = (recipe.width, recipe.height), studio.renderer.spec.full.sigmas

    def of_way(way: RenderWay) -> FidelityRow:
        steps = len(flow.sigmas_from(sigmas, flow.start_level(way.strength))) - 1

        def draw(one: Picked) -> Frames:
            clip = studio.render(
                one.clip, space=way.space, start_noise=way.start_noise, strength=way.strength
            )
            return clip.frames

        return measure(way.name, picked, size, draw, 1 - steps / (len(sigmas) - 1))

    ends = [
        of_way(SCRATCH),
        measure("enlarged only", picked, size, lambda one: enlarged(one.clip.frames, *size), 1.0),
    ]
    return [*ends, *map(of_way, ways)]


@one_line_errors
def main() -> None:
    """Print the table, and write it where `--out` says."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.render_fidelity",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("teacher", type=model_folder, help="a model folder")
    parser.add_argument("bundle", type=bundle_folder, help="its bundle")
    parser.add_argument("--prompts", type=int, default=4, choices=range(1, len(PROMPTS) + 1))
    parser.add_argument("--seeds", type=count, default=4)
    parser.add_argument("--renders", type=count, default=4, help="seeds of each prompt that are rendered")
    parser.add_argument("--kept", action="store_true", help="the product's way alone")
    parser.add_argument("--threads", type=count, default=cores())
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.seeds < 2:
        parser.error("--seeds must be 2 or more: the zero of fidelity is another seed")
    studio = WordStudio(options.bundle, options.teacher, options.threads)
    picked = previews(studio, PROMPTS[: options.prompts], options.seeds, options.renders)
    rows = fidelity_rows(studio, picked, [KEPT] if options.kept else every_way())
    lines = ["| way | fidelity | agreement | detail | re-used | CPU s |", "|---|---|---|---|---|---|"]
    lines += [f"| {row.way} | {' | '.join(f'{value:.2f}' for value in row[1:])} |" for row in rows]
    table = "\n".join(lines) + "\n"
    print(table)
    if options.out:
        options.out.write_text(table)


if __name__ == "__main__":
    main()
