"""Conditioning of training clips: which tokens carry a condition, and what is pinned."""

import numpy as np
import pytest
import torch

from train.models.conditioning import (
    MAX_PINNED_FRAMES,
    REFERENCE_SECOND,
    TokenConditioning,
    build_conditioning,
    choose_conditions,
)
from train.models.flow_sampler import sample
from train.models.transformer import build_transformer
from train.models.vae import LATENT_CHANNELS as C
from train.stages.latent_dataset import LatentBatch
from train.stages.student import step_loss
from train.stages.teacher import flow_loss, sample_conditioning

SHAPE = (3, C, 5, 6, 4)


def made(given: tuple[int, ...] = (0, 1, 2)) -> tuple[torch.Tensor, TokenConditioning]:
    torch.manual_seed(0)
    video, reference, end = torch.randn(SHAPE), torch.randn(3, C, 1, 4, 4), torch.randn(3, C, 1, 6, 4)
    has_reference, has_end = torch.tensor([True, False, True]), torch.tensor([False, True, True])
    return video, build_conditioning(video, torch.tensor(given), reference, has_reference, end, has_end)


def test_absent_tokens_are_zeros_at_full_noise() -> None:
    _video, conditioning = made()
    assert conditioning.tokens.shape == (3, 40, C)
    assert not conditioning.tokens[0, 16:].any()
    assert not conditioning.tokens[1, :16].any()
    assert conditioning.tokens[2].abs().min() > 0
    levels = conditioning.noise_levels(torch.full((3, 1), 0.4))
    assert levels.shape == (3, 40 + 120)
    assert levels[0].unique().tolist() == torch.tensor([0.0, 0.4, 1.0]).tolist()
    assert (levels[0, 16:40] == 1).all()
    # One latent frame is given to the second, two to the third.
    assert [int((row[40:] == 0).sum()) for row in levels] == [0, 24, 48]


def test_coordinates_distinguish_the_pictures() -> None:
    _, conditioning = made()
    assert conditioning.coordinates.shape == (1, 3, 40)
    assert conditioning.coordinates[0, 0].unique().tolist() == [REFERENCE_SECOND, 2.0]


def test_given_frames_are_held_and_the_rest_is_not() -> None:
    video, conditioning = made()
    held = conditioning.pin(torch.zeros_like(video))
    assert not held[0].any()
    torch.testing.assert_close(held[2, :, :2], video[2, :, :2])
    assert not held[2, :, 2:].any()


def test_a_last_frame_stands_at_the_end_of_its_clip() -> None:
    video = torch.randn(1, C, 11, 4, 6)
    yes = torch.tensor([True])
    conditioning = build_conditioning(
        video, torch.tensor([0]), torch.randn(1, C, 1, 4, 4), yes, torch.randn(1, C, 1, 4, 6), yes
    )
    assert conditioning.coordinates[0, 0].unique().tolist() == [REFERENCE_SECOND, 5.0]


@pytest.mark.parametrize("passes", [2, 3])
def test_all_passes_but_the_last_are_without_the_picture(passes: int) -> None:
    _, conditioning = made()
    each = conditioning.for_guidance(passes)
    rows = 3 * (passes - 1)
    assert each.tokens.shape[0] == rows + 3
    assert not each.tokens[:rows, :16].any()
    assert not each.present[:rows, :16].any()
    torch.testing.assert_close(each.tokens[:3, 16:], conditioning.tokens[:, 16:])
    torch.testing.assert_close(
        each.noise_levels(torch.ones(rows + 3, 1))[rows:], conditioning.noise_levels(torch.ones(3, 1))
    )
    assert conditioning.select(slice(1, 3)).pinned.shape[0] == 2


def test_prompt_and_picture_are_led_to_by_numbers_of_their_own() -> None:
    _, conditioning = made((0, 0, 0))
    model = build_transformer()
    states, mask, empty = torch.randn(3, 32, 384), torch.ones(3, 32), torch.randn(1, 32, 384)
    start = torch.randn(SHAPE)

    def end(guidance: float, reference_guidance: float | None) -> torch.Tensor:
        none = (empty, torch.ones(1, 32))
        return sample(
            model,
            start,
            states,
            mask,
            [1.0, 0.6],
            guidance,
            none,
            fast=False,
            conditioning=conditioning,
            reference_guidance=reference_guidance,
        )

    together, stronger = end(3.0, None), end(3.0, 5.0)
    torch.testing.assert_close(end(3.0, 3.0), together)
    # One straight step: what the two more add is two thirds of what leaving the picture out takes away.
    torch.testing.assert_close(stronger - together, (together - end(3.0, 0.0)) * 2 / 3, atol=1e-4, rtol=1e-3)
    # The second clip has no picture to be led to.
    torch.testing.assert_close(stronger[1], together[1])
    assert (stronger - together)[0].abs().max() > 1e-3


def test_strangers_nearly_always_have_a_picture() -> None:
    rng = np.random.default_rng(0)
    given, reference, end = choose_conditions(np.array([True] * 500 + [False] * 500), rng)
    assert set(given.tolist()) == set(range(MAX_PINNED_FRAMES + 1))
    assert reference[:500].float().mean() > 0.85
    assert 0.3 < reference[500:].float().mean() < 0.5
    assert 0.1 < end.float().mean() < 0.3
    # Mostly the picture is all that shows them: a fifth has first frames too, of the known two fifths.
    assert 0.12 < (given[:500] > 0).float().mean() < 0.28
    assert 0.32 < (given[500:] > 0).float().mean() < 0.48


def test_given_frames_do_not_count_as_errors() -> None:
    torch.manual_seed(0)
    model = build_transformer()
    _video, conditioning = made((2, 2, 2))
    states, mask = torch.randn(3, 32, 384), torch.ones(3, 32)
    here, there = conditioning.pin(torch.randn(SHAPE)), conditioning.pin(torch.randn(SHAPE))
    with torch.no_grad():
        right = step_loss(model, here, there, 1.0, 0.5, states, mask, conditioning)
        # What would be drawn over the pinned frames doesn't matter.
        there[:, :, :2] += 100
        assert step_loss(model, here, there, 1.0, 0.5, states, mask, conditioning) == right


def test_a_sample_keeps_what_is_given() -> None:
    torch.manual_seed(0)
    model = build_transformer()
    video, conditioning = made((2, 2, 2))
    states, mask = torch.randn(3, 32, 384), torch.ones(3, 32)
    path = sample(
        model,
        torch.randn(SHAPE),
        states,
        mask,
        [1.0, 0.5, 0.0],
        conditioning=conditioning,
        return_trajectory=True,
    )
    torch.testing.assert_close(path[:, :, :, :2], video[:, None, :, :2].expand(-1, 3, -1, -1, -1, -1))


def test_a_conditioned_batch_has_a_finite_loss() -> None:
    torch.manual_seed(0)
    video, _ = made()
    batch = LatentBatch(
        video,
        torch.zeros(3, 5, 6, 4),
        np.array([0, 9, 9]),
        None,
        torch.randn(3, C, 1, 4, 4),
        torch.randn(3, C, 1, 6, 4),
    )
    conditioning = sample_conditioning(batch, 5, np.random.default_rng(1), np.array([False, False, True]))
    # A dropped prompt drops the picture too.
    assert not conditioning.present[2, :16].any()
    loss = flow_loss(
        build_transformer(), batch, torch.randn(3, 32, 384), torch.ones(3, 32), 1.4, conditioning
    )
    assert torch.isfinite(loss)
    assert loss > 0
