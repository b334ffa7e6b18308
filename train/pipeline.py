"""The stages of a training in their order, and what each needs of those before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from torch import Tensor

from export.extras import UPSAMPLING_DECODER_FOLDER
from export.refiner import Refiner, save_refiner
from export.upsampling_decoder import UpsamplingDecoder, save_upsampling_decoder
from train.mixtures import (
    DECODER_CLIPS,
    REFINER_SHARDS,
    Scale,
    latent_specs,
    student_mixture,
    teacher_mixture,
)
from train.models.model_folder import write_student, write_teacher
from train.models.vae import build_vae
from train.stages.caption_dataset import CaptionDataset
from train.stages.decoder_clips import DecoderClips
from train.stages.judge import train_judge
from train.stages.latent_dataset import fill_latent_dataset
from train.stages.likeness import train_likeness
from train.stages.refiner import train_refiner
from train.stages.refiner_heads import train_refiner_heads
from train.stages.refiner_shards import fill_shards
from train.stages.student import train_student, transfer_weight_delta
from train.stages.teacher import load_transformer, train_teacher
from train.stages.trainer import Budget, load_average, save_checkpoint
from train.stages.trajectory_dataset import fill_trajectories
from train.stages.upsampling_decoder import train_upsampling_decoder
from train.stages.vae import measure_latents, train_vae


@dataclass
class TrainingRun:
    """One run of some stages; each method is a stage, which resumes from its checkpoint under `home`.

    Where there is none, autoencoder, teacher and student start from the weights in the folder `begin`, if
    it's given.
    """

    home: Path
    weights: Path
    budgets: dict[str, Budget] = field(default_factory=dict)
    device: str = "cpu"
    seed: int = 0
    begin: Path | None = None
    scale: Scale = field(default_factory=Scale)

    def vae(self) -> None:
        """Train the autoencoder."""
        begin = None if self.begin is None else self._begun_vae(self.begin)
        budget, batch = self.budgets["vae"], self.scale.vae_batch
        train_vae(self.home, budget, device=self.device, seed=self.seed, batch=batch, begin=begin)

    def decoder(self) -> None:
        """Train the autoencoder's decoder alone."""
        train_vae(
            self.home,
            self.budgets["decoder"],
            device=self.device,
            seed=self.seed + 1,
            learning_rate=2e-3,
            decoder_only=True,
        )

    def latents(self) -> None:
        """Draw and encode the clips of teacher and student."""
        for number, spec in enumerate(latent_specs()):
            fill_latent_dataset(
                self._trained_vae, self.home, spec.scaled(self.scale.clips), self.seed + number
            )

    def teacher(self) -> None:
        """Train the teacher."""
        train_teacher(
            self.home,
            self._trained_vae,
            teacher_mixture(self.home, self.scale, self.device),
            self.budgets["teacher"],
            device=self.device,
            seed=self.seed,
            begin=None if self.begin is None else _transformer(self.begin / "teacher"),
        )

    def trajectories(self) -> None:
        """Sample the teacher's trajectories."""
        teacher = load_transformer(self.home, "teacher").to(self.device)
        captions = CaptionDataset(self.home, device=self.device)
        for component in student_mixture(self.home, self.scale, self.device, writable=True):
            fill_trajectories(
                teacher,
                captions,
                component.dataset,
                component.batch,
                self.budgets["trajectories"],
                empty_scenes=component.empty,
                device=self.device,
            )

    def transfer(self) -> None:
        """Move the student of `begin` as its teacher moved, without training.

        Raises:
            ValueError: there's no `begin`.
        """
        if self.begin is None:
            raise ValueError("transfer: a student is moved from earlier weights: name them by --begin")
        save_checkpoint(self.home / "transfer.pt", average=self._transferred(self.begin))

    def student(self) -> None:
        """Distil the student."""
        begin = None if self.begin is None else self._transferred(self.begin)
        self._distil("student", matched=True, begin=begin)

    def control(self) -> None:
        """Distil a control without the teacher's noise, for measurements."""
        self._distil("control", matched=False, begin=None)

    def shards(self) -> None:
        """Draw the clips of the refiner."""
        count, student = round(REFINER_SHARDS * self.scale.clips), self._trained_student().to(self.device)
        fill_shards(self.home, self._trained_vae, student, count, self.seed)

    def refiner(self) -> None:
        """Train the refiner."""
        train_refiner(self.home, self.budgets["refiner"], device=self.device, seed=self.seed)

    def refiner_heads(self) -> None:
        """Train the refiner's heads of motion and lighting."""
        train_refiner_heads(self.home, self.budgets["refiner-heads"], device=self.device, seed=self.seed)

    def upsampling_decoder(self) -> None:
        """Train the upsampling decoder."""
        clips = DecoderClips(self.home, round(DECODER_CLIPS * self.scale.clips))
        clips.fill(self._trained_vae, self.seed)
        budget, batch = self.budgets["upsampling-decoder"], round(8 * self.scale.batch)
        train_upsampling_decoder(self.home, self._trained_vae, clips, budget, seed=self.seed, batch=batch)

    def judge(self) -> None:
        """Train the judge."""
        train_judge(self.home, self.budgets["judge"], seed=self.seed, device=self.device)

    def likeness(self) -> None:
        """Train the scorer of likeness."""
        train_likeness(self.home, self.budgets["likeness"], seed=self.seed, device=self.device)

    def write_weights(self) -> None:
        """Write what was trained to the folder of weights."""
        draws = self._has("upsampling-decoder")
        if draws:
            decoder = UpsamplingDecoder()
            decoder.load_state_dict(load_average(self.home, "upsampling-decoder"))
            save_upsampling_decoder(decoder, self.weights / UPSAMPLING_DECODER_FOLDER)
        refiner = next((name for name in ("refiner-heads", "refiner") if self._has(name)), None)
        if self._has("teacher") or not (draws or refiner):
            write_teacher(self.weights, self._trained_vae, load_transformer(self.home, "teacher"))
            write_student(self.weights, self._trained_student())
        if refiner is not None:
            model = Refiner()
            model.load_state_dict(load_average(self.home, refiner))
            save_refiner(model, self.weights / "refiner")

    def _has(self, stage: str) -> bool:
        return (self.home / f"{stage}.pt").exists()

    @staticmethod
    def _begun_vae(begin: Path) -> AutoencoderKLLTXVideo:
        return AutoencoderKLLTXVideo.from_pretrained(begin / "teacher" / "vae")

    @cached_property
    def _trained_vae(self) -> AutoencoderKLLTXVideo:
        """The averaged autoencoder with its latents' statistics, with the decoder of the stage `decoder` if
        it ran.

        Where none was trained, that of `begin`.
        """
        if self.begin is not None and not self._has("vae"):
            return self._begun_vae(self.begin).to(self.device).eval().requires_grad_(False)
        vae = build_vae()
        vae.load_state_dict(load_average(self.home, "vae-decoder" if self._has("vae-decoder") else "vae"))
        vae.to(self.device).eval().requires_grad_(False)
        statistics = self.home / "latent-statistics.pt"
        if not statistics.exists():
            measure_latents(vae)
            torch.save((vae.latents_mean, vae.latents_std), statistics)
        mean, std = torch.load(statistics)
        vae.latents_mean.copy_(mean)
        vae.latents_std.copy_(std)
        return vae

    def _transferred(self, begin: Path) -> dict[str, Tensor]:
        """The student of `begin`, moved as the teacher has moved from the one there."""
        student, before = (_transformer(begin / part) for part in ("student", "teacher"))
        return transfer_weight_delta(student, before, load_transformer(self.home, "teacher"))

    def _trained_student(self) -> LTXVideoTransformer3DModel:
        """The student that was trained, else the one that was transferred, else that of `begin`."""
        if self.begin is not None and not any(self._has(name) for name in ("student", "transfer")):
            return _transformer(self.begin / "student")
        return load_transformer(self.home, "student" if self._has("student") else "transfer")

    def _distil(self, stage: str, *, matched: bool, begin: dict[str, Tensor] | None) -> None:
        train_student(
            self.home,
            self._trained_vae,
            load_transformer(self.home, "teacher"),
            student_mixture(self.home, self.scale, self.device),
            self.budgets[stage],
            device=self.device,
            seed=self.seed,
            matched=matched,
            begin=begin,
        )


def _transformer(folder: Path) -> LTXVideoTransformer3DModel:
    return LTXVideoTransformer3DModel.from_pretrained(folder / "transformer")


# In the order in which they run.
STAGES: dict[str, Callable[[TrainingRun], None]] = {
    "vae": TrainingRun.vae,
    "decoder": TrainingRun.decoder,
    "latents": TrainingRun.latents,
    "teacher": TrainingRun.teacher,
    "trajectories": TrainingRun.trajectories,
    "transfer": TrainingRun.transfer,
    "student": TrainingRun.student,
    "control": TrainingRun.control,
    "shards": TrainingRun.shards,
    "refiner": TrainingRun.refiner,
    "refiner-heads": TrainingRun.refiner_heads,
    "upsampling-decoder": TrainingRun.upsampling_decoder,
    "judge": TrainingRun.judge,
    "likeness": TrainingRun.likeness,
    "weights": TrainingRun.write_weights,
}


def run_stages(stages: Sequence[str], run: TrainingRun) -> None:
    """Run these stages in the order of STAGES."""
    for name, stage in STAGES.items():
        if name in stages:
            stage(run)
