"""Make riffle-tiny from nothing: world -> autoencoder -> teacher -> student -> refiner -> weights.

python -m train.train                        every stage, goes on where the last run stopped
python -m train.train --stages teacher       one stage
python -m train.train --minutes teacher=120  another budget of wall clock

From earlier weights, their autoencoder as it is, and their student before it is trained too (decision 0014):

python -m train.train --begin export/weights --stages banks,teacher,carried,weights

A refiner for the student of earlier weights:

python -m train.train --begin export/weights --stages lots,refiner,following,weights
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from torch import Tensor

from export.assemble import WEIGHTS
from export.refiner import Refiner, save_refiner
from train.models.folder import write_student, write_teacher
from train.models.text_encoder import CaptionBank
from train.models.vae import build_vae, measure_latents, train_vae
from train.stages.distil import Walk, carried_over, fill_trajectories, open_trajectories, train_student
from train.stages.latents import Kind, LatentBank, fill_bank
from train.stages.refiner import train_refiner
from train.stages.refiner_clips import fill_lots
from train.stages.refiner_following import train_following
from train.stages.teacher import Share, load_average, train_teacher
from train.stages.training import Budget, save_checkpoint
from train.world.world import FULL_SIZES, PREVIEW_SIZES

PORTRAIT, SQUARE, LANDSCAPE = PREVIEW_SIZES
LARGE_PORTRAIT, LARGE_SQUARE, LARGE_LANDSCAPE = FULL_SIZES
# What the teacher learns from: known subjects, clips with conditions, the same in other shapes (each size
# short and long; between these the places of the tokens tell), and in the render's size.
KNOWN = Kind(PORTRAIT, 5184)
TOLD = Kind(PORTRAIT, 4096, told=True)
# With the share of the teacher's steps.
SHAPES = {
    Kind(SQUARE, 1024, told=True): 0.04,
    Kind(LANDSCAPE, 1536, told=True): 0.07,
    Kind(PORTRAIT, 768, told=True, frames=25): 0.03,
    Kind(SQUARE, 512, told=True, frames=33): 0.03,
    Kind(PORTRAIT, 1024, told=True, frames=41): 0.06,
    Kind(LANDSCAPE, 768, told=True, frames=41): 0.07,
}
LARGE = {
    Kind(LARGE_PORTRAIT, 1152, told=True): 0.09,
    Kind(LARGE_SQUARE, 384, told=True): 0.03,
    Kind(LARGE_LANDSCAPE, 512, told=True): 0.06,
    Kind(LARGE_PORTRAIT, 192, told=True, frames=41): 0.03,
}
# Tokens of a batch: those of 32 clips of 17 frames of 64x96.
BATCH_TOKENS = 3840
# Trajectories without and with conditions, each, and the share of the student's steps.
WALKS = {KNOWN: (3584, 0.3), TOLD: (3584, 0.26)}
LOTS = 120  # of 16 clips each, that the refiner learns from
SHAPE_WALKS = 0.25  # of a bank's clips are walked to, and so many of the student's steps are theirs


@dataclass(frozen=True)
class Scale:
    """How many times as many clips are drawn, and as many are in a batch, as two CPU cores can take."""

    clips: float = 1.0
    batch: float = 1.0

    @property
    def windows(self) -> int:
        """How many windows are in a batch of the autoencoder's."""
        return round(8 * self.batch)

    def of(self, kind: Kind, share: float = 1.0) -> int:
        """How many clips of a kind are in a batch, or in a `share` of one."""
        return max(2, round(share * self.batch * BATCH_TOKENS / prod(kind.grid)))


# Stage -> (steps, minutes of wall clock) on two CPU cores; a stage ends at whichever comes first.
BUDGETS: dict[str, tuple[int, float]] = {
    "vae": (12000, 48),
    "banks": (1, 0),
    "teacher": (12000, 44),
    "carried": (1, 0),
    "paths": (1000, 14),
    "student": (4000, 16),
    "control": (1500, 5),
    "decoder": (3000, 8),
    "lots": (1, 0),
    "refiner": (4000, 45),
    "following": (600, 10),
    "weights": (1, 0),
}


