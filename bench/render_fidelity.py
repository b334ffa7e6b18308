"""How should a render keep the picked preview? Every route, lift and strength on the same previews.

    python -m bench.render_fidelity TEACHER BUNDLE [--prompts 4] [--seeds 4] [--out table.md]

Columns: fidelity (mean, of engine.compare), agreement (share of renders whose nearest preview among all
seeds of the prompt is their own), detail (edge strength against the preview enlarged bicubically: above 1 is
sharper), re-used (share of the schedule that the preview saves), CPU seconds a render. The first two rows are
the ends: a render from scratch, and the enlarged preview itself.
"""

from __future__ import annotations

import os

# Read when torch is imported; see model_server.serve.app.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from PIL import Image

from export.command import one_line_errors
from export.options import count
from model_server.engine.compare import fidelity, glance_distance
from model_server.engine.preview import PreviewEngine
from model_server.engine.processor import cores
from model_server.engine.render import FullRenderer
from model_server.engine.render_start import StartNoise, UpscaleSpace
from model_server.engine.render_state import RenderState
from schemas.videos import Recipe
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
Frames = NDArray[np.uint8]


class FidelityRow(NamedTuple):
    """Means over all previews of one way."""

    way: str
    fidelity: float
    agreement: float
    detail: float
    reused: float
    cpu_s: float


class Picked(NamedTuple):
    """A preview that was picked, and those it competes with."""

    recipe: Recipe
    latents: NDArray[np.float32]
    frames: Frames
    others: list[Frames]


def previews(engine: PreviewEngine, renderer: FullRenderer, prompts: int, seeds: int) -> list[Picked]:
    """Previews of the first prompts from several seeds each, decoded by the teacher's VAE."""
    bucket, found = engine.manifest.buckets[0], []
    for prompt in PROMPTS[:prompts]:
        group = []
        for seed in range(seeds):
            recipe = Recipe(
                model=engine.manifest.id,
                prompt=prompt,
                width=bucket.width,
                height=bucket.height,
                frames=bucket.frames,
                fps=engine.manifest.fps,
                seed=seed,
            )
            job = engine.begin(recipe, None)
            for _ in range(job.steps):
                engine.step(job)
            latents = job.stored_latents.astype(np.float32)
            group.append((recipe, latents, renderer.frames(latents)))
        for place, (recipe, latents, frames) in enumerate(group):
            others = [other[2] for index, other in enumerate(group) if index != place]
            found.append(Picked(recipe, latents, frames, others))
    return found


def edges(frames: Frames) -> float:
    """Mean absolute difference of neighbouring pixels."""
    values = frames.astype(np.float32)
    return float(np.abs(np.diff(values, axis=1)).mean() + np.abs(np.diff(values, axis=2)).mean())


def enlarged(frames: Frames, width: int, height: int) -> Frames:
    """What a scaler makes of a preview."""
    return np.stack([np.asarray(Image.fromarray(f).resize((width, height))) for f in frames])


def measure(
    way: str, picked: list[Picked], size: tuple[int, int], draw: Callable[[Picked], tuple[Frames, float]]
) -> FidelityRow:
    """Draw every preview one way and average."""
    rows = []
    for one in picked:
        cpu = time.process_time()
        frames, reused = draw(one)
        cpu = time.process_time() - cpu
        apart = glance_distance(frames, one.frames)
        own = all(apart < glance_distance(frames, other) for other in one.others)
        detail = edges(frames) / edges(enlarged(one.frames, *size))
        rows.append((fidelity(frames, one.frames, one.others), own, detail, reused, cpu))
    return FidelityRow(way, *np.mean(rows, axis=0).tolist())


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
    parser.add_argument("--threads", type=count, default=cores())
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.seeds < 2:
        parser.error("--seeds must be 2 or more: the zero of fidelity is another seed")
    renderer = FullRenderer(options.teacher, options.threads)
    engine = PreviewEngine(options.bundle, options.threads)
    picked = previews(engine, renderer, options.prompts, options.seeds)
    size = renderer.spec.full.size
    total = len(renderer.spec.full.sigmas) - 1

    def large(one: Picked) -> Recipe:
        return replace(one.recipe, width=size[0], height=size[1])

    def finished(job: RenderState) -> tuple[Frames, float]:
        for _ in range(job.steps):
            renderer.step(job)
        return renderer.decode(job), 1 - job.steps / total

    def from_preview(
        space: UpscaleSpace, start_noise: StartNoise, strength: float
    ) -> Callable[[Picked], tuple[Frames, float]]:
        return lambda one: finished(
            renderer.begin(
                large(one), preview=one.latents, space=space, start_noise=start_noise, strength=strength
            )
        )

    rows = [
        measure("from scratch", picked, size, lambda one: finished(renderer.begin(large(one)))),
        measure("enlarged only", picked, size, lambda one: (enlarged(one.frames, *size), 1.0)),
    ]
    rows += [
        measure(
            f"{start_noise} {space} {strength:g}", picked, size, from_preview(space, start_noise, strength)
        )
        for space in UpscaleSpace
        for start_noise in StartNoise
        for strength in STRENGTHS
    ]
    lines = ["| way | fidelity | agreement | detail | re-used | CPU s |", "|---|---|---|---|---|---|"]
    lines += [f"| {row.way} | {' | '.join(f'{value:.2f}' for value in row[1:])} |" for row in rows]
    table = "\n".join(lines) + "\n"
    print(table)
    if options.out:
        options.out.write_text(table)


if __name__ == "__main__":
    main()
