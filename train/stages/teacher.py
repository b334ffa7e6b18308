"""The teacher: text to video by flow matching, with guidance, given frames and two sizes.

Flow matching after Lipman et al., "Flow matching for generative modeling" (2022), on the straight path of
Liu et al., "Flow straight and fast" (2022): x = (1 - s) * video + s * noise, and the model learns noise -
video. Guidance after Ho and Salimans, "Classifier-free diffusion guidance" (2022). Batches of a told bank get
conditions (train.models.conditions): first frames, a last frame, a reference picture.

Half of the large clips below noise level KEEP are met on the way on which a render continues a preview: from
the enlarged preview mixed with noise, straight to the clip. So the teacher learns to put the detail back.
"""

from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from torch import Tensor

from train.measure.contact_sheets import contact_sheet
from train.measure.curves import loss_curves
from train.models.conditions import Conditions, chosen, conditions
from train.models.folder import GUIDANCE, TEACHER_SHIFT
from train.models.text_encoder import CaptionBank, TextEncoder
from train.models.transformer import (
    build_transformer,
    noise,
    prepare_for_training,
    sample,
    schedule,
    velocity,
)
from train.models.vae import decode
from train.stages.latents import Batch, LatentBank
from train.stages.training import Average, Budget, Log, Muon, clip_gradients, save_checkpoint, set_rate
from train.world.captions import SOMEONE, Scene, plain_caption
from train.world.world import PREVIEW

SUBJECT_WEIGHT = 3.0
DROP_PROMPT = 0.12
KEEP = 0.6  # where a render continues its preview: model_server.engine.render_start.KEEP_STRENGTH
CONTINUED_SHARE = 0.5

# Unseen in training: the rule of captions.held_out covers the first six; the rest are everyday wordings.
SHOWN = (
    "a cat jumps on a beach at night",
    "a rocket floats up in space by day",
    "a penguin walks left in the snowy mountains at sunset",
    "a red car comes closer in a city at night",
    "a frog spins in a forest by day",
    "kitty hops by the shore at dusk",
    "a ghost stands still in a room at night",
    "a fish moves to the right under the sea",
    "an elephant falls down in a desert at sunset",
    "a unicorn in a meadow while the camera pans",
)


@dataclass
class Share:
    """One kind of clips that the teacher learns: how many a step, which noise levels, how often.

    told: whether its batches get conditions, else only clips of known subjects are taken; after: the share of
    the budget at which it begins. Shares of one name are one line of the log.
    """

    name: str
    bank: LatentBank
    batch: int
    shift: float
    weight: float
    told: bool = False
    after: float = 0.0


def noise_levels(count: int, shift: float) -> Tensor:
    """Noise levels [count, 1]: logit-normal (Esser et al., 2024) a tenth uniform, moved up by `shift`."""
    level = torch.sigmoid(torch.randn(count, 1) * 1.1)
    level = torch.where(torch.rand(count, 1) < 0.1, torch.rand(count, 1), level)
    return shift * level / (1 + (shift - 1) * level)


def flow_loss(
    model: LTXVideoTransformer3DModel,
    batch: Batch,
    states: Tensor,
    mask: Tensor,
    shift: float,
    told: Conditions | None = None,
) -> Tensor:
    """The weighted squared error of the velocity; given frames don't count."""
    video = batch.latents
    sigma = noise_levels(len(video), shift).to(video.device)
    start = torch.randn_like(video)
    if batch.enlarged is not None:
        start = start + continued(sigma) * (batch.enlarged - video)
    level = sigma[:, :, None, None, None]
    weight = 1 + SUBJECT_WEIGHT * batch.cover[:, None]
    noisy = (1 - level) * video + level * start
    if told is not None:
        noisy = told.hold(noisy)
        weight = weight * (1 - told.given)
    estimate = velocity(model, noisy, sigma, states, mask, told=told)
    return ((estimate - (start - video)).square() * (weight / weight.mean())).mean()


def tell(batch: Batch, referred: int, rng: np.random.Generator, dropped: np.ndarray) -> Conditions:
    """Random conditions of a told bank's batch; scenes from number `referred` on need their picture.

    Whose prompt is `dropped` (bool [B]) has no picture either: guidance leads away from both.
    """
    if batch.reference is None or batch.end is None:
        raise ValueError("this bank's clips have no conditions")
    given, has_reference, has_end = chosen(batch.scene >= referred, rng)
    has_reference = has_reference & torch.from_numpy(~dropped)
    return conditions(batch.latents, given, batch.reference, has_reference, batch.end, has_end)


