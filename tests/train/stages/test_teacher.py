"""The noise levels, and the path on which a render continues its preview."""

import torch

from model_server.engine.render_start import KEEP_STRENGTH
from train.stages.teacher import PREVIEW_STRENGTH, noise_levels, preview_weight


def test_the_teacher_learns_the_level_at_which_renders_continue() -> None:
    assert PREVIEW_STRENGTH == KEEP_STRENGTH


def test_a_continued_clip_starts_from_its_enlarged_preview() -> None:
    torch.manual_seed(0)
    video, enlarged, start = torch.randn(3, 64, 4, 2, 3, 2).unbind()
    level = torch.full((64, 1), PREVIEW_STRENGTH)
    share = preview_weight(level)
    changed = start + share * (enlarged - video)
    at_keep = (1 - PREVIEW_STRENGTH) * video + PREVIEW_STRENGTH * changed
    from_preview = share.flatten() > 0
    torch.testing.assert_close(
        at_keep[from_preview], ((1 - PREVIEW_STRENGTH) * enlarged + PREVIEW_STRENGTH * start)[from_preview]
    )
    torch.testing.assert_close(
        at_keep[~from_preview], ((1 - PREVIEW_STRENGTH) * video + PREVIEW_STRENGTH * start)[~from_preview]
    )
    # The velocity leads from there to the clip itself.
    torch.testing.assert_close(at_keep - PREVIEW_STRENGTH * (changed - video), video, rtol=1e-4, atol=1e-4)
    assert 10 < from_preview.sum() < 54


def test_above_that_level_nothing_is_continued() -> None:
    assert not preview_weight(torch.full((64, 1), PREVIEW_STRENGTH + 0.01)).any()


def test_noise_levels_lie_between_nothing_and_all() -> None:
    torch.manual_seed(0)
    levels, shifted = noise_levels(4000, 1.0), noise_levels(4000, 3.0)
    assert levels.shape == (4000, 1)
    assert 0 <= levels.min() < 0.05 < 0.95 < levels.max() <= 1
    assert shifted.mean() > levels.mean() + 0.15
