"""Distillation of the student: the teacher's guided trajectories in STUDENT_STEPS unguided steps.

Trajectory-preserving distillation: after Luhman and Luhman, "Knowledge distillation in iterative generative
models" (2021) and Salimans and Ho, "Progressive distillation" (2022). Each step learns to land where the
teacher's solution of the flow equation passes, from the same noise; so the student's video is the teacher's,
not merely one like it. Half of the time the student itself solves the steps before, which teaches it to
correct its own drift (Ross et al., "A reduction of imitation learning to no-regret online learning", 2011).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from torch import Tensor

from train.hyperparameters import STUDENT_SHIFT, STUDENT_STEPS
from train.models.conditioning import TokenConditioning
from train.models.flow_sampler import sample, schedule
from train.models.transformer import build_transformer, prepare_for_training, velocity
from train.reports.samples import draw_samples
from train.stages.caption_dataset import CaptionDataset
from train.stages.mixture import MixtureComponent, choose_component
from train.stages.trainer import Budget, Trainer
from train.stages.trajectory_dataset import TrajectoryDataset

OWN_STATE_SHARE = 0.5  # of the steps: from where the student itself arrives, else from the teacher's state


@dataclass(kw_only=True)
class TrajectoryComponent(MixtureComponent):
    """Trajectories that the student learns; empty: whether nobody is in them."""

    dataset: TrajectoryDataset
    empty: bool = False


def train_student(
    folder: Path,
    vae: AutoencoderKLLTXVideo,
    teacher: LTXVideoTransformer3DModel,
    mixture: list[TrajectoryComponent],
    budget: Budget,
    *,
    device: str = "cpu",
    seed: int = 0,
    learning_rate: float = 1e-3,
    matched: bool = True,
    begin: dict[str, Tensor] | None = None,
) -> None:
    """Train until the budget ends; resumes from `folder/student.pt`, or starts from the weights `begin`, or
    else from the teacher's.

    With `matched` off, a control: it learns the same steps to the same videos, but from any noise instead of
    the one that each came from (`folder/control.pt`).
    """
    stage = "student" if matched else "control"
    torch.manual_seed(seed)
    model = build_transformer().to(device)
    model.load_state_dict(teacher.state_dict() if begin is None else begin)
    metrics = [f"step{number}" for number in range(STUDENT_STEPS)]
    trainer = Trainer(folder, stage, model, budget, learning_rate=learning_rate, metrics=metrics, seed=seed)
    prepare_for_training(model)
    captions, rng = CaptionDataset(folder, device=device), trainer.rng
    sigmas = schedule(STUDENT_STEPS, STUDENT_SHIFT)
    filled = [component for component in mixture if component.dataset.filled]

    def step() -> tuple[Tensor, dict[str, Tensor]]:
        component = choose_component(filled, budget.progress, rng)
        trajectories = component.dataset
        rows = np.sort(rng.integers(0, trajectories.filled, component.batch))
        solved = trajectories.states[torch.from_numpy(rows).to(device)].float()
        states, mask = captions.rows(trajectories.caption[rows])
        conditioning = trajectories.conditioning(rows)
        number = int(rng.integers(STUDENT_STEPS))
        here, there = solved[:, number], solved[:, number + 1]
        if not matched:
            fresh = torch.randn_like(solved[:, 0])
            here, there = (torch.lerp(solved[:, -1], fresh, level) for level in sigmas[number : number + 2])
        elif rng.random() < OWN_STATE_SHARE:
            here = sample(model, solved[:, 0], states, mask, sigmas[: number + 1], conditioning=conditioning)
        loss = step_loss(model, here, there, sigmas[number], sigmas[number + 1], states, mask, conditioning)
        return loss, {f"step{number}": loss}

    trainer.run(step, lambda: draw_samples(trainer.averaged, vae, folder / f"{stage}.png", sigmas, 1.0))


def transfer_weight_delta(
    student: LTXVideoTransformer3DModel,
    before: LTXVideoTransformer3DModel,
    after: LTXVideoTransformer3DModel,
) -> dict[str, Tensor]:
    """The weights of a student of the teacher `before`, moved by the difference of the teacher `after` to it.

    A difference of weights that is added to other weights: Ilharco et al., "Editing models with task
    arithmetic" (2023).
    """
    old, new = before.state_dict(), after.state_dict()
    return {name: value + new[name] - old[name] for name, value in student.state_dict().items()}


def step_loss(
    model: LTXVideoTransformer3DModel,
    here: Tensor,
    there: Tensor,
    now: float,
    later: float,
    states: Tensor,
    mask: Tensor,
    conditioning: TokenConditioning | None = None,
) -> Tensor:
    """Squared error of the velocity from `here` (level `now`) to the teacher's `there` (level `later`).

    Pinned frames are the same in both, so they don't count.
    """
    sigma = torch.full((len(here), 1), now, device=here.device)
    target = (here - there) / (now - later)
    error = (velocity(model, here, sigma, states, mask, conditioning=conditioning) - target).square()
    if conditioning is None:
        return error.mean()
    counted = (1 - conditioning.pinned).expand_as(error)
    return (error * counted).sum() / counted.sum()
