"""Train riffle-tiny from nothing: drawn world -> autoencoder -> teacher -> student -> refiner -> weights.

python -m train.train                        every stage, goes on where the last run stopped
python -m train.train --stages teacher       one stage
python -m train.train --minutes teacher=120  another budget of wall clock
python -m train.train --stages judge,likeness  the scorers, which measurements use

From earlier weights, their autoencoder as it is, and their student moved as the teacher moves, untrained
(train/docs/decisions/0014-a-student-begins-where-its-teacher-went.md):

python -m train.train --begin export/weights --stages latents,teacher,transfer,weights

A refiner for the student of earlier weights:

python -m train.train --begin export/weights --stages shards,refiner,refiner-heads,weights
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from export.assemble import WEIGHTS
from export.command import one_line_errors
from export.options import count
from train.arguments import existing_path, positive
from train.hyperparameters import BUDGETS
from train.mixtures import Scale
from train.pipeline import STAGES, TrainingRun, run_stages
from train.stages.trainer import Budget

DEFAULT_STAGES = "vae,latents,teacher,trajectories,student,shards,refiner,refiner-heads,weights"


def _stage_number(text: str) -> tuple[str, float]:
    stage, _, number = text.partition("=")
    if stage not in BUDGETS:
        raise argparse.ArgumentTypeError(f"unknown stage {stage!r}; known: {' '.join(BUDGETS)}")
    try:
        return stage, float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not STAGE=NUMBER") from None


def _device(text: str) -> str:
    try:
        torch.empty(0, device=text)
    # A name that torch doesn't know, or a device that isn't here: what it raises differs by device.
    except Exception:
        raise argparse.ArgumentTypeError(f"{text!r} can't be used on this machine") from None
    return text


@one_line_errors
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="riffle train", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--stages", default=DEFAULT_STAGES, help="comma-separated, of: " + " ".join(BUDGETS))
    parser.add_argument("--home", type=Path, default=Path("var/train"), help="checkpoints, logs and pictures")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="where the trained weights go")
    for unit, what in (("minutes", "wall-clock budgets"), ("steps", "step budgets")):
        parser.add_argument(
            f"--{unit}", nargs="*", type=_stage_number, default=[], metavar="STAGE=N", help=what
        )
    parser.add_argument("--begin", type=existing_path, help="weights to start from, such as export/weights")
    parser.add_argument("--device", type=_device, default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--clips", type=positive, default=1.0, help="times as many clips and trajectories")
    parser.add_argument("--batch", type=positive, default=1.0, help="times as large batches")
    parser.add_argument("--threads", type=count, default=2, help="CPU threads")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    stages = options.stages.split(",")
    if unknown := set(stages) - set(STAGES):
        parser.error(f"unknown stages {sorted(unknown)}; known: {' '.join(STAGES)}")
    budgets = {stage: Budget(steps, minutes) for stage, (steps, minutes) in BUDGETS.items()}
    for stage, number in options.minutes:
        budgets[stage].minutes = number
    for stage, number in options.steps:
        budgets[stage].steps = int(number)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    options.home.mkdir(parents=True, exist_ok=True)
    run_stages(
        stages,
        TrainingRun(
            options.home,
            options.weights,
            budgets,
            options.device,
            options.seed,
            options.begin,
            Scale(options.clips, options.batch),
        ),
    )


if __name__ == "__main__":
    main()
