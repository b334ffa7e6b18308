"""Adherence: does a clip show what its prompt asks for, by the judge?

    python -m train.measure.judge score [--bundle DIR]       the adherence table
    python -m train.measure.judge shapes [--bundle DIR]      the same for every size and length

The judge itself is trained by `python -m train.train --stages judge`.
"""

import random
from collections import Counter

import numpy as np
import torch
from torch import Tensor

from export.command import one_line_errors
from export.options import count
from model_server.engine.preview import PreviewEngine
from train.arguments import weights_folder
from train.measure import clip_statistics
from train.measure.bundle_sampler import bundle_previews
from train.measure.command import measured_bundle, measured_model, measurement_parser, set_threads
from train.measure.sampler import ModelSampler, Shape
from train.models.judge import FOLDER, SLOTS, Judge, labels, load_judge, to_preview
from train.models.vae import as_video
from train.world.captions import plain_caption
from train.world.clips import LENGTHS, PREVIEW_SIZES, draw
from train.world.scenes import Scene, random_scene

SHAPES: tuple[Shape, ...] = tuple((*size, frames) for size in PREVIEW_SIZES for frames in LENGTHS)


@torch.no_grad()
def verdicts(judge: Judge, video: Tensor, scenes: list[Scene]) -> np.ndarray:
    """bool [B, 4]: does each clip show what each slot of its scene asks for?"""
    logits = judge(to_preview(video))
    guess = torch.stack([part.argmax(1) for part in logits.values()], dim=1)
    return (guess == torch.stack([labels(scene) for scene in scenes])).numpy()


def table(rows: dict[str, np.ndarray]) -> str:
    """Markdown: the share of clips that show each slot, and all four together."""
    lines = ["| clips | " + " | ".join(SLOTS) + " | all four | n |", "|---" * (len(SLOTS) + 3) + "|"]
    for name, hits in rows.items():
        shares = [f"{100 * part:.1f} %" for part in hits.mean(0)] + [f"{100 * hits.all(1).mean():.1f} %"]
        lines.append(f"| {name} | " + " | ".join(shares) + f" | {len(hits)} |")
    return "\n".join(lines)


def unseen_scenes(count: int, seed: int = 11) -> list[Scene]:
    rng = random.Random(seed)
    return [random_scene(rng, unseen=True) for _ in range(count)]


def confusions(judge: Judge, video: Tensor, scenes: list[Scene], most: int = 8) -> str:
    """What was taken for what, most frequent first: `cat for lion (2)`; `none` if nothing was."""
    wrong: Counter[str] = Counter()
    for slot, logits in judge(to_preview(video)).items():
        for scene, guess in zip(scenes, logits.argmax(1).tolist(), strict=True):
            asked, seen = getattr(scene, slot), SLOTS[slot][guess]
            if asked != seen:
                wrong[f"{asked} shown as {seen}"] += 1
    return ", ".join(f"{pair} ({count})" for pair, count in wrong.most_common(most)) or "none"


@torch.no_grad()
def score(sampler: ModelSampler, judge: Judge, count: int, engine: PreviewEngine | None = None) -> str:
    """Markdown: adherence on held-out combinations, what was mistaken, and numbers about all clips together.

    Every fourth prompt is drawn from `clip_statistics.SEEDS` seeds, for the diversity.
    """
    scenes = unseen_scenes(count)
    drawn = [draw(scene, 90_000 + i).frames for i, scene in enumerate(scenes)]
    clips = as_video(np.stack(drawn))
    prompts, seeds = [plain_caption(scene) for scene in scenes], list(range(count))
    made = {"drawn": clips, "decoded": sampler.decode(sampler.encode(clips))}
    made["preview (student)"] = sampler.decode(sampler.preview(prompts, seeds))
    if engine is not None:
        made["preview (bundle)"] = sampler.decode(bundle_previews(engine, prompts, seeds))
    made["teacher, preview size"] = sampler.decode(sampler.teacher_preview(prompts, seeds))
    parts = [table({name: verdicts(judge, video, scenes) for name, video in made.items()})]
    parts += [f"{name}: {confusions(judge, video, scenes)}" for name, video in made.items()]
    parts.append(_clip_statistics(judge, sampler, scenes, made))
    return "\n\n".join(parts)


@torch.no_grad()
def shapes_table(sampler: ModelSampler, judge: Judge, count: int, engine: PreviewEngine | None = None) -> str:
    """Markdown: adherence of previews of every size and length, `count` held-out prompts each.

    The bundle's previews where there is one, else the student's.
    """
    rows = {}
    for number, shape in enumerate(SHAPES):
        scenes, label = unseen_scenes(count, seed=40 + number), f"{shape[0]}x{shape[1]}x{shape[2]}"
        clips = [draw(scene, 60_000 + i, shape[:2], shape[2]).frames for i, scene in enumerate(scenes)]
        prompts, seeds = [plain_caption(scene) for scene in scenes], list(range(count))
        if engine is None:
            latents = sampler.preview(prompts, seeds, shape=shape)
        else:
            latents = bundle_previews(engine, prompts, seeds, shape=shape)
        rows[f"{label}, drawn"] = verdicts(judge, as_video(np.stack(clips)), scenes)
        rows[f"{label}, preview"] = verdicts(judge, sampler.decode(latents), scenes)
    return table(rows)


def _clip_statistics(
    judge: Judge, sampler: ModelSampler, scenes: list[Scene], made: dict[str, Tensor]
) -> str:
    """Diversity and flicker as shares of the drawn world's, and the Frechet distance to it."""
    some = [scene for scene in scenes[:: clip_statistics.SEEDS] for _ in range(clip_statistics.SEEDS)]
    texts, seeds = [plain_caption(scene) for scene in some], [500 + i for i in range(len(some))]
    again = as_video(np.stack([draw(scene, 70_000 + i).frames for i, scene in enumerate(some)]))
    other = as_video(np.stack([draw(scene, 80_000 + i).frames for i, scene in enumerate(scenes)]))
    groups = {
        "drawn": again,
        "preview (student)": sampler.decode(sampler.preview(texts, seeds)),
    }
    lines = [
        "| clips | diversity of seeds | flicker | Frechet distance | n |",
        "|---|---|---|---|---|",
    ]
    world = judge.features(to_preview(other))
    spread, steady = clip_statistics.diversity(judge.features(again)), clip_statistics.flicker(made["drawn"])
    for name, video in made.items():
        diverse = "-"
        if name in groups:
            diverse = f"{clip_statistics.diversity(judge.features(to_preview(groups[name]))) / spread:.2f}"
        distance = clip_statistics.frechet(judge.features(to_preview(video)), world)
        cells = (
            diverse,
            f"{clip_statistics.flicker(video) / steady:.2f}",
            f"{distance:.2f}",
            str(len(video)),
        )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


@one_line_errors
def main() -> None:
    """Print the table."""
    parser = measurement_parser("judge", __doc__, bundle=True)
    parser.add_argument("action", choices=("score", "shapes"))
    parser.add_argument("--judge", type=weights_folder, default=FOLDER, help="weights of the judge")
    parser.add_argument("--count", type=count, help="held-out prompts: 96, of a shape 24")
    options = parser.parse_args()
    set_threads(options)
    engine, sampler, judge = measured_bundle(options), measured_model(options), load_judge(options.judge)
    if options.action == "score":
        print(score(sampler, judge, options.count or 96, engine))
    else:
        print(shapes_table(sampler, judge, options.count or 24, engine))


if __name__ == "__main__":
    main()
