"""The pictures of the model card, drawn by the server's two engines.

    python -m bench.model_card_pictures TEACHER BUNDLE [--out docs/images] [--seed 5]

riffle-tiny.jpg: prompts, the preview on the left and its render on the right. shapes.jpg: other sizes,
lengths and styles. pairs.jpg: two subjects. likeness.jpg: reference pictures, previews that were shown them
and the renders of these.
"""

from __future__ import annotations

import os

# Read when torch is imported; see model_server.serve.app.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from PIL import Image

from export.command import one_line_errors
from export.options import count
from export.verify import recipe
from model_server.engine.bundle import find_bucket
from model_server.engine.condition_inputs import NO_INPUTS, ConditioningInputs
from model_server.engine.preview import PreviewEngine
from model_server.engine.processor import cores
from model_server.engine.render import FullRenderer
from schemas.videos import Recipe
from train.arguments import bundle_folder, model_folder
from train.stages.refiner_shards import PICTURE
from train.world.clips import reference_picture
from train.world.emoji_sprites import held_out_sprites

PROMPTS = (
    "a cat jumps on a beach at night",
    "kitty hops by the shore at dusk",
    "a robot walks left in a forest by day",
    "a boat in the ocean at sunset",
    "a flamingo floats up in a desert by day",
    "a car comes closer in a city at night",
    "a panda spins in a meadow",
    "a rocket takes off in space at night",
    "a pig walks right in the snow by day",
    "a pumpkin falls down in a room at night",
)
SHAPED = (
    ("a bus walks left in a city by day", (96, 64, 41)),
    ("a rocket takes off in space at night in neon colours", (96, 64, 33)),
    ("a panda spins in a meadow in sepia", (64, 64, 25)),
    ("a pig comes closer in a room by day in pastel colours", (64, 64, 41)),
    ("a fox walks right in a forest by day in black and white", (64, 96, 33)),
)
PAIRED = (
    "a cat and a frog jump on a beach by day",
    "a penguin and a robot stand still in the snowy mountains at sunset",
    "a pumpkin and a ghost float up in a forest at night",
    "a lion next to a rocket in a desert by day",
    "a panda and a car come closer in a city at sunset",
    "a pig and a balloon walk left in a meadow by day",
)
REFERRED = (
    "someone walks right in a meadow by day",
    "someone stands still on a beach by day",
    "someone comes closer in the snowy mountains by day",
    "someone jumps in a room by day",
    "someone floats up in a desert at sunset",
    "someone walks left under the sea by day",
    "someone jumps in a forest by day",
    "someone stands still on a beach at sunset",
)
GAP = 4  # white pixels between two clips
Frames = NDArray[np.uint8]


def strip(frames: Frames, count: int, height: int) -> Frames:
    """`count` evenly spaced frames side by side, scaled to `height`: uint8 [height, W, 3]."""
    picked = frames[np.linspace(0, len(frames) - 1, count).round().astype(int)]
    width = height * picked.shape[2] // picked.shape[1]
    scaled = [Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC) for frame in picked]
    return np.concatenate([np.asarray(frame) for frame in scaled], axis=1)


def beside(parts: list[Frames], axis: int) -> Frames:
    """Pictures in a row (axis 1) or below one another (axis 0) on white, with gaps between them."""
    side = max(part.shape[1 - axis] for part in parts)
    found = []
    for part in parts:
        room = [(0, 0), (0, 0), (0, 0)]
        room[axis], room[1 - axis] = (0, GAP), (0, side - part.shape[1 - axis])
        found.append(np.pad(part, room, constant_values=255))
    return np.concatenate(found, axis=axis)


class Gallery:
    """Draws with both engines from one seed."""

    def __init__(self, teacher: Path, bundle: Path, seed: int, threads: int) -> None:
        self.renderer, self.engine = FullRenderer(teacher, threads), PreviewEngine(bundle, threads)
        self.seed = seed

    def preview(
        self, prompt: str, shape: tuple[int, int, int] | None = None, inputs: ConditioningInputs = NO_INPUTS
    ) -> tuple[Recipe, NDArray[np.float32], Frames]:
        """Its recipe, and latents and frames as a server keeps and shows them.

        shape: (width, height, frames); none: the bundle's own.
        """
        manifest = self.engine.manifest
        bucket = manifest.buckets[0] if shape is None else find_bucket(manifest, *shape)
        wanted = recipe(manifest, bucket, prompt, self.seed)
        job = self.engine.begin(wanted, inputs=inputs)
        for _ in range(job.steps):
            self.engine.step(job)
        frames, kept = self.engine.refine_frames(self.engine.decode(job), inputs), job.stored_latents
        if self.engine.refines(inputs):
            kept = self.engine.encode(frames)
        return wanted, kept.astype(np.float32), frames

    def with_render(self, prompt: str, count: int = 4, inputs: ConditioningInputs = NO_INPUTS) -> Frames:
        """A preview and the render that was picked by it, `count` frames each."""
        wanted, latents, frames = self.preview(prompt, inputs=inputs)
        width, height = self.renderer.spec.full.size
        large = replace(wanted, width=width, height=height)
        job = self.renderer.begin(large, preview=latents, inputs=inputs)
        for _ in range(job.steps):
            self.renderer.step(job)
        render = self.engine.refine_frames(self.renderer.decode(job), inputs)
        return beside([strip(frames, count, 144), strip(render, count, 144)], axis=1)

    def likeness(self, prompt: str, number: int) -> Frames:
        """A held-out sprite's picture, a preview that was shown it, and its render."""
        sprite = list(held_out_sprites().values())[number]
        picture = reference_picture(sprite, 170 + number, PICTURE)
        clips = self.with_render(prompt, 3, ConditioningInputs(reference=picture[None]))
        return beside([strip(picture[None], 1, 96), clips], axis=1)


@one_line_errors
def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.model_card_pictures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("teacher", type=model_folder, help="a model folder")
    parser.add_argument("bundle", type=bundle_folder, help="its bundle")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--threads", type=count, default=cores())
    options = parser.parse_args()
    gallery = Gallery(options.teacher, options.bundle, options.seed, options.threads)
    shaped = [strip(gallery.preview(prompt, shape)[2], 5, 2 * shape[1]) for prompt, shape in SHAPED]
    pairs = [strip(gallery.preview(prompt)[2], 4, 144) for prompt in PAIRED]
    shown = [gallery.likeness(prompt, 2 * number) for number, prompt in enumerate(REFERRED)]
    sheets = {
        "riffle-tiny": beside([gallery.with_render(prompt) for prompt in PROMPTS], axis=0),
        "shapes": beside(shaped, axis=0),
        "pairs": beside([beside(pairs[:3], axis=0), beside(pairs[3:], axis=0)], axis=1),
        "likeness": beside([beside(shown[:4], axis=0), beside(shown[4:], axis=0)], axis=1),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    for name, sheet in sheets.items():
        Image.fromarray(sheet[:-GAP, :-GAP]).save(options.out / f"{name}.jpg", quality=88)
        print(options.out / f"{name}.jpg", sheet.shape)


if __name__ == "__main__":
    main()
