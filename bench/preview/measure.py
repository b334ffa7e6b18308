"""Draws the clips of all rungs, has them judged, and puts the report together."""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.preview.ladder import FLOAT32, SERVED, rungs
from bench.preview.workers import ClipRequest, Frames, MeasuredClip, RungWorker

if TYPE_CHECKING:
    # Every worker imports this file, and its memory is measured.
    from bench.preview.report import LadderRow
    from bench.preview.roofline import Roofline

# Of the whole run, less what is left to do once the last clip is drawn.
BUDGET_S, LEFT_S = 600.0, 60.0
LEAST_CLIPS = 2
JUDGED_AT_ONCE = 16


class LadderRun:
    """All rungs at work, until they have drawn what was asked for or the time is over."""

    def __init__(
        self, workers: list[RungWorker], requests: Sequence[ClipRequest], roof: Roofline, until: float
    ) -> None:
        """`until` is a monotonic time."""
        self.workers, self.requests, self.until = workers, requests, until
        self.roof = roof
        self.measured = [worker.ready() for worker in workers]
        # Once before it counts: the first clip finds cold caches and memory to be mapped.
        for worker in workers:
            worker.draw(requests[0])

    def clips(self, count: int) -> list[list[MeasuredClip]]:
        """That many clips of every rung, interleaved; fewer, but LEAST_CLIPS, when the time is over."""
        shots: list[list[MeasuredClip]] = []
        for request in self.requests[:count]:
            if len(shots) >= LEAST_CLIPS and time.monotonic() > self.until:
                break
            print(f"[ladder] clip {len(shots) + 1} of {count}: {request.prompt}", flush=True)
            shots.append([worker.draw(request) for worker in self.workers])
            self.roof.measure()
        return shots

    def pairs(self, start: int) -> list[tuple[Frames, Frames]]:
        """Further clips in float32 and as served, from request number `start` on, until the time is over."""
        print(f"[ladder] up to {len(self.requests) - start} clips more to judge", flush=True)
        two = [worker for worker in self.workers if worker.rung.name in (FLOAT32, SERVED)]
        made = []
        for request in itertools.islice(self.requests, start, None):
            if time.monotonic() > self.until:
                break
            float32, served = (worker.draw(request).frames for worker in two)
            made.append((float32, served))
        return made

    def end(self) -> None:
        """Let all go."""
        for worker in self.workers:
            worker.end()


def judged(judge: Path, clips: Sequence[Frames], scenes: Sequence[Any]) -> list[bool]:
    """Whether each clip shows all that its scene, the one at the same place, asks for."""
    from train.measure.judge import verdicts
    from train.models.judge import load_judge
    from train.models.vae import as_video

    scorer, seen = load_judge(judge), []
    for start in range(0, len(clips), JUDGED_AT_ONCE):
        frames = clips[start : start + JUDGED_AT_ONCE]
        video = as_video(np.stack(frames))
        seen += [bool(all(each)) for each in verdicts(scorer, video, list(scenes[start:][: len(frames)]))]
    return seen


def held_out_requests(count: int) -> tuple[list[ClipRequest], list[Any]]:
    """Held-out scenes of the tiny world, each from its own seed, and what they ask for."""
    from train.measure.judge import unseen_scenes
    from train.world.captions import plain_caption
    from train.world.clips import FPS, FRAMES

    scenes = unseen_scenes(count)
    return [ClipRequest(plain_caption(scene), 500 + i, FRAMES, FPS) for i, scene in enumerate(scenes)], scenes


def measure_ladder(options: argparse.Namespace, work: Path) -> tuple[str, list[LadderRow]]:
    """Draw, measure and judge; the report in Markdown, and its rows."""
    from bench.preview import report, roofline
    from model_server.engine.bundle import load_manifest

    started = time.monotonic()
    ladder = rungs(options.teacher, work, options.threads, options.bundle, options.tiny_decoder)
    bundle = ladder[-1].folder
    target = load_manifest(bundle).target
    requests, scenes = held_out_requests(max(options.clips, options.judged if options.judge else 0))
    workers = [RungWorker(rung) for rung in ladder]
    # Until the judge and the profile, which need the rest.
    run = LadderRun(
        workers, requests, roofline.Roofline(options.threads, target), started + BUDGET_S - LEFT_S
    )
    shots = run.clips(options.clips)
    many = len(shots)
    more = run.pairs(many) if options.judge else []
    run.end()
    rows = report.rows(ladder, shots)
    paired = None
    if options.judge:
        extra = {FLOAT32: [pair[0] for pair in more], SERVED: [pair[1] for pair in more]}
        verdicts = {}
        for number, row in enumerate(rows):
            clips = [*(clip.frames for clip in row.clips), *extra.get(row.rung.name, [])]
            seen = verdicts[row.rung.name] = judged(options.judge, clips, scenes)
            rows[number] = row._replace(shown=sum(seen), judged=len(seen))
        paired = report.Paired(verdicts[FLOAT32], verdicts[SERVED])
    path = bundle / "transformer.onnx"
    chip = report.Chip(
        options.threads,
        run.roof.rates,
        roofline.operations(path),
        roofline.products_alone(path, 1, target),
        roofline.profile(path, 1, roofline.example(path)),
        run.measured[-1],
    )
    text = [report.table(rows), report.goals(rows, chip, paired), report.why(rows, chip)]
    took = f"the whole run took {time.monotonic() - started:.0f} s on {options.threads} threads"
    text.append(f"int8 is for {target}. Medians of {many} clips; {took}.")
    return "\n\n".join(text), rows
