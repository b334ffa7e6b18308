"""What each stage learns from: datasets, how many clips of each, and their shares of the steps."""

from dataclasses import dataclass
from math import prod
from pathlib import Path

from train.stages.latent_dataset import DatasetSpec, LatentDataset
from train.stages.student import TrajectoryComponent
from train.stages.teacher import LatentComponent
from train.stages.trajectory_dataset import TrajectoryDataset
from train.world.clips import FULL_SIZES, PREVIEW_SIZES

PORTRAIT, SQUARE, LANDSCAPE = PREVIEW_SIZES
FULL_PORTRAIT, FULL_SQUARE, FULL_LANDSCAPE = FULL_SIZES
# Portraits of two seconds: of known subjects alone, and of any with conditions.
KNOWN = DatasetSpec(PORTRAIT, 5184)
CONDITIONED = DatasetSpec(PORTRAIT, 4096, conditioned=True)
# Other shapes of previews, each with its share of the teacher's steps: each size short and long; what lies
# between follows from the coordinates of the tokens.
SHAPES = {
    DatasetSpec(SQUARE, 1024, conditioned=True): 0.04,
    DatasetSpec(LANDSCAPE, 1536, conditioned=True): 0.07,
    DatasetSpec(PORTRAIT, 768, conditioned=True, frames=25): 0.03,
    DatasetSpec(SQUARE, 512, conditioned=True, frames=33): 0.03,
    DatasetSpec(PORTRAIT, 1024, conditioned=True, frames=41): 0.06,
    DatasetSpec(LANDSCAPE, 768, conditioned=True, frames=41): 0.07,
}
# Renders, with theirs.
RENDERS = {
    DatasetSpec(FULL_PORTRAIT, 1152, conditioned=True): 0.09,
    DatasetSpec(FULL_SQUARE, 384, conditioned=True): 0.03,
    DatasetSpec(FULL_LANDSCAPE, 512, conditioned=True): 0.06,
    DatasetSpec(FULL_PORTRAIT, 192, conditioned=True, frames=41): 0.03,
}
# Scenes without anybody, which most clips are drawn on, with theirs: three quarters of all steps.
EMPTY = {
    DatasetSpec(PORTRAIT, 12_000, empty=True): 1,
    DatasetSpec(SQUARE, 4000, empty=True): 0.24,
    DatasetSpec(LANDSCAPE, 4000, empty=True): 0.3,
    DatasetSpec(PORTRAIT, 2000, frames=41, empty=True): 0.2,
    DatasetSpec(LANDSCAPE, 1000, frames=41, empty=True): 0.1,
}
EMPTY_RENDERS = {
    DatasetSpec(FULL_PORTRAIT, 4000, empty=True): 0.68,
    DatasetSpec(FULL_SQUARE, 1200, empty=True): 0.16,
    DatasetSpec(FULL_LANDSCAPE, 1200, empty=True): 0.24,
    DatasetSpec(FULL_PORTRAIT, 400, frames=41, empty=True): 0.1,
}
# Latent cells of a batch: those of 32 clips of 17 frames of 64x96.
BATCH_TOKENS = 3840
# Trajectories without and with conditions, each, and the share of the student's steps.
TRAJECTORIES = {KNOWN: (3584, 0.3), CONDITIONED: (3584, 0.26)}
# As many trajectories of another shape as this share of its clips; its share of the student's steps is as
# above.
SHAPE_TRAJECTORIES = 0.25
# Clips that the upsampling decoder learns from.
DECODER_CLIPS = 6000
# Shards that the refiner learns from.
REFINER_SHARDS = 120


@dataclass(frozen=True)
class Scale:
    """How many times as many clips are drawn, and as many are in a batch, as two CPU cores can take."""

    clips: float = 1.0
    batch: float = 1.0

    @property
    def vae_batch(self) -> int:
        """Windows in a batch of the autoencoder's."""
        return round(8 * self.batch)

    def batch_of(self, spec: DatasetSpec, share: float = 1.0) -> int:
        """Clips of a dataset in a batch, or in a `share` of one."""
        return max(2, round(share * self.batch * BATCH_TOKENS / prod(spec.grid)))


def latent_specs() -> tuple[DatasetSpec, ...]:
    """Every dataset of latents."""
    return KNOWN, CONDITIONED, *SHAPES, *RENDERS, *EMPTY, *EMPTY_RENDERS


def teacher_mixture(home: Path, scale: Scale, device: str) -> list[LatentComponent]:
    """What the teacher learns, and how often."""

    def component(
        name: str, spec: DatasetSpec, dataset: LatentDataset, weight: float, shift: float, share: float = 1.0
    ) -> LatentComponent:
        return LatentComponent(
            name=name,
            dataset=dataset,
            batch=scale.batch_of(spec, share),
            weight=weight,
            shift=shift,
            conditioned=name.endswith("conditioned"),
            starts_at=0.3 if name.startswith("renders") else 0.0,
        )

    known, conditioned = (
        LatentDataset.load(home, spec.scaled(scale.clips), device) for spec in (KNOWN, CONDITIONED)
    )
    found = [
        component("known", KNOWN, known, 0.26, 1.4),
        component("conditioned", CONDITIONED, conditioned, 0.24, 1.4, share=0.75),
    ]
    for name, specs, shift in (("shapes", SHAPES, 1.4), ("renders", RENDERS, 1.0)):
        for spec, weight in specs.items():
            dataset = LatentDataset.load(home, spec.scaled(scale.clips), device)
            found.append(component(name, spec, dataset, weight / 2, shift))
            found.append(component(f"{name} conditioned", spec, dataset, weight / 2, shift, share=0.8))
    for name, specs, shift in (("empty", EMPTY, 1.4), ("empty renders", EMPTY_RENDERS, 1.0)):
        for spec, weight in specs.items():
            dataset = LatentDataset.load(home, spec.scaled(scale.clips), device)
            found.append(component(name, spec, dataset, weight, shift))
    return found


def student_mixture(
    home: Path, scale: Scale, device: str, *, writable: bool = False
) -> list[TrajectoryComponent]:
    """What the student learns, and how often; `writable`: trajectories that can be filled."""
    counts = {spec: (round(spec.count * SHAPE_TRAJECTORIES), share) for spec, share in SHAPES.items()}
    empty = {spec: (round(spec.count / 2), share) for spec, share in EMPTY.items()}
    found = []
    # Empty scenes first: time may end before all trajectories are there.
    for spec, (count, share) in {**empty, **TRAJECTORIES, **counts}.items():
        # Of the portraits of two seconds those with and those without conditions are datasets of their own.
        for conditioned in (False, True) if spec in SHAPES else (spec.conditioned,):
            latents = LatentDataset.load(home, spec.scaled(scale.clips), device) if conditioned else None
            rows = round(count * scale.clips)
            place = "cpu" if writable else device
            found.append(
                TrajectoryComponent(
                    name="x".join(map(str, (*spec.size, spec.frames))),
                    dataset=TrajectoryDataset.open(home, spec, rows, latents, place),
                    empty=spec.empty,
                    batch=scale.batch_of(spec),
                    weight=share / 2 if spec in SHAPES else share,
                )
            )
    return found
