"""Frames scaled to another size lose their sides, or get some."""

from __future__ import annotations

import numpy as np

from model_server.engine.resize import crop_to_fill, fit_inside


def test_frames_are_filled_and_pictures_fitted() -> None:
    wide = np.zeros((1, 100, 300, 3), dtype=np.uint8)
    wide[:, :, :100, 0], wide[:, :, 100:200, 1], wide[:, :, 200:, 2] = 255, 255, 255
    cut = crop_to_fill(wide, (64, 96))
    assert cut.shape == (1, 96, 64, 3)
    # The middle third alone is left.
    assert cut[0, :, 4:-4].reshape(-1, 3).min(0).tolist() == [0, 255, 0]
    whole = fit_inside(wide, (60, 96))
    assert whole.shape == (1, 96, 60, 3)
    assert whole[0, 48, 5].tolist() == [255, 0, 0]
    assert whole[0, 48, 55].tolist() == [0, 0, 255]


def test_frames_of_any_size_fill_another() -> None:
    # At some sizes, 217 of them, the part that is kept is computed a hair larger than the frame.
    for side in range(2, 400):
        frames = np.zeros((1, side, side + side % 3, 3), dtype=np.uint8)
        assert crop_to_fill(frames, (24, 24)).shape == (1, 24, 24, 3)
        assert crop_to_fill(frames, (224, 336)).shape == (1, 336, 224, 3)
