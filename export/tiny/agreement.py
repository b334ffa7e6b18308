"""Does the render keep the preview that was picked? The table behind
docs/decisions/0003-render-keeps-preview.md.

    python -m export.tiny.agreement [--model FOLDER] [--prompts 8] [--seeds 8]

For every prompt and seed a preview is drawn by the student and rendered in several ways. `nearest` is the
share of renders whose own preview is the nearest of all seeds' previews of that prompt; `fidelity` is 1 for
the same video and 0 for as far as two seeds of one prompt lie apart; `detail` is the mean slope of the
picture against the drawn world's.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from export.tiny.assemble import assemble
from export.tiny.captions import Scene, plain_caption
from export.tiny.judge import Judge, load_judge, to_preview, unseen_scenes, verdicts
from export.tiny.sheets import contact_sheet
from export.tiny.studio import Studio
from export.tiny.vae import as_video
from export.tiny.world import FULL, draw

STRENGTHS = (0.3, 0.45, 0.6, 0.75, 0.9)


def low_pass(video: Tensor) -> Tensor:
    """What remains of a video [B, 3, F, H, W] at a distance: 16x24 pixels, as one vector a clip."""
    return torch.nn.functional.adaptive_avg_pool3d(to_preview(video), (video.shape[2], 24, 16)).flatten(1)


def detail(video: Tensor) -> float:
    """Mean absolute difference of neighbouring pixels: how sharp the pictures are."""
    return float(video.diff(dim=-1).abs().mean() + video.diff(dim=-2).abs().mean())


def compare(previews: Tensor, renders: Tensor, seeds: int) -> tuple[float, float]:
    """(nearest, fidelity) of clips [P*S, 3, F, H, W], ordered by prompt, then seed."""
    near, kept = [], []
    for picked, made in zip(low_pass(previews).split(seeds), low_pass(renders).split(seeds), strict=True):
        distance = torch.cdist(made, picked)
        apart = torch.cdist(picked, picked)[~torch.eye(seeds, dtype=torch.bool)].mean()
        near.append((distance.argmin(1) == torch.arange(seeds)).float())
        kept.append(1 - distance.diagonal() / apart)
    return float(torch.cat(near).mean()), float(torch.cat(kept).mean())


def measure(
    studio: Studio, judge: Judge | None, scenes: Sequence[Scene], seeds: int, pictures: Path | None
) -> str:
    prompts = [plain_caption(scene) for scene in scenes for _ in range(seeds)]
    labels = [scene for scene in scenes for _ in range(seeds)]
    numbers = list(range(100, 100 + len(prompts)))
    latents = studio.preview(prompts, numbers)
    previews = studio.decode(latents)
    drawn = [draw(scene, i, FULL).frames for i, scene in enumerate(labels[::seeds])]
    sharp = detail(as_video(np.stack(drawn)))
    ways: dict[str, Callable[[], Tensor]] = {
        "preview itself, scaled up": lambda: studio.enlarged(latents),
        **{
            f"re-noise the preview to {strength}": lambda strength=strength: studio.finish(
                prompts, numbers, studio.enlarged(latents), strength
            )
            for strength in STRENGTHS
        },
        "teacher from the same seed, full size": lambda: studio.full(prompts, numbers),
        "teacher from the preview's noise, preview size": lambda: studio.teacher_preview(prompts, numbers),
    }
    lines = [
        "| way | nearest | fidelity | detail | all four slots | seconds a clip |",
        "|---|---|---|---|---|---|",
    ]
    for name, way in ways.items():
        begun = time.perf_counter()
        renders = studio.decode(way())
        spent = (time.perf_counter() - begun) / len(prompts)
        nearest, fidelity = compare(previews, renders, seeds)
        shown = f"{100 * verdicts(judge, renders, labels).all(1).mean():.0f} %" if judge else "-"
        cells = (
            f"{100 * nearest:.0f} %",
            f"{fidelity:.2f}",
            f"{detail(renders) / sharp:.2f}",
            shown,
            f"{spent:.2f}",
        )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
        if pictures:
            contact_sheet(
                list(renders[:: seeds * max(1, len(scenes) // 6)]), pictures / f"{name.replace(' ', '-')}.png"
            )
    if pictures:
        contact_sheet(list(previews[:: seeds * max(1, len(scenes) // 6)]), pictures / "previews.png", zoom=2)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m export.tiny.agreement", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--home", type=Path, default=Path("var/train"))
    parser.add_argument("--model", type=Path, default=None, help="an assembled model folder")
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--pictures", type=Path, default=None, help="folder for contact sheets")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.set_flush_denormal(True)
    judge = load_judge(chosen.home) if (chosen.home / "judge.pt").exists() else None
    studio = Studio(chosen.model or assemble(chosen.home / "model"))
    print(measure(studio, judge, unseen_scenes(chosen.prompts, seed=23), chosen.seeds, chosen.pictures))


if __name__ == "__main__":
    main()
