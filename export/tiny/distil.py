"""The student: the teacher's guided trajectories, walked in four unguided steps.

Trajectory-preserving distillation: after Luhman and Luhman, "Knowledge distillation in iterative generative
models" (2021) and Salimans and Ho, "Progressive distillation" (2022). Each step learns to land where the
teacher's solution of the flow equation passes, from the same noise; so the student's video is the
teacher's, not merely one like it. The student walks into the step it learns by itself, which teaches it to
correct its own drift (Ross et al., "A reduction of imitation learning to no-regret online learning", 2011).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from torch import Tensor

from export.tiny.folder import GUIDANCE, STUDENT_SHIFT, STUDENT_STEPS
from export.tiny.teacher import load_average, show
from export.tiny.text import CaptionBank
from export.tiny.training import Average, Budget, Log, Muon, clip_gradients, save_checkpoint, set_rate
from export.tiny.transformer import build_transformer, prepare_for_training, sample, schedule, velocity
from export.tiny.vae import LATENT_CHANNELS, SPACE, TIME
from export.tiny.world import FRAMES, PREVIEW

TEACHER_STEPS_EACH = 2  # teacher steps inside one student step, second order


@dataclass
class Trajectories:
    """states float16 [N, STEPS+1, 32, F, H, W]: noise first, video last; caption int [N]: row in the bank."""

    states: np.ndarray
    caption: np.ndarray

    @property
    def filled(self) -> int:
        return int(np.searchsorted(self.caption < 0, True))


def open_trajectories(folder: Path, count: int) -> Trajectories:
    """Open `count` rows under `folder` for reading and writing, empty ones where nothing exists yet."""
    frames, height, width = (FRAMES - 1) // TIME + 1, PREVIEW[1] // SPACE, PREVIEW[0] // SPACE
    shape = (count, STUDENT_STEPS + 1, LATENT_CHANNELS, frames, height, width)
    states_path, caption_path = folder / f"paths-{count}.npy", folder / f"paths-{count}-caption.npy"
    if not caption_path.exists():
        np.lib.format.open_memmap(states_path, "w+", "float16", shape).flush()
        np.lib.format.open_memmap(caption_path, "w+", "int32", (count,))[:] = -1
    return Trajectories(*(np.lib.format.open_memmap(path, "r+") for path in (states_path, caption_path)))


def fill_trajectories(
    teacher: LTXVideoTransformer3DModel,
    captions: CaptionBank,
    paths: Trajectories,
    budget: Budget,
    *,
    seed: int = 7,
    batch: int = 32,
    device: str = "cpu",
) -> None:
    """Solve the guided flow from fresh noise, `batch` at a time, until the rows or the budget are used up."""
    prepare_for_training(teacher)
    rng = np.random.default_rng(seed + paths.filled)
    fine = schedule(STUDENT_STEPS * TEACHER_STEPS_EACH, STUDENT_SHIFT)
    empty = tuple(part.to(device) for part in captions.rows(np.array([-1])))
    while paths.filled + batch <= len(paths.caption) and budget.progress < 1:
        first = paths.filled
        rows = rng.integers(0, len(captions.mask) - 1, batch)
        start = torch.from_numpy(rng.standard_normal((batch, *paths.states.shape[2:]), dtype=np.float32)).to(
            device
        )
        states, mask = captions.rows(rows)
        path = sample(
            teacher,
            start,
            states.to(device),
            mask.to(device),
            fine,
            GUIDANCE,
            empty,
            second_order=True,
            keep=True,
        )
        paths.states[first : first + batch] = path[:, ::TEACHER_STEPS_EACH].cpu().numpy()
        paths.caption[first : first + batch] = rows
        budget.tick()
        if budget.done_steps % 20 == 0:
            print("trajectories", paths.filled, round(budget.spent_seconds), "s", flush=True)


def train_student(
    folder: Path,
    vae: AutoencoderKLLTXVideo,
    teacher: LTXVideoTransformer3DModel,
    paths: Trajectories,
    budget: Budget,
    *,
    device: str = "cpu",
    seed: int = 0,
    batch: int = 32,
    rate: float = 1e-3,
) -> LTXVideoTransformer3DModel:
    """Train from the teacher's weights until the budget ends; resumes from `folder/student.pt`."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = build_transformer().to(device)
    model.load_state_dict(teacher.state_dict())
    optimiser, average, log = Muon(model, rate), Average(model, 0.998), Log(folder, "student")
    checkpoint = folder / "student.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        average.weights, average.count = state["average"], state["count"]
        budget.done_steps, budget.spent_seconds = state["steps"], state["seconds"]
        rng = np.random.default_rng(seed + budget.done_steps)
    prepare_for_training(model)
    captions = CaptionBank(folder)
    sigmas = schedule(STUDENT_STEPS, STUDENT_SHIFT)
    losses: list[list[float]] = [[] for _ in range(STUDENT_STEPS)]
    while budget.progress < 1:
        set_rate(optimiser, budget.rate(rate))
        rows = np.sort(rng.integers(0, paths.filled, batch))
        path = torch.from_numpy(paths.states[rows].astype(np.float32)).to(device)
        states, mask = (part.to(device) for part in captions.rows(paths.caption[rows]))
        step = int(rng.integers(STUDENT_STEPS))
        # Half of the time from the teacher's state, half of the time from where the student itself arrives.
        here = path[:, step]
        if rng.random() < 0.5:
            here = sample(model, path[:, 0], states, mask, sigmas[: step + 1])
        loss = step_loss(model, here, path[:, step + 1], sigmas[step], sigmas[step + 1], states, mask)
        optimiser.zero_grad()
        loss.backward()
        norm = clip_gradients(model.parameters())
        optimiser.step()
        average.update(model)
        budget.tick()
        losses[step].append(loss.item())
        if budget.done_steps % 50 == 0:
            recent = {f"step{i}": float(np.mean(part[-20:] or [0])) for i, part in enumerate(losses)}
            log.row(step=budget.done_steps, **recent, norm=norm, seconds=budget.spent_seconds)
        if budget.done_steps % 500 == 0 or budget.progress >= 1:
            save_checkpoint(
                checkpoint,
                model=model.state_dict(),
                optimiser=optimiser.state_dict(),
                average=average.weights,
                count=average.count,
                steps=budget.done_steps,
                seconds=budget.spent_seconds,
            )
            show(load_average(folder, "student"), vae, folder / "student.png", sigmas=sigmas, guidance=1.0)
    return load_average(folder, "student")


