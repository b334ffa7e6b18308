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
import tempfile
from pathlib import Path

from bench.preview.measure import LEAST_CLIPS, measure_ladder
from export.command import one_line_errors
from export.options import count
from model_server.engine.processor import cores
from settings import PROJECT
from train.arguments import bundle_folder, existing_path, model_folder, weights_folder

JUDGE = PROJECT / "export" / "weights" / "judge"


@one_line_errors
def main() -> None:
    """Print the ladder, and write it where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.preview",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("teacher", type=model_folder)
    add("--bundle", type=bundle_folder, help="the int8 bundle to measure; else one is exported")
    add(
        "--tiny-decoder",
        type=existing_path,
        help="a tiny decoder's folder; TEACHER/tiny_decoder if there is one",
    )
    add("--clips", type=count, default=4, help=f"{LEAST_CLIPS} or more")
    add("--judged", type=count, default=200, help="clips to judge in pairs, as many as there is time for")
    add("--threads", type=count, default=cores())
    add(
        "--judge",
        type=weights_folder,
        default=JUDGE if JUDGE.is_dir() else None,
        help="the folder of its weights",
    )
    add("--out", type=Path, help="a Markdown file; the plot goes beside it")
    options = parser.parse_args()
    if options.clips < LEAST_CLIPS:
        parser.error(f"fidelity needs {LEAST_CLIPS} clips or more")
    with tempfile.TemporaryDirectory(prefix="riffle-ladder-") as work:
        text, rows = measure_ladder(options, Path(work))
    print("\n" + text)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        from bench.preview.report import plot

        picture = options.out.with_suffix(".png")
        head = "# The ladder\n\nWritten by `python -m bench.preview`, which says what the columns mean.\n"
        options.out.write_text(f"{head}\n{text}\n\n![CPU seconds of each rung]({picture.name})\n")
        plot(rows).save(picture)


if __name__ == "__main__":
    main()
