"""The ladder: from a full render by diffusers down to the preview that is served, one rung at a time.

    python -m bench.preview TEACHER [--bundle DIR] [--judge DIR] [--out docs/benchmarks/preview.md]

TEACHER is a folder of the LTX family with riffle.json and a student (riffle-tiny). Every rung lives in a
process of its own; each clip is drawn by all rungs, one after the other, so that a slow moment falls on all.
From the prompt to the MP4. Ratios count, wall times depend on what else the machine does.

CPU x: how many times less CPU the rung takes than the first. Fidelity: to the first rung's clip of the same
seed, between 1 (the same) and 0 (as far as its other seeds). dB: signal to noise of the latents against the
rung above, where both draw on one grid with the same steps. Adherence: how many clips show all they were
asked for, by the judge of train.measure.judge; the last two precisions draw more clips for it, in pairs.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.ladder import FLOAT32, SERVED, rungs
from bench.rungs import Frames, Shot, Wish, Worker
from model_server.engine.threads import cores
from settings import PROJECT

if TYPE_CHECKING:
    # Every worker imports this file, and its memory is measured.
    from bench.report import Row
    from bench.roof import Roof

# Of the whole run, less what is left to do once the last clip is drawn.
BUDGET_S, LEFT_S = 600.0, 60.0
LEAST_CLIPS = 2
JUDGED_AT_ONCE = 16
JUDGE = PROJECT / "export" / "weights" / "judge"


class Drawing:
    """All rungs at work, until they have drawn what was asked for or the time is over."""

    def __init__(self, workers: list[Worker], wishes: Sequence[Wish], roof: Roof, until: float) -> None:
        """`until` is a monotonic time."""
        self.workers, self.wishes, self.until = workers, wishes, until
        self.roof = roof
        self.measured = [worker.ready() for worker in workers]
        # Once before it counts: the first clip finds cold caches and memory to be mapped.
        for worker in workers:
            worker.draw(wishes[0])

    def clips(self, count: int) -> list[list[Shot]]:
        """That many clips of every rung, interleaved; fewer, but LEAST_CLIPS, when the time is over."""
        shots: list[list[Shot]] = []
        for wish in self.wishes[:count]:
            if len(shots) >= LEAST_CLIPS and time.monotonic() > self.until:
                break
            print(f"[ladder] clip {len(shots) + 1} of {count}: {wish.prompt}", flush=True)
            shots.append([worker.draw(wish) for worker in self.workers])
            self.roof.measure()
        return shots

    def pairs(self, start: int) -> list[tuple[Frames, Frames]]:
        """Further clips in float32 and as served, from the wish `start` on, until the time is over."""
        print(f"[ladder] up to {len(self.wishes) - start} clips more to judge", flush=True)
        two = [worker for worker in self.workers if worker.rung.name in (FLOAT32, SERVED)]
        made = []
        for wish in itertools.islice(self.wishes, start, None):
            if time.monotonic() > self.until:
                break
            float32, served = (worker.draw(wish).frames for worker in two)
            made.append((float32, served))
        return made

    def end(self) -> None:
        """Let all go."""
        for worker in self.workers:
            worker.end()


def judged(judge: Path, clips: Sequence[Frames], scenes: Sequence[Any]) -> list[bool]:
    """Whether each clip shows all that its scene, the one at the same place, asks for."""
    import torch

    from train.measure.judge import load_judge, verdicts

    scorer, seen = load_judge(judge), []
    for start in range(0, len(clips), JUDGED_AT_ONCE):
        frames = clips[start : start + JUDGED_AT_ONCE]
        video = torch.from_numpy(np.stack(frames)).permute(0, 4, 1, 2, 3).float() / 127.5 - 1
        seen += [bool(all(each)) for each in verdicts(scorer, video, list(scenes[start:][: len(frames)]))]
    return seen


def wished(count: int) -> tuple[list[Wish], list[Any]]:
    """Held-out scenes of the tiny world, each from its own seed, and what they ask for."""
    from train.measure.judge import unseen_scenes
    from train.world.captions import plain_caption
    from train.world.clips import FPS, FRAMES

    scenes = unseen_scenes(count)
    return [Wish(plain_caption(scene), 500 + i, FRAMES, FPS) for i, scene in enumerate(scenes)], scenes


def climb(options: argparse.Namespace, work: Path) -> tuple[str, list[Row]]:
    """Draw, measure and judge; the report in Markdown, and its rows."""
    from bench import report, roof
    from model_server.engine.bundle import load_manifest

    started = time.monotonic()
    ladder = rungs(options.teacher, work, options.threads, options.bundle, options.tiny_decoder)
    bundle = ladder[-1].folder
    target = load_manifest(bundle).target
    wishes, scenes = wished(max(options.clips, options.judged if options.judge else 0))
    workers = [Worker(rung) for rung in ladder]
    # Until the judge and the profile, which need the rest.
    drawing = Drawing(workers, wishes, roof.Roof(options.threads, target), started + BUDGET_S - LEFT_S)
    shots = drawing.clips(options.clips)
    many = len(shots)
    more = drawing.pairs(many) if options.judge else []
    drawing.end()
    rows = report.rows(ladder, shots)
    paired = None
    if options.judge:
        extra = {FLOAT32: [pair[0] for pair in more], SERVED: [pair[1] for pair in more]}
        verdicts = {}
        for number, row in enumerate(rows):
            clips = [*(shot.frames for shot in row.shots), *extra.get(row.rung.name, [])]
            seen = verdicts[row.rung.name] = judged(options.judge, clips, scenes)
            rows[number] = row._replace(shown=sum(seen), judged=len(seen))
        paired = report.Paired(verdicts[FLOAT32], verdicts[SERVED])
    path = bundle / "transformer.onnx"
    chip = report.Chip(
        options.threads,
        drawing.roof.rates,
        roof.operations(path),
        roof.products_alone(path, 1, target),
        roof.profile(path, 1, roof.example(path)),
        drawing.measured[-1],
    )
    text = [report.table(rows), report.goals(rows, chip, paired), report.why(rows, chip)]
    took = f"the whole run took {time.monotonic() - started:.0f} s on {options.threads} threads"
    text.append(f"int8 is for {target}. Medians of {many} clips; {took}.")
    return "\n\n".join(text), rows


def main() -> None:
    """Print the ladder, and write it where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("teacher", type=Path)
    add("--bundle", type=Path, help="the int8 bundle to measure; one is exported unless said")
    add("--tiny-decoder", type=Path, help="a tiny decoder's folder; TEACHER/tiny_decoder if there is one")
    add("--clips", type=int, default=4, help=f"{LEAST_CLIPS} or more")
    add("--judged", type=int, default=200, help="clips to judge in pairs, as many as there is time for")
    add("--threads", type=int, default=cores())
    add("--judge", type=Path, default=JUDGE if JUDGE.is_dir() else None, help="the folder of its weights")
    add("--out", type=Path, help="a Markdown file; the plot goes beside it")
    options = parser.parse_args()
    if options.clips < LEAST_CLIPS:
        parser.error(f"fidelity needs {LEAST_CLIPS} clips or more")
    with tempfile.TemporaryDirectory(prefix="riffle-ladder-") as work:
        text, rows = climb(options, Path(work))
    print("\n" + text)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        from bench.report import plot

        picture = options.out.with_suffix(".png")
        head = "# The ladder\n\nWritten by `python -m bench.preview`, which says what the columns mean.\n"
        options.out.write_text(f"{head}\n{text}\n\n![CPU seconds of each rung]({picture.name})\n")
        plot(rows).save(picture)


if __name__ == "__main__":
    main()