def step_loss(
    model: LTXVideoTransformer3DModel,
    here: Tensor,
    there: Tensor,
    now: float,
    later: float,
    states: Tensor,
    mask: Tensor,
) -> Tensor:
    """Squared error of the velocity from `here` (level `now`) to the teacher's `there` (level `later`)."""
    sigma = torch.full((len(here), 1), now, device=here.device)
    wanted = (here - there) / (now - later)
    return (velocity(model, here, sigma, states, mask) - wanted).square().mean()


@torch.no_grad()
def agreement(
    student: LTXVideoTransformer3DModel, paths: Trajectories, captions: CaptionBank, rows: np.ndarray
) -> dict[str, float]:
    """How well the student's last state matches the teacher's from the same noise.

    `matched` and `other` are mean squared latent distances to the own and to the other teacher videos of
    `rows`; `nearest` is the share of students whose nearest teacher video is their own.
    """
    path = torch.from_numpy(paths.states[rows].astype(np.float32))
    states, mask = captions.rows(paths.caption[rows])
    end = sample(student, path[:, 0], states, mask, schedule(STUDENT_STEPS, STUDENT_SHIFT))
    distance = torch.cdist(end.flatten(1), path[:, -1].flatten(1)).square() / end[0].numel()
    own = distance.diagonal()
    others = distance[~torch.eye(len(rows), dtype=torch.bool)]
    return {
        "matched": float(own.mean()),
        "other": float(others.mean()),
        "nearest": float((distance.argmin(1) == torch.arange(len(rows))).float().mean()),
    }
