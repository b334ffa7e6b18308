"""What the committed autoencoder keeps of a clip, and what a spoilt one doesn't."""

import copy
import re

import pytest
import torch
from diffusers import AutoencoderKLLTXVideo

from export.assemble import WEIGHTS
from train.measure.reconstruction import least_component, score


def decibels(vae: AutoencoderKLLTXVideo) -> list[tuple[float, float]]:
    found = re.findall(r"\| (-?[\d.]+) dB \| (-?[\d.]+) dB \|", score(vae, 3))
    return [(float(whole), float(subject)) for whole, subject in found]


@pytest.fixture(scope="module")
def vae() -> AutoencoderKLLTXVideo:
    return AutoencoderKLLTXVideo.from_pretrained(WEIGHTS / "teacher" / "vae").float().eval()


def test_clips_come_back_and_large_ones_better(vae: AutoencoderKLLTXVideo) -> None:
    small, large, small_unseen, large_unseen = decibels(vae)
    assert all(whole > 20 and subject > 16 for whole, subject in (small, large, small_unseen, large_unseen))
    assert large > small
    assert large_unseen > small_unseen


def test_a_spoilt_decoder_is_heard_of(vae: AutoencoderKLLTXVideo) -> None:
    spoilt = copy.deepcopy(vae)
    with torch.no_grad():
        spoilt.decoder.conv_out.conv.weight.mul_(0.5)
    pairs = zip(decibels(spoilt), decibels(vae), strict=True)
    assert all(worse < whole - 3 for (worse, _), (whole, _) in pairs)


def test_an_idle_channel_is_found(vae: AutoencoderKLLTXVideo) -> None:
    assert least_component(vae, 8) > 10
    idle = copy.deepcopy(vae)
    with torch.no_grad():
        idle.encoder.conv_out.conv.weight[5] = 0
        idle.encoder.conv_out.conv.bias[5] = 0
    assert least_component(idle, 8) < 1