def continued(sigma: Tensor) -> Tensor:
    """How much of (enlarged - video) is added to the noise at levels [B, 1]: [B, 1, 1, 1, 1].

    The straight way from KEEP * noise + (1 - KEEP) * enlarged at level KEEP to the video at level 0 is that
    from this changed noise at level 1. Above KEEP, and for the other clips, nothing is added.
    """
    chosen = (sigma <= KEEP) & (torch.rand_like(sigma) < CONTINUED_SHARE)
    return (chosen * (1 - KEEP) / KEEP)[:, :, None, None, None]


def train_teacher(
    folder: Path,
    vae: AutoencoderKLLTXVideo,
    shares: list[Share],
    budget: Budget,
    *,
    device: str = "cpu",
    seed: int = 0,
    rate: float = 2e-3,
    begin: LTXVideoTransformer3DModel | None = None,
) -> LTXVideoTransformer3DModel:
    """Train until the budget ends; resumes from `folder/teacher.pt`, or goes on from the weights of `begin`.

    Each step takes one of the shares that have begun, by weight.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = build_transformer().to(device)
    if begin is not None:
        model.load_state_dict(begin.state_dict())
    optimiser, average, log = Muon(model, rate), Average(model, 0.999), Log(folder, "teacher")
    checkpoint = folder / "teacher.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        average.weights, average.count = state["average"], state["count"]
        budget.done_steps, budget.spent_seconds = state["steps"], state["seconds"]
        rng = np.random.default_rng(seed + budget.done_steps)
    prepare_for_training(model)
    captions = CaptionBank(folder, device=device)
    referred = next(i for i, scene in enumerate(captions.scenes) if scene.subject == SOMEONE)
    losses = {share.name: deque([torch.zeros((), device=device)], maxlen=40) for share in shares}
    while budget.progress < 1:
        set_rate(optimiser, budget.rate(rate))
        begun = [share for share in shares if budget.progress >= share.after]
        weights = np.array([share.weight for share in begun])
        share = begun[rng.choice(len(begun), p=weights / weights.sum())]
        batch = share.bank.take(share.batch, rng, None if share.told else referred)
        dropped = rng.random(len(batch.scene)) < DROP_PROMPT
        states, mask = captions.take(batch.scene, rng, dropped)
        told = tell(batch, referred, rng, dropped) if share.told else None
        loss = flow_loss(model, batch, states, mask, share.shift, told)
        optimiser.zero_grad()
        loss.backward()
        norm = clip_gradients(model.parameters())
        optimiser.step()
        average.update(model)
        budget.tick()
        losses[share.name].append(loss.detach())
        step = budget.done_steps
        if step % 50 == 0 or budget.progress >= 1:
            recent = {name: torch.stack(list(part)).mean() for name, part in losses.items()}
            log.row(step=step, **recent, norm=norm, seconds=budget.spent_seconds)
        if budget.due():
            save_checkpoint(
                checkpoint,
                model=model.state_dict(),
                optimiser=optimiser.state_dict(),
                average=average.weights,
                count=average.count,
                steps=step,
                seconds=budget.spent_seconds,
            )
            loss_curves(log.path)
            show(load_average(folder, "teacher").to(device), vae, folder / "teacher.png")
    return load_average(folder, "teacher")


def load_average(folder: Path, stage: str) -> LTXVideoTransformer3DModel:
    """The averaged weights of a stage's last checkpoint."""
    model = build_transformer()
    model.load_state_dict(torch.load(folder / f"{stage}.pt", map_location="cpu")["average"])
    return model.eval().requires_grad_(False)


@torch.no_grad()
def show(
    model: LTXVideoTransformer3DModel,
    vae: AutoencoderKLLTXVideo,
    path: Path,
    prompts: tuple[str, ...] = SHOWN,
    size: tuple[int, int] = PREVIEW,
    sigmas: list[float] | None = None,
    guidance: float = GUIDANCE,
) -> None:
    """A contact sheet of one clip a prompt."""
    device = model.device
    encoder = TextEncoder(str(device))
    states, mask = encoder(list(prompts))
    start = torch.cat([noise(seed, size) for seed in range(len(prompts))]).to(device)
    latents = sample(
        model,
        start,
        states,
        mask,
        sigmas or schedule(12, TEACHER_SHIFT),
        guidance,
        encoder([""]),
        second_order=True,
    )
    contact_sheet(list(decode(vae, latents)), path)


def unseen_prompts(scenes: list[Scene]) -> list[str]:
    return [plain_caption(scene) for scene in scenes]
