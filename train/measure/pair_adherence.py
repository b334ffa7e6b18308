"""Adherence of pairs: does a clip show both subjects that its prompt names?

    python -m train.measure.pair_adherence [--model DIR] [--bundle DIR] [--count 48]

Prompts name pairs that no training clip shows together. The scorer of likeness looks at each half of a clip
and says which of the 24 subjects' pictures is the nearest; both must be right, in either order.
"""

import random
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from export.command import one_line_errors
from export.options import count
from model_server.engine.preview import PreviewEngine
from train.measure.bundle_sampler import bundle_previews
from train.measure.command import measured_bundle, measured_model, measurement_parser, set_threads
from train.measure.sampler import ModelSampler
from train.models.likeness import Likeness, load_likeness
from train.models.vae import as_video
from train.reports.contact_sheets import contact_sheet, sheet_name
from train.world.captions import plain_caption
from train.world.clips import draw, reference_picture, subject_sprite
from train.world.scenes import Scene, held_out_pair
from train.world.vocabulary import MOTIONS, PLACES, SUBJECTS, TIMES


def unseen_pairs(count: int, seed: int = 17) -> list[Scene]:
    """Scenes of two subjects that training never shows together."""
    rng = random.Random(seed)
    pairs = [pair for pair in combinations(SUBJECTS, 2) if held_out_pair(*pair)]
    return [
        Scene(
            one, rng.choice(tuple(PLACES)), rng.choice(tuple(TIMES)), rng.choice(tuple(MOTIONS)), other=other
        )
        for one, other in (rng.choice(pairs) for _ in range(count))
    ]


@torch.no_grad()
def seen(model: Likeness, video: Tensor) -> list[set[str]]:
    """The nearest subject of each half of the clips [B, 3, F, H, W]."""
    names = tuple(SUBJECTS)
    pictures = np.stack(
        [reference_picture(subject_sprite(name), 90 + i)[None] for i, name in enumerate(names)]
    )
    known = model(as_video(pictures)[:, :, 0])
    halves = video.tensor_split(2, dim=-1)
    found = [(model.clips(half) @ known.T).argmax(1).tolist() for half in halves]
    return [{names[number] for number in pair} for pair in zip(*found, strict=True)]


@torch.no_grad()
def score(
    sampler: ModelSampler, model: Likeness, engine: PreviewEngine | None, count: int, pictures: Path | None
) -> str:
    """Markdown: the share of clips of unseen pairs in which both were found, or at least one."""
    scenes = unseen_pairs(count)
    prompts, seeds = [plain_caption(scene) for scene in scenes], list(range(700, 700 + count))
    drawn = as_video(np.stack([draw(scene, 20_000 + i).frames for i, scene in enumerate(scenes)]))
    methods = {
        "drawn": lambda: drawn,
        "decoded": lambda: sampler.decode(sampler.encode(drawn)),
        "preview (student)": lambda: sampler.decode(sampler.preview(prompts, seeds)),
        "teacher, preview size": lambda: sampler.decode(sampler.teacher_preview(prompts, seeds)),
    }
    if engine is not None:
        methods["preview (bundle)"] = lambda: sampler.decode(bundle_previews(engine, prompts, seeds))
    lines = ["| clips | both | at least one | n |", "|---|---|---|---|"]
    for name, method in methods.items():
        video = method()
        right = [
            len(found & {scene.subject, scene.other})
            for found, scene in zip(seen(model, video), scenes, strict=True)
        ]
        both, one = (100 * np.mean([hits >= wanted for hits in right]) for wanted in (2, 1))
        lines.append(f"| {name} | {both:.1f} % | {one:.1f} % | {count} |")
        if pictures is not None:
            contact_sheet(list(video[:16]), pictures / f"pairs-{sheet_name(name)}.png")
    return "\n".join(lines)


@one_line_errors
def main() -> None:
    """Print the table."""
    parser = measurement_parser("pair_adherence", __doc__, bundle=True)
    parser.add_argument("--count", type=count, default=48, help="prompts")
    parser.add_argument("--pictures", type=Path, help="folder for contact sheets")
    options = parser.parse_args()
    set_threads(options)
    engine, sampler = measured_bundle(options), measured_model(options)
    print(score(sampler, load_likeness(), engine, options.count, options.pictures))


if __name__ == "__main__":
    main()
