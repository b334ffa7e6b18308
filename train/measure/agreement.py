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

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from export.command import one_line_errors
from export.options import count
from train.arguments import existing_path
from train.measure.command import measured_model, measurement_parser, set_threads
from train.measure.judge import unseen_scenes, verdicts
from train.measure.sampler import ModelSampler
from train.models.judge import Judge, load_judge, to_preview
from train.models.vae import as_video
from train.reports.contact_sheets import contact_sheet
from train.stages.teacher import load_transformer
from train.world.captions import plain_caption
from train.world.clips import FULL, draw
from train.world.scenes import Scene

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


class PromptGrid:
    """Prompts and seeds: every seed of a prompt together."""

    def __init__(self, scenes: Sequence[Scene], seeds: int) -> None:
        self.count = len(scenes)
        self.scenes = [scene for scene in scenes for _ in range(seeds)]
        self.prompts = [plain_caption(scene) for scene in self.scenes]
        self.seeds = [100 + number for number in range(len(self.scenes))]
        self.each = seeds

    def first_seeds(self, renders: int) -> list[int]:
        """The places of the first seeds of each prompt."""
        return [i for i in range(len(self.scenes)) if i % self.each < renders]


def preview_table(sampler: ModelSampler, judge: Judge, grid: PromptGrid, control: Path | None) -> str:
    """Markdown: what should draw previews."""
    truth, states = sampler.teacher_trajectory(grid.prompts, grid.seeds)
    teacher = sampler.decode(truth)
    cost = 2 * (len(sampler.full_spec.sigmas) - 1)
    steps = len(sampler.preview_spec.sigmas) - 1
    methods: dict[str, tuple[int, Callable[[], Tensor]]] = {
        "the teacher's own video": (cost, lambda: truth),
        "student, trained on trajectories": (steps, lambda: sampler.preview(grid.prompts, grid.seeds)),
        "teacher, the student's steps by Euler": (
            steps,
            lambda: sampler.teacher_coarse(grid.prompts, grid.seeds, guided=False),
        ),
        "the same with guidance": (
            2 * steps,
            lambda: sampler.teacher_coarse(grid.prompts, grid.seeds, guided=True),
        ),
    }
    for k in CHECKPOINTS:
        methods[f"the teacher's guess after {k} of its steps"] = (2 * k, lambda k=k: states[k])
    if control is not None:
        other = load_transformer(control.parent, control.stem)
        methods["control student, trained without them"] = (
            steps,
            lambda: sampler.preview(grid.prompts, grid.seeds, student=other),
        )
    lines = [
        "| what draws the preview | passes | nearest of its seeds | fidelity | all four slots |",
        "|---|---|---|---|---|",
    ]
    for name, (passes, method) in methods.items():
        videos = sampler.decode(method())
        nearest, fidelity = compare(teacher, videos, grid.count)
        shown = verdicts(judge, videos, grid.scenes).all(1).mean()
        lines.append(f"| {name} | {passes} | {100 * nearest:.1f} % | {fidelity:.2f} | {100 * shown:.0f} % |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def render_table(
    sampler: ModelSampler, judge: Judge, grid: PromptGrid, renders: int, pictures: Path | None
) -> str:
    """Markdown: how a picked preview should be rendered."""
    latents = sampler.preview(grid.prompts, grid.seeds)
    previews = sampler.decode(latents)
    some = grid.first_seeds(renders)
    prompts, seeds, scenes = ([part[i] for i in some] for part in (grid.prompts, grid.seeds, grid.scenes))
    drawn = [draw(scene, i, FULL).frames for i, scene in enumerate(scenes[::renders])]
    sharp = detail(as_video(np.stack(drawn)))
    large = sampler.enlarged(latents[some])
    methods: dict[str, Callable[[], Tensor]] = {
        "preview itself, scaled up": lambda: large,
        **{
            f"re-noise the preview to {strength}": lambda strength=strength: sampler.teacher_finish(
                prompts, seeds, large, strength
            )
            for strength in STRENGTHS
        },
        "teacher from the same seed, full size": lambda: sampler.teacher_render(prompts, seeds),
    }
    lines = [
        "| way to render | nearest of its seeds | fidelity | detail | all four slots | steps re-used | s |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, method in methods.items():
        begun = time.perf_counter()
        made = sampler.decode(method())
        spent = (time.perf_counter() - begun) / len(some)
        nearest, fidelity = compare(previews, made, grid.count)
        shown = verdicts(judge, made, scenes).all(1).mean()
        cells = (
            f"{100 * nearest:.1f} %",
            f"{fidelity:.2f}",
            f"{detail(made) / sharp:.2f}",
            f"{100 * shown:.0f} %",
            f"{100 * _reused(sampler, name):.0f} %",
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


def _reused(sampler: ModelSampler, name: str) -> float:
    """The share of the teacher's steps that a render leaves out, since the preview stands for them."""
    sigmas = sampler.full_spec.sigmas[:-1]
    if name.startswith("preview"):
        return 1.0
    if name.startswith("teacher"):
        return 0.0
    strength = float(name.rsplit(" ", 1)[1])
    return sum(sigma >= strength - 1e-4 for sigma in sigmas) / len(sigmas)


@one_line_errors
def main() -> None:
    """Print the tables."""
    parser = measurement_parser("agreement", __doc__)
    parser.add_argument("--prompts", type=count, default=16)
    parser.add_argument("--seeds", type=count, default=16)
    parser.add_argument("--renders", type=count, default=2, help="seeds of each prompt that are rendered")
    parser.add_argument("--control", type=existing_path, help="control.pt of the stage `control`")
    parser.add_argument("--tables", default="preview,render", help="which of the two")
    parser.add_argument("--pictures", type=Path, help="folder for contact sheets")
    options = parser.parse_args()
    set_threads(options)
    judge, sampler = load_judge(), measured_model(options)
    grid = PromptGrid(unseen_scenes(options.prompts, seed=23), options.seeds)
    if "preview" in options.tables:
        print(preview_table(sampler, judge, grid, options.control))
    if "render" in options.tables:
        print(render_table(sampler, judge, grid, options.renders, options.pictures))


if __name__ == "__main__":
    main()
