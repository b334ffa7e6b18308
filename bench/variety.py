"""Do seeds differ, and do frames flicker, in what people see? Held against the drawn world.

    python -m bench.variety [--bundle DIR] [--count 24]

Prompts are of the drawn world's 24 subjects, in combinations that no training shows; `--count` of them, each
from four seeds. Diversity: mean distance of a prompt's clips in the judge's features; flicker: what pixels do
in one frame and take back in the next. Both as shares of the drawn world's, at the size of previews.
`composed` is what people see; `by words alone` is the same transformer drawing the subject too, as models
without a library do; `scenes alone` has flicker only, in levels of 255: in the drawn world nothing moves
there but the camera.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from bench.word_clips import WordClip, WordStudio, studio_of, studio_parser
from export.command import one_line_errors
from train.measure.clip_statistics import SEEDS, diversity, flicker
from train.measure.judge import unseen_scenes
from train.models.judge import Judge, load_judge, to_preview
from train.models.vae import as_video
from train.world.captions import plain_caption
from train.world.clips import draw
from train.world.scenes import Scene

# Clips that the judge sees at once.
BATCH = 32
# Of videos in -1..1.
LEVELS = 127.5


def seeded(scenes: Sequence[Scene]) -> list[tuple[Scene, int]]:
    """Every scene with each of its seeds."""
    return [(scene, SEEDS * number + seed) for number, scene in enumerate(scenes) for seed in range(SEEDS)]


def drawn_world(scenes: Sequence[Scene], width: int, height: int) -> Tensor:
    """Clips [n, 3, F, H, W] in -1..1 of the drawn world."""
    clips = [draw(scene, 70_000 + seed, (width, height)).frames for scene, seed in seeded(scenes)]
    video: Tensor = as_video(np.stack(clips))
    return video


def word_clips(studio: WordStudio, scenes: Sequence[Scene], *, composed: bool) -> list[WordClip]:
    """Previews of the plainest captions."""
    return [
        studio.preview(studio.recipe(plain_caption(scene), seed, composed=composed))
        for scene, seed in seeded(scenes)
    ]


@torch.inference_mode()
def measures(judge: Judge, video: Tensor) -> tuple[float, float]:
    """Diversity and flicker of clips in the order of `seeded`."""
    parts = [judge.features(to_preview(part)) for part in torch.split(video, BATCH)]
    return diversity(torch.cat(parts)), flicker(video)


@one_line_errors
def main() -> None:
    """Draw, measure and print."""
    options = studio_parser("variety", __doc__, 24, renders=False).parse_args()
    studio, judge = studio_of(options), load_judge()
    scenes = unseen_scenes(options.count, seed=29)
    composed = word_clips(studio, scenes, composed=True)
    alone = word_clips(studio, scenes, composed=False)
    height, width = composed[0].frames.shape[1:3]
    world = measures(judge, drawn_world(scenes, width, height))
    print(f"| {len(composed)} previews | diversity of seeds | flicker |\n|---|---|---|")
    for name, clips in (("composed", composed), ("by words alone", alone)):
        found = measures(judge, as_video(np.stack([clip.frames for clip in clips])))
        print(f"| {name} | {found[0] / world[0]:.2f} | {found[1] / world[1]:.2f} |")
    still = LEVELS * flicker(as_video(np.stack([clip.scene for clip in composed])))
    print(
        f"flicker in levels of 255: {still:.2f} of scenes alone, {LEVELS * world[1]:.2f} of the drawn world"
    )


if __name__ == "__main__":
    main()
