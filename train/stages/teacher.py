"""Training the teacher: text to video by flow matching, with conditions and two sizes.

Flow matching after Lipman et al., "Flow matching for generative modeling" (2022), on the straight path of
Liu et al., "Flow straight and fast" (2022): x = (1 - s) * video + s * noise, and the model learns noise -
video. Prompts are dropped for guidance after Ho and Salimans, "Classifier-free diffusion guidance" (2022).

Half of the render-sized clips below noise level PREVIEW_STRENGTH lie on the path on which a render continues
a preview: from the enlarged preview mixed with noise, straight to the clip. So the teacher learns to add
detail.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel
from torch import Tensor

from train.hyperparameters import GUIDANCE, TEACHER_SHIFT
from train.models.conditioning import TokenConditioning, choose_conditions
from train.models.flow_sampler import schedule
from train.models.transformer import build_transformer, prepare_for_training, velocity
from train.reports.samples import draw_samples
from train.stages.caption_dataset import CaptionDataset
from train.stages.latent_dataset import LatentBatch, LatentDataset
from train.stages.mixture import MixtureComponent, choose_component
from train.stages.trainer import Budget, Trainer, load_average

SUBJECT_WEIGHT = 3.0
PROMPT_DROPOUT = 0.12
# Noise level at which a render continues its preview: model_server.engine.flow.KEEP_STRENGTH.
PREVIEW_STRENGTH = 0.6
PREVIEW_START_SHARE = 0.5
SAMPLE_STEPS = 12


@dataclass(kw_only=True)
class LatentComponent(MixtureComponent):
    """Clips that the teacher learns; shift: of their noise levels, see `noise_levels`; conditioned: whether
    batches get conditions, else only clips of known subjects are taken.
    """

    dataset: LatentDataset
    shift: float
    conditioned: bool = False


def noise_levels(count: int, shift: float) -> Tensor:
    """Noise levels [count, 1]: logit-normal (Esser et al., 2024), a tenth uniform, moved up by `shift`."""
    level = torch.sigmoid(torch.randn(count, 1) * 1.1)
    level = torch.where(torch.rand(count, 1) < 0.1, torch.rand(count, 1), level)
    return shift * level / (1 + (shift - 1) * level)


def flow_loss(
    model: LTXVideoTransformer3DModel,
    batch: LatentBatch,
    states: Tensor,
    mask: Tensor,
    shift: float,
    conditioning: TokenConditioning | None = None,
) -> Tensor:
    """The weighted squared error of the velocity; pinned frames don't count."""
    video = batch.latents
    sigma = noise_levels(len(video), shift).to(video.device)
    start = torch.randn_like(video)
    if batch.enlarged is not None:
        start = start + preview_weight(sigma) * (batch.enlarged - video)
    level = sigma[:, :, None, None, None]
    weight = 1 + SUBJECT_WEIGHT * batch.cover[:, None]
    noisy = (1 - level) * video + level * start
    if conditioning is not None:
        noisy = conditioning.pin(noisy)
        weight = weight * (1 - conditioning.pinned)
    estimate = velocity(model, noisy, sigma, states, mask, conditioning=conditioning)
    return ((estimate - (start - video)).square() * (weight / weight.mean())).mean()


def sample_conditioning(
    batch: LatentBatch, first_referred: int, rng: np.random.Generator, dropped: np.ndarray
) -> TokenConditioning:
    """Random conditions of a batch; scenes from index `first_referred` on need their reference picture.

    Clips whose prompt is `dropped` (bool [B]) have no picture either: guidance leads away from both.
    """
    pinned, has_reference, has_end = choose_conditions(batch.scene >= first_referred, rng)
    return batch.conditioning(pinned, has_reference & torch.from_numpy(~dropped), has_end)


def preview_weight(sigma: Tensor) -> Tensor:
    """How much of (enlarged - video) is added to the noise at levels [B, 1]: [B, 1, 1, 1, 1].

    With K = PREVIEW_STRENGTH: the straight path from K * noise + (1 - K) * enlarged at level K to the video
    at level 0 is the path from this changed noise at level 1. Above K, and for the other clips, nothing is
    added.
    """
    chosen = (sigma <= PREVIEW_STRENGTH) & (torch.rand_like(sigma) < PREVIEW_START_SHARE)
    return (chosen * (1 - PREVIEW_STRENGTH) / PREVIEW_STRENGTH)[:, :, None, None, None]


def train_teacher(
    folder: Path,
    vae: AutoencoderKLLTXVideo,
    mixture: list[LatentComponent],
    budget: Budget,
    *,
    device: str = "cpu",
    seed: int = 0,
    learning_rate: float = 2e-3,
    begin: LTXVideoTransformer3DModel | None = None,
) -> None:
    """Train until the budget ends; resumes from `folder/teacher.pt`, or starts from `begin`."""
    torch.manual_seed(seed)
    model = build_transformer().to(device)
    if begin is not None:
        model.load_state_dict(begin.state_dict())
    trainer = Trainer(
        folder,
        "teacher",
        model,
        budget,
        learning_rate=learning_rate,
        metrics=[*dict.fromkeys(component.name for component in mixture)],
        ema_decay=0.999,
        seed=seed,
    )
    prepare_for_training(model)
    captions, rng = CaptionDataset(folder, device=device), trainer.rng

    def step() -> tuple[Tensor, dict[str, Tensor]]:
        component = choose_component(mixture, budget.progress, rng)
        below = None if component.conditioned else captions.first_referred
        batch = component.dataset.sample(component.batch, rng, below)
        dropped = rng.random(len(batch.scene)) < PROMPT_DROPOUT
        states, mask = captions.sample(batch.scene, rng, dropped)
        conditioning = None
        if component.conditioned:
            conditioning = sample_conditioning(batch, captions.first_referred, rng, dropped)
        loss = flow_loss(model, batch, states, mask, component.shift, conditioning)
        return loss, {component.name: loss}

    sigmas = schedule(SAMPLE_STEPS, TEACHER_SHIFT)
    trainer.run(step, lambda: draw_samples(trainer.averaged, vae, folder / "teacher.png", sigmas, GUIDANCE))


def load_transformer(folder: Path, stage: str) -> LTXVideoTransformer3DModel:
    """The averaged weights of a stage: `teacher`, `student`, `control` or `transfer`."""
    model = build_transformer()
    model.load_state_dict(load_average(folder, stage))
    return model.eval().requires_grad_(False)
