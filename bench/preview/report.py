"""What the ladder's clips say: the table, the goals, why one isn't reached, and the plot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.preview import roofline
from bench.preview.ladder import SERVED
from bench.preview.roofline import Rate
from bench.preview.workers import STAGES, MeasuredClip, Rung
from model_server.engine.compare import fidelity

# The preview against the render, the engine against torch, the denoiser against the roof, the whole preview.
GOAL_CHEAPER, GOAL_EAGER, GOAL_ROOF, GOAL_WALL_S, GOAL_POINTS = 50.0, 3.0, 0.6, 1.0, 1.0
DENOISING, DECODING = STAGES.index("denoising"), STAGES.index("decoding")
LARGEST_SHARES = 8
# The plot: pixels of a bar's row, of the names, of the longest bar, and of the number behind it.
ROW_PX, NAME_PX, BAR_PX, NUMBER_PX, FONT_PX = 34, 400, 560, 110, 17


class LadderRow(NamedTuple):
    """A rung and its clips."""

    rung: Rung
    clips: list[MeasuredClip]
    fidelity: float
    above_db: float | None
    # Clips that show all they were asked for, and clips that were judged.
    shown: int = 0
    judged: int = 0

    @property
    def cpu_s(self) -> float:
        """Median of a clip."""
        return median(sum(clip.cpu) for clip in self.clips)

    @property
    def wall_s(self) -> float:
        """Median of a clip."""
        return median(sum(clip.wall) for clip in self.clips)

    @property
    def peak_mb(self) -> float:
        """The most that the process ever had."""
        return max(clip.peak_bytes for clip in self.clips) / 1e6

    def least(self, stage: int) -> Rate:
        """Seconds of a stage in its fastest clip."""
        return Rate(min(clip.wall[stage] for clip in self.clips), min(clip.cpu[stage] for clip in self.clips))

    def shares(self) -> list[tuple[str, float]]:
        """Each stage's part of the CPU time."""
        spent = [median(clip.cpu[number] for clip in self.clips) for number in range(len(STAGES))]
        return [(name, each / sum(spent)) for name, each in zip(STAGES, spent, strict=True)]


class Paired(NamedTuple):
    """The same prompts and seeds in float32 and as served: whether each clip shows all it was asked for."""

    float32: list[bool]
    served: list[bool]

    def points(self) -> tuple[float, float]:
        """How many points of adherence serving costs, and the standard error of that."""
        lost = 100.0 * (np.array(self.float32, float) - np.array(self.served, float))
        return float(lost.mean()), float(lost.std(ddof=1) / np.sqrt(len(lost)))


class Chip(NamedTuple):
    """What was measured of the machine and of the served denoiser on it."""

    threads: int
    rates: dict[str, Rate]
    operations: float
    # CPU seconds of its products alone, of one step.
    alone_s: float
    nodes: list[tuple[str, float]]
    # Threads of each graph, as measured.
    measured: dict[str, int]


def rows(ladder: Sequence[Rung], clips: Sequence[Sequence[MeasuredClip]]) -> list[LadderRow]:
    """One for each rung; `clips` are clips of all rungs."""
    first = [clip[0].frames for clip in clips]
    made = []
    for number, rung in enumerate(ladder):
        mine = [clip[number] for clip in clips]
        near = [
            fidelity(
                clip.frames, first[place], [other for index, other in enumerate(first) if index != place]
            )
            for place, clip in enumerate(mine)
        ]
        above = None
        if number and comparable(ladder[number - 1], rung):
            above = min(ratio(clip[number - 1].latents, clip[number].latents) for clip in clips)
        made.append(LadderRow(rung, mine, median(near), above))
    return made


def comparable(upper: Rung, lower: Rung) -> bool:
    """Both draw the student's steps on one grid."""
    student = upper.kind != "torch" or (upper.student and upper.guidance == 1)
    return student and lower.kind != "torch" and upper.size == lower.size


def ratio(expected: np.ndarray, got: np.ndarray) -> float:
    """Signal to noise in dB; 200 stands for equal."""
    noise, signal = float(np.square(got - expected).sum()), float(np.square(expected).sum())
    return 10 * float(np.log10(signal / max(noise, 1e-20 * signal)))


def table(found: Sequence[LadderRow]) -> str:
    """The ladder in Markdown."""
    top = before = found[0]
    lines = ["| rung | wall s | CPU s | CPU x | of it this rung | peak MB | adherence | fidelity | dB |"]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    for row in found:
        step = "" if row is top else f"{before.cpu_s / row.cpu_s:.2f}"
        shown = f"{row.shown} of {row.judged}" if row.judged else ""
        above = "" if row.above_db is None else f"{row.above_db:.1f}"
        lines.append(
            f"| {row.rung.name} | {row.wall_s:.3f} | {row.cpu_s:.3f} | {top.cpu_s / row.cpu_s:.1f} | "
            f"{step} | {row.peak_mb:.0f} | {shown} | {row.fidelity:.2f} | {above} |"
        )
        before = row
    return "\n".join(lines)


def served(found: Sequence[LadderRow]) -> LadderRow:
    """The last rung."""
    return next(row for row in found if row.rung.name == SERVED)


def eager(found: Sequence[LadderRow]) -> LadderRow:
    """Torch on the same student, steps and size."""
    return next(row for row in found if row.rung.kind == "torch" and row.rung.size == served(found).rung.size)


