"""Sample clips of a teacher or a student, drawn at every checkpoint."""

from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import AutoencoderKLLTXVideo, LTXVideoTransformer3DModel

from train.models.flow_sampler import noise, sample
from train.models.text_encoder import TextEncoder
from train.models.vae import decode
from train.reports.contact_sheets import contact_sheet
from train.world.clips import PREVIEW

# Unseen in training: the rule of scenes.held_out covers the first six; the rest are everyday wordings.
SAMPLE_PROMPTS = (
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


@torch.no_grad()
def draw_samples(
    model: LTXVideoTransformer3DModel,
    vae: AutoencoderKLLTXVideo,
    path: Path,
    sigmas: Sequence[float],
    guidance: float,
) -> None:
    """A contact sheet of one preview-sized clip a prompt."""
    device = model.device
    encoder = TextEncoder(str(device))
    states, mask = encoder(list(SAMPLE_PROMPTS))
    start = torch.cat([noise(seed, PREVIEW) for seed in range(len(SAMPLE_PROMPTS))]).to(device)
    latents = sample(model, start, states, mask, sigmas, guidance, encoder([""]), second_order=True)
    contact_sheet(list(decode(vae, latents)), path)
