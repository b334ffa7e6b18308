"""Does the render keep the preview that was picked? The tables behind
docs/decisions/0003-render-keeps-preview.md.

    python -m train.measure.agreement [--model FOLDER] [--prompts 16] [--seeds 16] [--renders 2]

The first table asks what should draw previews: how near each way comes to the teacher's own video from the
same noise. The second asks how a picked preview should be rendered: `--renders` of each prompt's seeds are
rendered in several ways, and held against the previews of all its seeds.

`nearest` is the share of videos whose own counterpart is the nearest of all seeds' of that prompt. `fidelity`
is 1 for the same video and 0 for as far as two seeds of one prompt lie apart. `detail` is the mean slope of
the picture against the drawn world's.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from export.assemble import assemble
from train.measure.contact_sheets import contact_sheet
from train.measure.judge import Judge, load_judge, to_preview, unseen_scenes, verdicts
from train.measure.studio import Studio
from train.models.vae import as_video
from train.stages.teacher import load_average
from train.world.captions import Scene, plain_caption
from train.world.world import FULL, draw

STRENGTHS = (0.3, 0.45, 0.6, 0.75, 0.9)
# Of the teacher's steps, as many as cost what the student's cost.
CHECKPOINTS = (2, 4, 8)


def low_pass(video: Tensor) -> Tensor:
    """What remains of a video [B, 3, F, H, W] at a distance: 16x24 pixels, as one vector a clip."""
    return torch.nn.functional.adaptive_avg_pool3d(to_preview(video), (video.shape[2], 24, 16)).flatten(1)


def detail(video: Tensor) -> float:
    """Mean absolute difference of neighbouring pixels: how sharp the pictures are."""
    return float(video.diff(dim=-1).abs().mean() + video.diff(dim=-2).abs().mean())


def compare(picked: Tensor, made: Tensor, prompts: int) -> tuple[float, float]:
    """(nearest, fidelity) of `made` [P*R, 3, F, H, W] among `picked` [P*S, 3, f, h, w], R <= S.

    Both are ordered by prompt, then seed; made has the first R seeds of each prompt.
    """
    near, kept = [], []
    for all_seeds, some in zip(low_pass(picked).chunk(prompts), low_pass(made).chunk(prompts), strict=True):
        distance = torch.cdist(some, all_seeds)
        apart = torch.cdist(all_seeds, all_seeds)[~torch.eye(len(all_seeds), dtype=torch.bool)].mean()
        near.append((distance.argmin(1) == torch.arange(len(some))).float())
        kept.append(1 - distance.diagonal() / apart)
    return float(torch.cat(near).mean()), float(torch.cat(kept).mean())


class Asked:
    """Prompts and seeds: every seed of a prompt together."""

    def __init__(self, scenes: Sequence[Scene], seeds: int) -> None:
        self.count = len(scenes)
        self.scenes = [scene for scene in scenes for _ in range(seeds)]
        self.prompts = [plain_caption(scene) for scene in self.scenes]
        self.seeds = [100 + number for number in range(len(self.scenes))]
        self.each = seeds

    def some(self, renders: int) -> list[int]:
        """The places of the first seeds of each prompt."""
        return [i for i in range(len(self.scenes)) if i % self.each < renders]


def preview_table(studio: Studio, judge: Judge, asked: Asked, control: Path | None) -> str:
    """Markdown: what should draw previews."""
    truth, states = studio.teacher_path(asked.prompts, asked.seeds)
    teacher = studio.decode(truth)
    cost = 2 * (len(studio.full_recipe["sigmas"]) - 1)
    steps = len(studio.preview_recipe["sigmas"]) - 1
    ways: dict[str, tuple[int, Callable[[], Tensor]]] = {
        "the teacher's own video": (cost, lambda: truth),
        "student, trained on trajectories": (steps, lambda: studio.preview(asked.prompts, asked.seeds)),
        "teacher, the student's steps by Euler": (
            steps,
            lambda: studio.coarse(asked.prompts, asked.seeds, guided=False),
        ),
        "the same with guidance": (2 * steps, lambda: studio.coarse(asked.prompts, asked.seeds, guided=True)),
    }
    for k in CHECKPOINTS:
        ways[f"the teacher's guess after {k} of its steps"] = (2 * k, lambda k=k: states[k])
    if control is not None:
        other = load_average(control.parent, control.stem)
        ways["control student, trained without them"] = (
            steps,
            lambda: studio.preview(asked.prompts, asked.seeds, student=other),
        )
    lines = [
        "| what draws the preview | passes | nearest of its seeds | fidelity | all four slots |",
        "|---|---|---|---|---|",
    ]
    for name, (passes, way) in ways.items():
        videos = studio.decode(way())
        nearest, fidelity = compare(teacher, videos, asked.count)
        shown = verdicts(judge, videos, asked.scenes).all(1).mean()
        lines.append(f"| {name} | {passes} | {100 * nearest:.1f} % | {fidelity:.2f} | {100 * shown:.0f} % |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def render_table(studio: Studio, judge: Judge, asked: Asked, renders: int, pictures: Path | None) -> str:
    """Markdown: how a picked preview should be rendered."""
    latents = studio.preview(asked.prompts, asked.seeds)
    previews = studio.decode(latents)
    some = asked.some(renders)
    prompts, seeds, scenes = ([part[i] for i in some] for part in (asked.prompts, asked.seeds, asked.scenes))
    drawn = [draw(scene, i, FULL).frames for i, scene in enumerate(scenes[::renders])]
    sharp = detail(as_video(np.stack(drawn)))
    large = studio.enlarged(latents[some])
    ways: dict[str, Callable[[], Tensor]] = {
        "preview itself, scaled up": lambda: large,
        **{
            f"re-noise the preview to {strength}": lambda strength=strength: studio.finish(
                prompts, seeds, large, strength
            )
            for strength in STRENGTHS
        },
        "teacher from the same seed, full size": lambda: studio.full(prompts, seeds),
    }
    lines = [
        "| way to render | nearest of its seeds | fidelity | detail | all four slots | steps re-used | s |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, way in ways.items():
        begun = time.perf_counter()
        made = studio.decode(way())
        spent = (time.perf_counter() - begun) / len(some)
        nearest, fidelity = compare(previews, made, asked.count)
        shown = verdicts(judge, made, scenes).all(1).mean()
        cells = (
            f"{100 * nearest:.1f} %",
            f"{fidelity:.2f}",
            f"{detail(made) / sharp:.2f}",
            f"{100 * shown:.0f} %",
            f"{100 * _reused(studio, name):.0f} %",
            f"{spent:.2f}",
        )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
        if pictures:
            shown_rows = list(made[:: max(1, len(made) // 6)])
            contact_sheet(shown_rows, pictures / f"{name.replace(' ', '-')}.png")
    if pictures:
        rows = previews[some]
        contact_sheet(list(rows[:: max(1, len(rows) // 6)]), pictures / "previews.png", zoom=2)
    return "\n".join(lines)


def _reused(studio: Studio, name: str) -> float:
    """The share of the teacher's steps that a render leaves out, since the preview stands for them."""
    sigmas = studio.full_recipe["sigmas"][:-1]
    if name.startswith("preview"):
        return 1.0
    if name.startswith("teacher"):
        return 0.0
    strength = float(name.rsplit(" ", 1)[1])
    return sum(sigma >= strength - 1e-4 for sigma in sigmas) / len(sigmas)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m train.measure.agreement", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--home", type=Path, default=Path("var/train"))
    parser.add_argument("--model", type=Path, default=None, help="an assembled model folder")
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--renders", type=int, default=2, help="seeds of each prompt that are rendered")
    parser.add_argument("--control", type=Path, default=None, help="control.pt of the stage `control`")
    parser.add_argument("--tables", default="preview,render", help="which of the two")
    parser.add_argument("--pictures", type=Path, default=None, help="folder for contact sheets")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.set_flush_denormal(True)
    judge = load_judge()
    studio = Studio(chosen.model or assemble(chosen.home / "model"))
    asked = Asked(unseen_scenes(chosen.prompts, seed=23), chosen.seeds)
    if "preview" in chosen.tables:
        print(preview_table(studio, judge, asked, chosen.control))
    if "render" in chosen.tables:
        print(render_table(studio, judge, asked, chosen.renders, chosen.pictures))


if __name__ == "__main__":
    main()
