"""The student: the teacher's guided trajectories, walked in four unguided steps.

Trajectory-preserving distillation: after Luhman and Luhman, "Knowledge distillation in iterative generative
models" (2021) and Salimans and Ho, "Progressive distillation" (2022). Each step learns to land where the
teacher's solution of the flow equation passes, from the same noise; so the student's video is the
teacher's, not merely one like it. The student walks into the step it learns by itself, which teaches it to
correct its own drift (Ross et al., "A reduction of imitation learning to no-regret online learning", 2011).
Trajectories of the second kind are solved under conditions, which the student is told too.
"""

from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from torch import Tensor

from schemas.vocabulary import SOMEONE
from train.measure.curves import loss_curves
from train.models.conditions import Conditions, chosen, conditions
from train.models.folder import GUIDANCE, REFERENCE_GUIDANCE, STUDENT_SHIFT, STUDENT_STEPS
from train.models.text_encoder import CaptionBank
from train.models.transformer import build_transformer, prepare_for_training, sample, schedule, velocity
from train.models.vae import LATENT_CHANNELS
from train.stages.latents import Kind, LatentBank
from train.stages.teacher import load_average, show
from train.stages.training import Average, Budget, Log, Muon, clip_gradients, save_checkpoint, set_rate

TEACHER_STEPS_EACH = 2  # teacher steps inside one student step, second order
NOT_TOLD = -1


@dataclass
class Trajectories:
    """states float16 [N, STEPS+1, C, F, H, W]: noise first, video last; caption int [N]: row in the bank.

    clip int [N]: row in the told bank whose frames and pictures are the conditions, NOT_TOLD without any; has
    int8 [N, 3]: how many first frames, whether a reference, whether a last frame.
    """

    states: Tensor
    clip: np.ndarray
    has: np.ndarray
    caption: np.ndarray

    @property
    def filled(self) -> int:
        return int(np.searchsorted(self.caption < 0, True))

    def told(self, rows: np.ndarray, bank: LatentBank | None) -> Conditions | None:
        """The conditions of these rows; None where this kind of trajectory has none."""
        if bank is None:
            return None
        batch = bank.rows(self.clip[rows])
        if batch.reference is None or batch.end is None:
            raise ValueError("this bank's clips have no conditions")
        has = torch.from_numpy(self.has[rows].astype(np.int64))
        return conditions(batch.latents, has[:, 0], batch.reference, has[:, 1] > 0, batch.end, has[:, 2] > 0)


@dataclass
class Walk:
    """Trajectories of one kind of clips: the told bank that their conditions are of, if they have any; the
    share of the student's steps, and how many are in a batch.
    """

    paths: Trajectories
    bank: LatentBank | None
    weight: float
    batch: int


def open_trajectories(
    folder: Path, kind: Kind, count: int, *, told: bool, device: str = "cpu"
) -> Trajectories:
    """Open `count` rows under `folder` for reading, empty ones where nothing exists yet.

    On the CPU what is written to them goes to the files; another device gets a copy.
    """
    arrays = {
        "states": ("float16", (count, STUDENT_STEPS + 1, LATENT_CHANNELS, *kind.grid)),
        "clip": ("int32", (count,)),
        "has": ("int8", (count, 3)),
        "caption": ("int32", (count,)),
    }
    stem = f"paths-{kind.size[0]}x{kind.size[1]}x{kind.frames}-{count}" + ("-told" if told else "")
    for part, (dtype, shape) in arrays.items():
        path = folder / f"{stem}-{part}.npy"
        if not path.exists():
            np.lib.format.open_memmap(path, "w+", dtype, shape)[:] = -1 if part == "caption" else 0
    opened = {part: np.lib.format.open_memmap(folder / f"{stem}-{part}.npy", "r+") for part in arrays}
    return Trajectories(torch.from_numpy(opened.pop("states")).to(device), **opened)


def fill_trajectories(
    teacher: LTXVideoTransformer3DModel,
    captions: CaptionBank,
    walk: Walk,
    budget: Budget,
    *,
    seed: int = 7,
    device: str = "cpu",
) -> None:
    """Solve the guided flow from fresh noise, a batch at a time, until the rows or the budget are used up.

    A walk with a bank takes its clips' captions and conditions.
    """
    prepare_for_training(teacher)
    paths, bank, batch = walk.paths, walk.bank, walk.batch
    rng = np.random.default_rng(seed + paths.filled)
    fine = schedule(STUDENT_STEPS * TEACHER_STEPS_EACH, STUDENT_SHIFT)
    empty = captions.rows(np.array([-1]))
    referred = next(i for i, scene in enumerate(captions.scenes) if scene.subject == SOMEONE)
    while paths.filled + batch <= len(paths.caption) and budget.progress < 1:
        rows = slice(paths.filled, paths.filled + batch)
        if bank is None:
            wordings = rng.integers(0, referred * captions.each, batch)
            paths.clip[rows] = NOT_TOLD
        else:
            clips = rng.integers(0, bank.filled, batch)
            scene = bank.rows(clips).scene
            wordings = scene * captions.each + rng.integers(0, captions.each, batch)
            paths.clip[rows] = clips
            paths.has[rows] = np.stack([part.numpy() for part in chosen(scene >= referred, rng)], axis=1)
        start = torch.from_numpy(rng.standard_normal((batch, *paths.states.shape[2:]), dtype=np.float32))
        states, mask = captions.rows(wordings)
        told = paths.told(np.arange(rows.start, rows.stop), bank)
        path = sample(
            teacher,
            start.to(device),
            states,
            mask,
            fine,
            GUIDANCE,
            empty,
            second_order=True,
            keep=True,
            told=told,
            reference_guidance=REFERENCE_GUIDANCE,
        )
        paths.states[rows] = path[:, ::TEACHER_STEPS_EACH]
        # Last, since a row is there once it has a caption.
        paths.caption[rows] = wordings
        budget.tick()
    print("trajectories", *paths.states.shape[2:], paths.filled, round(budget.spent_seconds), "s", flush=True)


