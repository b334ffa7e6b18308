"""The teacher: text to video by flow matching, with guidance, given frames and two sizes.

Flow matching after Lipman et al., "Flow matching for generative modeling" (2022), on the straight path of
Liu et al., "Flow straight and fast" (2022): x = (1 - s) * video + s * noise, and the model learns noise -
video. Guidance after Ho and Salimans, "Classifier-free diffusion guidance" (2022). Given frames have noise
level 0 token by token, as in LTX-Video, which is what makes image-to-video and extension work.

Half of the large clips below noise level KEEP are met on the way on which a render continues a preview: from
the enlarged preview mixed with noise, straight to the clip. So the teacher learns to put the detail back.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from torch import Tensor

from export.tiny.captions import Scene, plain_caption
from export.tiny.folder import GUIDANCE, TEACHER_SHIFT
from export.tiny.latents import LatentBank
from export.tiny.sheets import contact_sheet
from export.tiny.text import CaptionBank, TextEncoder
from export.tiny.training import Average, Budget, Log, Muon, clip_gradients, save_checkpoint, set_rate
from export.tiny.transformer import build_transformer, noise, prepare_for_training, sample, schedule, velocity
from export.tiny.vae import decode
from export.tiny.world import PREVIEW

SUBJECT_WEIGHT = 2.0
DROP_PROMPT = 0.12
GIVEN_FRAMES_SHARE = 0.15
KEEP = 0.6  # where a render continues its preview: model_server.flow.KEEP_STRENGTH
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
    """One of the sizes that the teacher learns: how many clips a step, and which noise levels."""

    bank: LatentBank
    batch: int
    shift: float


def noise_levels(count: int, shift: float) -> Tensor:
    """Noise levels [count, 1]: logit-normal (Esser et al., 2024) a tenth uniform, moved up by `shift`."""
    level = torch.sigmoid(torch.randn(count, 1) * 1.1)
    level = torch.where(torch.rand(count, 1) < 0.1, torch.rand(count, 1), level)
    return shift * level / (1 + (shift - 1) * level)


def flow_loss(
    model: LTXVideoTransformer3DModel,
    video: Tensor,
    cover: Tensor,
    states: Tensor,
    mask: Tensor,
    shift: float,
    given_frames: int = 0,
    enlarged: Tensor | None = None,
) -> Tensor:
    """The weighted squared error of the velocity; the first `given_frames` latent frames are shown clean.

    enlarged: [B, C, F, H, W], what renders of these clips start from.
    """
    sigma = noise_levels(len(video), shift).to(video.device)
    start = torch.randn_like(video)
    if enlarged is not None:
        start = start + continued(sigma) * (enlarged - video)
    level = sigma[:, :, None, None, None]
    weight = 1 + SUBJECT_WEIGHT * cover[:, None]
    if given_frames:
        level = level.expand(-1, 1, *video.shape[2:]).clone()
        level[:, :, :given_frames] = 0
        sigma = level.flatten(1)
        weight = weight.clone()
        weight[:, :, :given_frames] = 0
    estimate = velocity(model, (1 - level) * video + level * start, sigma, states, mask)
    return ((estimate - (start - video)).square() * (weight / weight.mean())).mean()


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
    large_after: float = 0.3,
    large_every: int = 3,
    device: str = "cpu",
    seed: int = 0,
    rate: float = 2e-3,
) -> LTXVideoTransformer3DModel:
    """Train until the budget ends; resumes from `folder/teacher.pt`.

    shares[0] is learned throughout; from `large_after` of the budget on every `large_every`th step is of
    shares[1].
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = build_transformer().to(device)
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
    captions = CaptionBank(folder)
    losses: list[float] = []
    while budget.progress < 1:
        set_rate(optimiser, budget.rate(rate))
        step = budget.done_steps
        large = len(shares) > 1 and budget.progress > large_after and step % large_every == 0
        share = shares[1] if large else shares[0]
        video, cover, scene, enlarged = share.bank.take(share.batch, rng)
        states, mask = captions.take(scene, rng, DROP_PROMPT)
        given = 0 if large or rng.random() >= GIVEN_FRAMES_SHARE else int(rng.integers(1, 3))
        batch = (part.to(device) for part in (video, cover, states, mask))
        start = None if enlarged is None else enlarged.to(device)
        loss = flow_loss(model, *batch, share.shift, given, start)
        optimiser.zero_grad()
        loss.backward()
        norm = clip_gradients(model.parameters())
        optimiser.step()
        average.update(model)
        budget.tick()
        if not large and not given:
            losses.append(loss.item())
        step = budget.done_steps
        if step % 50 == 0:
            recent = float(np.mean(losses[-40:]))
            log.row(step=step, loss=recent, norm=norm, clips=share.bank.filled, seconds=budget.spent_seconds)
        if step % 1000 == 0 or budget.progress >= 1:
            save_checkpoint(
                checkpoint,
                model=model.state_dict(),
                optimiser=optimiser.state_dict(),
                average=average.weights,
                count=average.count,
                steps=step,
                seconds=budget.spent_seconds,
            )
            show(load_average(folder, "teacher"), vae, folder / "teacher.png")
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
    encoder = TextEncoder()
    states, mask = encoder(list(prompts))
    start = torch.cat([noise(seed, size) for seed in range(len(prompts))])
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