def trained_vae(home: Path, device: str, begin: Path | None = None) -> AutoencoderKLLTXVideo:
    """The averaged autoencoder with its latent statistics, and the sharpened decoder once that stage ran.

    Where none was trained, that of the folder `begin`.
    """
    if begin is not None and not (home / "vae.pt").exists():
        ready = AutoencoderKLLTXVideo.from_pretrained(begin / "teacher" / "vae")
        return ready.to(device).eval().requires_grad_(False)
    vae = build_vae()
    state = torch.load(home / "vae-decoder.pt" if (home / "vae-decoder.pt").exists() else home / "vae.pt")[
        "average"
    ]
    vae.load_state_dict(state)
    vae.to(device).eval().requires_grad_(False)
    statistics = home / "latent-statistics.pt"
    if not statistics.exists():
        measure_latents(vae)
        torch.save((vae.latents_mean, vae.latents_std), statistics)
    mean, std = torch.load(statistics)
    vae.latents_mean.copy_(mean)
    vae.latents_std.copy_(std)
    return vae


def shares(home: Path, scale: Scale, device: str) -> list[Share]:
    """What the teacher learns, and how often."""
    known, told = KNOWN.times(scale.clips), TOLD.times(scale.clips)
    found = [
        Share("known", LatentBank.load(home, known, device), scale.of(known), shift=1.4, weight=0.26),
        Share("told", LatentBank.load(home, told, device), scale.of(told, 0.75), 1.4, 0.24, told=True),
    ]
    for name, kinds, shift, after in (("shapes", SHAPES, 1.4, 0.0), ("large", LARGE, 1.0, 0.3)):
        for kind, weight in kinds.items():
            bank = LatentBank.load(home, kind.times(scale.clips), device)
            found.append(Share(name, bank, scale.of(kind), shift, weight / 2, after=after))
            found.append(Share(f"{name} told", bank, scale.of(kind, 0.8), shift, weight / 2, True, after))
    return found


def walks(home: Path, scale: Scale, device: str, *, filling: bool = False) -> list[Walk]:
    """What the student learns, and how often; with `filling`, trajectories that can be written."""
    counts = {kind: (round(kind.count * SHAPE_WALKS), share) for kind, share in SHAPES.items()}
    found = []
    for kind, (count, share) in {**WALKS, **counts}.items():
        # Of the portraits of two seconds those with and those without conditions are kinds of their own.
        for told in (False, True) if kind in SHAPES else (kind.told,):
            bank = LatentBank.load(home, kind.times(scale.clips), device) if told else None
            weight = share / 2 if kind in SHAPES else share
            place = "cpu" if filling else device
            paths = open_trajectories(home, kind, round(count * scale.clips), told=told, device=place)
            found.append(Walk(paths, bank, weight, scale.of(kind)))
    return found


def _transformer(folder: Path) -> LTXVideoTransformer3DModel:
    return LTXVideoTransformer3DModel.from_pretrained(folder)


def _carried(begin: Path, teacher: LTXVideoTransformer3DModel) -> dict[str, Tensor]:
    """The student in the folder `begin`, moved as `teacher` has moved from the one there."""
    student, before = (_transformer(begin / part / "transformer") for part in ("student", "teacher"))
    return carried_over(student, before, teacher)


def _student(home: Path, begin: Path | None) -> LTXVideoTransformer3DModel:
    """The student that was trained, else the one that was carried over, else that of the folder `begin`."""
    if begin is not None and not any((home / f"{name}.pt").exists() for name in ("student", "carried")):
        return _transformer(begin / "student" / "transformer")
    return load_average(home, "student" if (home / "student.pt").exists() else "carried")