def train_student(
    folder: Path,
    vae: AutoencoderKLLTXVideo,
    teacher: LTXVideoTransformer3DModel,
    walks: list[Walk],
    budget: Budget,
    *,
    device: str = "cpu",
    seed: int = 0,
    rate: float = 1e-3,
    matched: bool = True,
    begin: dict[str, Tensor] | None = None,
) -> LTXVideoTransformer3DModel:
    """Train until the budget ends; resumes from `folder/student.pt`, or goes on from the weights `begin`, or
    else from the teacher's.

    Each step takes one of the walks by weight. With `matched` off, a control: it learns the same steps to the
    same videos, but from any noise instead of the one that each came from (`folder/control.pt`).
    """
    stage = "student" if matched else "control"
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = build_transformer().to(device)
    model.load_state_dict(teacher.state_dict() if begin is None else begin)
    optimiser, average, log = Muon(model, rate), Average(model, 0.998), Log(folder, stage)
    checkpoint = folder / f"{stage}.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        average.weights, average.count = state["average"], state["count"]
        budget.done_steps, budget.spent_seconds = state["steps"], state["seconds"]
        rng = np.random.default_rng(seed + budget.done_steps)
    prepare_for_training(model)
    captions = CaptionBank(folder, device=device)
    sigmas = schedule(STUDENT_STEPS, STUDENT_SHIFT)
    losses = [deque([torch.zeros((), device=device)], maxlen=20) for _ in range(STUDENT_STEPS)]
    walks = [walk for walk in walks if walk.paths.filled]
    weights = np.array([walk.weight for walk in walks])
    while budget.progress < 1:
        set_rate(optimiser, budget.rate(rate))
        walk = walks[rng.choice(len(walks), p=weights / weights.sum())]
        paths = walk.paths
        rows = np.sort(rng.integers(0, paths.filled, walk.batch))
        path = paths.states[torch.from_numpy(rows).to(device)].float()
        states, mask = captions.rows(paths.caption[rows])
        given = paths.told(rows, walk.bank)
        step = int(rng.integers(STUDENT_STEPS))
        # Half of the time from the teacher's state, half of the time from where the student itself arrives.
        here = path[:, step]
        there = path[:, step + 1]
        if not matched:
            fresh = torch.randn_like(path[:, 0])
            here, there = (torch.lerp(path[:, -1], fresh, level) for level in sigmas[step : step + 2])
        elif rng.random() < 0.5:
            here = sample(model, path[:, 0], states, mask, sigmas[: step + 1], told=given)
        loss = step_loss(model, here, there, sigmas[step], sigmas[step + 1], states, mask, given)
        optimiser.zero_grad()
        loss.backward()
        norm = clip_gradients(model.parameters())
        optimiser.step()
        average.update(model)
        budget.tick()
        losses[step].append(loss.detach())
        if budget.done_steps % 50 == 0 or budget.progress >= 1:
            recent = {f"step{i}": torch.stack(list(part)).mean() for i, part in enumerate(losses)}
            log.row(step=budget.done_steps, **recent, norm=norm, seconds=budget.spent_seconds)
        if budget.due():
            save_checkpoint(
                checkpoint,
                model=model.state_dict(),
                optimiser=optimiser.state_dict(),
                average=average.weights,
                count=average.count,
                steps=budget.done_steps,
                seconds=budget.spent_seconds,
            )
            loss_curves(log.path)
            average_model = load_average(folder, stage).to(device)
            show(average_model, vae, folder / f"{stage}.png", sigmas=sigmas, guidance=1.0)
    return load_average(folder, stage)


def carried_over(
    student: LTXVideoTransformer3DModel,
    before: LTXVideoTransformer3DModel,
    after: LTXVideoTransformer3DModel,
) -> dict[str, Tensor]:
    """The weights of a student of `before`, moved as its teacher moved since, to `after`.

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
    told: Conditions | None = None,
) -> Tensor:
    """Squared error of the velocity from `here` (level `now`) to the teacher's `there` (level `later`).

    Given frames stand still on both ways, so they don't count.
    """
    sigma = torch.full((len(here), 1), now, device=here.device)
    wanted = (here - there) / (now - later)
    error = (velocity(model, here, sigma, states, mask, told=told) - wanted).square()
    if told is None:
        return error.mean()
    counted = (1 - told.given).expand_as(error)
    return (error * counted).sum() / counted.sum()
