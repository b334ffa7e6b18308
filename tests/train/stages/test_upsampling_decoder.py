"""What the upsampling decoder learns from, and that its training learns and goes on."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLLTXVideo

from export.assemble import WEIGHTS
from export.upsampling_decoder import UpsamplingDecoder
from train.models.perceptual import PerceptualLoss
from train.stages.decoder_clips import GRID, TARGETS, DecoderClips
from train.stages.trainer import Budget, load_average
from train.stages.upsampling_decoder import train_upsampling_decoder
from train.world import emoji_sprites
from train.world.emoji_sprites import held_out_sprites

COUNT = 8
SPRITES = list(held_out_sprites().values())


@pytest.fixture(scope="module")
def vae() -> AutoencoderKLLTXVideo:
    return AutoencoderKLLTXVideo.from_pretrained(WEIGHTS / "teacher" / "vae").float().eval()


@pytest.fixture(scope="module")
def clips(vae: AutoencoderKLLTXVideo, tmp_path_factory: pytest.TempPathFactory) -> DecoderClips:
    """Of the sprites of this repository: others need a font."""
    filled = DecoderClips(tmp_path_factory.mktemp("clips"), COUNT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emoji_sprites, "emoji_characters", lambda: tuple(range(len(SPRITES))))
        patch.setattr(emoji_sprites, "emoji_sprite", lambda number: SPRITES[number])
        filled.fill(vae, seed=1, batch=4)
    return filled


def test_each_latent_has_frames_at_twice_its_size(clips: DecoderClips) -> None:
    assert clips.filled == COUNT
    latents, index, target = clips.sample(4, np.random.default_rng(0))
    assert latents.shape[0] == 4
    assert latents.shape[3:] == GRID
    assert target.shape == (4, TARGETS, 3, 32 * GRID[0], 32 * GRID[1])
    assert int(index.min()) >= 0
    assert int(index.max()) <= 16
    assert float(target.min()) >= -1
    assert float(target.max()) <= 1


def test_what_is_filled_is_not_drawn_again(clips: DecoderClips, vae: AutoencoderKLLTXVideo) -> None:
    before = clips.arrays["target"].copy()
    clips.fill(vae, seed=2)
    np.testing.assert_array_equal(clips.arrays["target"], before)


def test_soft_pictures_look_wrong_and_shifted_ones_less_than_others(clips: DecoderClips) -> None:
    loss = PerceptualLoss()
    right = clips.sample(4, np.random.default_rng(0))[2][:, 0]
    soft = torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(right, 4), scale_factor=4.0)
    same, blurred, other = (float(loss(each, right)) for each in (right, soft, right.roll(1, 0)))
    assert same == 0
    assert 0.1 < blurred < other


def test_training_draws_nearer_to_the_world(
    clips: DecoderClips, vae: AutoencoderKLLTXVideo, tmp_path: Path
) -> None:
    def error(name: str, steps: int) -> float:
        train_upsampling_decoder(tmp_path / name, vae, clips, Budget(steps, 60), batch=4)
        model = UpsamplingDecoder()
        model.load_state_dict(load_average(tmp_path / name, "upsampling-decoder"))
        latents, index, target = clips.sample(COUNT, np.random.default_rng(0))
        with torch.inference_mode():
            made = model.frame(model.followed(latents), index)
        right = target.flatten(0, 1)
        return float((made - right).abs().mean())

    little, much = error("little", 1), error("much", 20)
    assert much < 0.95 * little
    rows = (tmp_path / "much" / "upsampling-decoder.csv").read_text().splitlines()
    assert rows[0].startswith("step,error,seen as,detail,edges")
    # It is done: another call trains nothing.
    assert error("much", 20) == much