def run(
    stages: Sequence[str],
    home: Path,
    weights: Path,
    budgets: dict[str, Budget],
    device: str,
    seed: int,
    begin: Path | None = None,
    scale: Scale = Scale(),
) -> None:
    """Run the stages in order; each resumes from its checkpoint under `home`.

    Where there is none, autoencoder, teacher and student go on from the weights in the folder `begin`, if
    it's given; `carried` takes the student from there without training.

    Raises:
        ValueError: `carried` without `begin`.
    """
    if "vae" in stages:
        first = None if begin is None else AutoencoderKLLTXVideo.from_pretrained(begin / "teacher" / "vae")
        train_vae(home, budgets["vae"], device=device, seed=seed, batch=scale.windows, begin=first)
    if "decoder" in stages:
        train_vae(home, budgets["decoder"], device=device, seed=seed + 1, rate=2e-3, decoder_only=True)
    vae = trained_vae(home, device, begin)
    if "banks" in stages:
        for number, kind in enumerate((KNOWN, TOLD, *SHAPES, *LARGE)):
            fill_bank(vae, home, kind.times(scale.clips), seed + number)
    if "teacher" in stages:
        first = None if begin is None else _transformer(begin / "teacher" / "transformer")
        kinds = shares(home, scale, device)
        train_teacher(home, vae, kinds, budgets["teacher"], device=device, seed=seed, begin=first)
    if "paths" in stages:
        teacher, captions = load_average(home, "teacher").to(device), CaptionBank(home, device=device)
        for walk in walks(home, scale, device, filling=True):
            fill_trajectories(teacher, captions, walk, budgets["paths"], device=device)
    if "carried" in stages:
        if begin is None:
            raise ValueError("carried: a student is carried over from earlier weights; name their folder")
        save_checkpoint(home / "carried.pt", average=_carried(begin, load_average(home, "teacher")))
    for stage in ("student", "control"):
        if stage in stages:
            teacher, matched = load_average(home, "teacher"), stage == "student"
            train_student(
                home,
                vae,
                teacher,
                walks(home, scale, device),
                budgets[stage],
                device=device,
                seed=seed,
                matched=matched,
                begin=_carried(begin, teacher) if begin is not None and matched else None,
            )
    if "lots" in stages:
        fill_lots(home, vae, _student(home, begin).to(device), round(LOTS * scale.clips), seed)
    if "refiner" in stages:
        train_refiner(home, budgets["refiner"], device=device, seed=seed)
    if "following" in stages:
        train_following(home, budgets["following"], device=device, seed=seed)
    if "weights" in stages:
        refined = (home / "refiner.pt").exists()
        if (home / "teacher.pt").exists() or not refined:
            write_teacher(weights, vae, load_average(home, "teacher"))
            write_student(weights, _student(home, begin))
        if refined:
            refiner = Refiner()
            refiner.load_state_dict(torch.load(home / "refiner.pt")["average"])
            save_refiner(refiner, weights / "refiner")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="riffle train", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--stages",
        default="vae,banks,teacher,paths,student,lots,refiner,following,weights",
        help="comma-separated, of: " + " ".join(BUDGETS),
    )
    parser.add_argument("--home", type=Path, default=Path("var/train"), help="checkpoints, logs and pictures")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="where the trained weights go")
    parser.add_argument("--minutes", nargs="*", default=[], metavar="STAGE=N", help="wall-clock budgets")
    parser.add_argument("--steps", nargs="*", default=[], metavar="STAGE=N", help="step budgets")
    parser.add_argument(
        "--begin", type=Path, help="a folder of weights to go on from, such as export/weights"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--clips", type=float, default=1.0, help="times as many clips and trajectories")
    parser.add_argument("--batch", type=float, default=1.0, help="times as large batches")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    stages = chosen.stages.split(",")
    if unknown := set(stages) - set(BUDGETS):
        parser.error(f"unknown stages {sorted(unknown)}; known: {' '.join(BUDGETS)}")
    budgets = {stage: Budget(steps, minutes) for stage, (steps, minutes) in BUDGETS.items()}
    for text in chosen.minutes:
        stage, number = text.split("=")
        budgets[stage].minutes = float(number)
    for text in chosen.steps:
        stage, number = text.split("=")
        budgets[stage].steps = int(number)
    torch.set_num_threads(chosen.threads)
    torch.set_flush_denormal(True)
    chosen.home.mkdir(parents=True, exist_ok=True)
    scale = Scale(chosen.clips, chosen.batch)
    run(stages, chosen.home, chosen.weights, budgets, chosen.device, chosen.seed, chosen.begin, scale)


if __name__ == "__main__":
    main()
