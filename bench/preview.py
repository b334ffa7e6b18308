"""The ladder: from a full render by diffusers down to the preview that is served, one rung at a time.

    python -m bench.preview TEACHER [--clips 4] [--threads 2] [--judge DIR] [--out docs/benchmarks/preview.md]

TEACHER is a folder of the LTX family with riffle.json and a student (riffle-tiny). Every rung lives in a
process of its own; each clip is drawn by all rungs, one after the other, so that a slow moment falls on all.
From the prompt to the MP4. Ratios count, wall times depend on what else the machine does.

CPU x: how many times less CPU the rung takes than the first. Fidelity: to the first rung's clip of the same
seed, between 1 (the same) and 0 (as far as its other seeds). dB: signal to noise of the latents against the
rung above, where both draw on one grid with the same steps. Adherence: the share of clips that show all they
were asked for, by the judge of export.tiny.judge, if its weights are given.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from bench import roof
from bench.rungs import Frames, Rung, Shot, Wish, serve
from model_server.compare import fidelity

TARGET = "avx2"
# Above: the render that a picked preview would get. A preview is to cost this many times less CPU.
GOAL_CHEAPER, GOAL_EAGER, GOAL_ROOF, GOAL_WALL_S = 50.0, 3.0, 0.6, 1.0
READY_WITHIN_S = 240.0


class Row(NamedTuple):
    """Medians of a rung."""

    rung: Rung
    wall_s: float
    cpu_s: float
    denoise_s: float
    peak_mb: float
    fidelity: float
    above_db: float | None
    adherence: float | None


class Worker:
    """A rung's process."""

    def __init__(self, rung: Rung) -> None:
        context = multiprocessing.get_context("spawn")
        self.rung = rung
        self._pipe: Connection
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(rung, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def ready(self) -> None:
        """Wait until it has loaded.

        Raises:
            RuntimeError: it didn't.
        """
        try:
            if not self._pipe.poll(READY_WITHIN_S) or self._pipe.recv() != "ready":
                raise EOFError
        except EOFError as error:
            raise RuntimeError(f"the rung {self.rung.name!r} did not start: see above") from error

    def draw(self, wish: Wish) -> Shot:
        """One clip."""
        self._pipe.send(wish)
        shot: Shot = self._pipe.recv()
        return shot

    def end(self) -> None:
        """Let it go."""
        self._pipe.send(None)
        self._process.join()


def rungs(teacher: Path, work: Path, threads: int) -> list[Rung]:
    """The ladder of this model; makes the bundles that its lower rungs draw with."""
    card = json.loads((teacher / "riffle.json").read_text())
    full, few = card["full"], card["preview"]
    large, small = tuple(full["size"]), tuple(few["size"])
    many, steps, strong = tuple(full["sigmas"]), tuple(few["sigmas"]), float(full["guidance"])
    float32, int8 = (bundle(teacher, work / precision, precision) for precision in ("fp32", "int8"))
    plain = as_traced(teacher, float32, work / "as-traced")
    ladder = [
        Rung(
            "full render: teacher, all steps, guidance", "torch", teacher, threads, large, False, many, strong
        ),
        Rung(f"{len(steps) - 1} steps of the student", "torch", teacher, threads, large, True, steps, strong),
        Rung("no guidance pass", "torch", teacher, threads, large, True, steps),
        Rung("fewer tokens: the preview's size", "torch", teacher, threads, small, True, steps),
        Rung("onnxruntime, the graph as traced", "engine", plain, threads, small),
        Rung("graph rewrites", "engine", float32, threads, small),
        Rung("int8", "engine", int8, threads, small),
    ]
    if threads > 1:
        ladder.append(Rung("int8 on one thread", "engine", int8, 1, small))
    return ladder


def bundle(teacher: Path, out: Path, precision: str) -> Path:
    """A bundle of the student."""
    from export.pack import export_bundle
    from export.wishes import Wish as Asked

    return export_bundle(teacher, out, precision=precision, target=TARGET, wish=Asked(encoder=False))


def as_traced(teacher: Path, bundle: Path, out: Path) -> Path:
    """A copy of a float32 bundle whose transformer is the library's own, with nothing rewritten."""
    import onnx
    import torch

    from export import trace
    from export.load import load
    from export.preview import preview
    from model_server.bundle import MANIFEST, describe

    shutil.copytree(bundle, out)
    source = load(teacher)
    (shape,) = source.shapes
    stage = trace.denoiser(source, shape, preview(source, shape, "", 0).clone())
    untouched = trace.Stage(stage.untouched, stage.untouched, stage.inputs, stage.outputs)
    with torch.no_grad():
        model = trace.trace(source, trace.Part("transformer", "transformer", untouched))
    model.graph.ClearField("value_info")
    onnx.save(model, out / "transformer.onnx")
    manifest = json.loads((out / MANIFEST).read_text())
    for file in manifest["files"]:
        found = describe(out, out / file["path"])
        file |= {"sha256": found.sha256, "bytes": found.bytes}
    (out / MANIFEST).write_text(json.dumps(manifest))
    return out


def climb(
    ladder: Sequence[Rung], wishes: Sequence[Wish], judge: Path | None, wanted: Sequence[Any]
) -> list[Row]:
    """Draw every clip on every rung, interleaved."""
    workers = [Worker(rung) for rung in ladder]
    for worker in workers:
        worker.ready()
    # Once before it counts: the first clip finds cold caches and memory to be mapped.
    for worker in workers:
        worker.draw(wishes[0])
    shots = [[worker.draw(wish) for worker in workers] for wish in wishes]
    for worker in workers:
        worker.end()
    return [
        _row(ladder, number, [shot[number] for shot in shots], shots, judge, wanted)
        for number in range(len(ladder))
    ]


def _row(
    ladder: Sequence[Rung],
    number: int,
    mine: list[Shot],
    shots: list[list[Shot]],
    judge: Path | None,
    wanted: Sequence[Any],
) -> Row:
    first = [clip[0].frames for clip in shots]
    near = [
        fidelity(shot.frames, first[place], [other for index, other in enumerate(first) if index != place])
        for place, shot in enumerate(mine)
    ]
    above = None
    if number and _comparable(ladder[number - 1], ladder[number]):
        above = min(_ratio(clip[number - 1].latents, clip[number].latents) for clip in shots)
    return Row(
        ladder[number],
        median(shot.wall_s for shot in mine),
        median(shot.cpu_s for shot in mine),
        median(shot.denoise_s for shot in mine),
        max(shot.peak_bytes for shot in mine) / 1e6,
        median(near),
        above,
        None if judge is None else _adherence(judge, [shot.frames for shot in mine], wanted),
    )


def _comparable(upper: Rung, lower: Rung) -> bool:
    """Both draw the student's steps on one grid."""
    student = upper.kind == "engine" or (upper.student and upper.guidance == 1)
    return student and lower.kind == "engine" and upper.size == lower.size


def _ratio(expected: np.ndarray, got: np.ndarray) -> float:
    noise, signal = float(np.square(got - expected).sum()), float(np.square(expected).sum())
    return 10 * float(np.log10(signal / max(noise, 1e-20 * signal)))


def _adherence(judge: Path, clips: Sequence[Frames], wanted: Sequence[Any]) -> float:
    import torch

    from export.tiny.judge import load_judge, verdicts

    video = torch.from_numpy(np.stack(clips)).permute(0, 4, 1, 2, 3).float() / 127.5 - 1
    return float(verdicts(load_judge(judge), video, list(wanted)).all(1).mean())


def table(rows: Sequence[Row], chip: dict[str, float], threads: int) -> str:
    """Markdown: the ladder, the goals, and the roof."""
    top, lines = rows[0], []
    lines += ["| rung | wall s | CPU s | CPU x | of it this rung | peak MB | adherence | fidelity | dB |"]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    before = top
    for row in rows:
        step = "" if row is top else f"{before.cpu_s / row.cpu_s:.2f}"
        shown = "" if row.adherence is None else f"{100 * row.adherence:.0f} %"
        above = "" if row.above_db is None else f"{row.above_db:.1f}"
        lines.append(
            f"| {row.rung.name} | {row.wall_s:.3f} | {row.cpu_s:.3f} | {top.cpu_s / row.cpu_s:.1f} | "
            f"{step} | {row.peak_mb:.0f} | {shown} | {row.fidelity:.2f} | {above} |"
        )
        before = row
    eager = next(row for row in rows if row.rung.kind == "torch" and row.rung.size == rows[-1].rung.size)
    served = next(row for row in rows if row.rung.name == "int8")
    work = roof.operations(served.rung.folder / "transformer.onnx") * _steps(served.rung.folder)
    rate = work / served.denoise_s
    share = rate / chip["int8"]
    faster = eager.denoise_s / served.denoise_s
    goals = [
        ("preview against full render, CPU", top.cpu_s / served.cpu_s, GOAL_CHEAPER, "x"),
        ("engine against torch eager, same student and steps, denoising", faster, GOAL_EAGER, "x"),
        ("denoising against the int8 product roof", 100 * share, 100 * GOAL_ROOF, "%"),
        ("denoising against the float32 product roof", 100 * rate / chip["fp32"], 100 * GOAL_ROOF, "%"),
    ]
    lines += ["", "| goal | found | asked |", "|---|---|---|"]
    lines += [f"| {name} | {found:.1f} {unit} | >= {goal:.0f} {unit} |" for name, found, goal, unit in goals]
    lines += [f"| preview with text and MP4, wall | {served.wall_s:.3f} s | < {GOAL_WALL_S:.0f} s |"]
    roofs = ", ".join(f"{name} {found / 1e9:.0f}" for name, found in chip.items())
    lines += ["", f"Roofs on {threads} threads, measured in this run, GFLOP/s: {roofs}."]
    lines += [f"The int8 denoiser does {work / 1e9:.2f} GFLOP a preview, {rate / 1e9:.0f} GFLOP/s."]
    return "\n".join(lines)


def _steps(folder: Path) -> int:
    manifest = json.loads((folder / "manifest.json").read_text())
    return (len(manifest["sigmas"]) - 1) * (2 if manifest["guidance"] > 1 else 1)


def plot(rows: Sequence[Row]) -> str:
    """CPU seconds of each rung as bars on a logarithmic axis, SVG."""
    wide, tall, left = 420, 26, 300
    least = min(row.cpu_s for row in rows)
    span = max(np.log10(max(row.cpu_s for row in rows) / least), 0.1)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + wide + 90}" '
        f'height="{tall * len(rows) + 30}" '
        'font-family="sans-serif" font-size="12">',
        '<text x="4" y="16">CPU seconds of a clip, on a logarithmic axis</text>',
    ]
    for number, row in enumerate(rows):
        y = 24 + number * tall
        long = 20 + (wide - 20) * np.log10(row.cpu_s / least) / span
        lines.append(f'<text x="4" y="{y + 15}">{row.rung.name}</text>')
        lines.append(f'<rect x="{left}" y="{y + 2}" width="{long:.0f}" height="{tall - 8}" fill="#4a7ebb"/>')
        lines.append(f'<text x="{left + long + 6:.0f}" y="{y + 15}">{row.cpu_s:.3f}</text>')
    return "\n".join([*lines, "</svg>", ""])