def goals(found: Sequence[LadderRow], chip: Chip, paired: Paired | None) -> str:
    """What was asked for and what was found, in Markdown.

    Where the clock and the CPU's clock differ, the lesser counts.
    """
    last, torch, took = served(found), eager(found), served(found).least(DENOISING)
    slow = torch.least(DENOISING)
    work = chip.operations * steps(last.rung.folder)
    faster = Rate(slow.wall / took.wall, slow.cpu / took.cpu)
    lines = ["| goal | found | asked | reached |", "|---|---|---|---|"]

    def line(goal: str, found: str, asked: str, reached: bool) -> None:
        lines.append(f"| {goal} | {found} | {asked} | {'yes' if reached else 'no'} |")

    cheaper = found[0].cpu_s / last.cpu_s
    asked = f">= {GOAL_CHEAPER:.0f} x"
    line("preview against full render, CPU seconds", f"{cheaper:.1f} x", asked, cheaper >= GOAL_CHEAPER)
    line(
        "engine against torch eager, same student and steps, denoising",
        f"{faster.wall:.1f} x by the clock, {faster.cpu:.1f} x in CPU seconds",
        f">= {GOAL_EAGER:.0f} x",
        min(faster) >= GOAL_EAGER,
    )
    for name, kind in (("int8", "int8"), ("float32", "fp32")):
        share = Rate(work / took.wall / chip.rates[kind].wall, work / took.cpu / chip.rates[kind].cpu)
        line(
            f"denoising against the roof of {name} products",
            f"{100 * share.wall:.0f} % by the clock, {100 * share.cpu:.0f} % in CPU seconds",
            f">= {100 * GOAL_ROOF:.0f} %",
            min(share) >= GOAL_ROOF,
        )
    asked = f"< {GOAL_WALL_S:.0f} s"
    line("preview with text and MP4, wall", f"{last.wall_s:.3f} s", asked, last.wall_s < GOAL_WALL_S)
    if paired is not None:
        lost, error = paired.points()
        line(
            f"adherence lost from float32 to int8 as served, {len(paired.served)} pairs",
            f"{lost:.1f} ± {error:.1f} points",
            f"< {GOAL_POINTS:.0f} point",
            lost < GOAL_POINTS,
        )
    return "\n".join(lines)


def why(found: Sequence[LadderRow], chip: Chip) -> str:
    """Where the time goes: by stage, and the denoiser's by operator. One paragraph each."""
    last = served(found)
    took = last.least(DENOISING).cpu / steps(last.rung.folder)
    rates = ", ".join(
        f"{name} {rate.wall / 1e9:.0f} by the clock and {rate.cpu / 1e9:.0f} a CPU second"
        for name, rate in chip.rates.items()
    )
    bound = chip.operations / chip.alone_s / chip.rates["int8"].cpu
    threads = ", ".join(f"{name} {count}" for name, count in chip.measured.items())
    stages, theirs = _listed(last.shares()), _listed(found[0].shares())
    parts = [
        f"Roofs of a product of {roofline.SIDE} x {roofline.SIDE} on {chip.threads} threads, measured "
        f"between the clips, GFLOP/s: {rates}.",
        f"CPU time of the served preview by stage: {stages}. Of the full render: {theirs}.",
        f"The served denoiser does {chip.operations / 1e9:.2f} GFLOP a step in {1e3 * took:.1f} ms of CPU. "
        f"By operator: {_listed(chip.nodes[:LARGEST_SHARES])}. Its products with constant weights, each run "
        f"by itself at its own size, take {1e3 * chip.alone_s:.1f} ms: with nothing else to compute they "
        f"would reach {100 * bound:.0f} % of the int8 roofline.",
        f"Threads of each served graph, as measured when it was loaded: {threads}.",
    ]
    if not any(row.rung.tiny for row in found):
        share = dict(last.shares())["decoding"]
        parts.append(
            f"There is no rung of a tiny decoder: the model has none. Decoding is {100 * share:.0f} % of the "
            f"served preview's CPU time, so none could save more than a factor of {1 / (1 - share):.2f}."
        )
    return "\n\n".join(parts)


def steps(folder: Path) -> int:
    """Passes of the denoiser in a preview of a bundle."""
    manifest = json.loads((folder / "manifest.json").read_text())
    return (len(manifest["sigmas"]) - 1) * (2 if manifest["guidance"] > 1 else 1)


def plot(found: Sequence[LadderRow]) -> Image.Image:
    """CPU seconds of a clip on each rung, as bars on a logarithmic axis."""
    font = ImageFont.load_default(FONT_PX)
    tall = ROW_PX * (len(found) + 1)
    image = Image.new("RGB", (NAME_PX + BAR_PX + NUMBER_PX, tall), "white")
    pen = ImageDraw.Draw(image)
    pen.text((10, 8), "CPU seconds of a clip, on a logarithmic axis", "black", font)
    for number, (row, long) in enumerate(zip(found, bars([row.cpu_s for row in found]), strict=True)):
        y = ROW_PX * (number + 1)
        pen.text((10, y + 6), row.rung.name, "black", font)
        pen.rectangle((NAME_PX, y + 4, NAME_PX + long, y + ROW_PX - 6), "#4a7ebb")
        pen.text((NAME_PX + long + 8, y + 6), f"{row.cpu_s:.3f}", "black", font)
    return image


def bars(values: Sequence[float]) -> list[int]:
    """Pixels of each bar: the smallest value is a twentieth of the largest one's."""
    least = BAR_PX // 20
    span = max(float(np.log10(max(values) / min(values))), 0.1)
    return [round(least + (BAR_PX - least) * float(np.log10(each / min(values))) / span) for each in values]


def _listed(shares: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares)