def why(row: Row, threads: int) -> str:
    """Where the denoiser's time goes, by node type."""
    import onnxruntime as ort

    path = row.rung.folder / "transformer.onnx"
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    feeds = {item.name: rng.standard_normal(item.shape).astype(np.float32) for item in session.get_inputs()}
    shares = roof.profile(path, threads, feeds)[:8]
    return "Time of the int8 denoiser by node: " + ", ".join(
        f"{name} {100 * share:.0f} %" for name, share in shares
    )


def clips(count: int) -> tuple[list[Wish], list[Any]]:
    """Held-out scenes of the tiny world, each from its own seed, and what they ask for."""
    from export.tiny.captions import plain_caption
    from export.tiny.judge import unseen_scenes
    from export.tiny.world import FPS, FRAMES

    scenes = unseen_scenes(count)
    return [Wish(plain_caption(scene), 500 + i, FRAMES, FPS) for i, scene in enumerate(scenes)], scenes


def main() -> None:
    """Print the ladder, and write it where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("teacher", type=Path)
    parser.add_argument("--clips", type=int, default=4, help="2 or more")
    parser.add_argument("--threads", type=int, default=max(1, os.cpu_count() or 1))
    parser.add_argument("--judge", type=Path, help="folder of judge.pt")
    parser.add_argument("--out", type=Path, help="a Markdown file; the plot goes beside it")
    options = parser.parse_args()
    if options.clips < 2:
        parser.error("fidelity needs 2 clips or more")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="riffle-ladder-") as work:
        ladder = rungs(options.teacher, Path(work), options.threads)
        wishes, scenes = clips(options.clips)
        rows = climb(ladder, wishes, options.judge, scenes)
        text = table(rows, roof.roofs(options.threads, TARGET), options.threads)
        text += "\n\n" + why(next(row for row in rows if row.rung.name == "int8"), options.threads)
    text += f"\n\nMedians of {options.clips} clips; the whole run took {time.monotonic() - started:.0f} s."
    print("\n" + text)
    if options.out:
        picture = options.out.with_suffix(".svg")
        options.out.write_text(f"{text}\n\n![CPU seconds of each rung]({picture.name})\n")
        picture.write_text(plot(rows))


if __name__ == "__main__":
    main()
