"""The visible mark: there, small, inside of what a phone shows, and nowhere else."""

from __future__ import annotations

import numpy as np
from PIL import Image

from model_server.mark import marked


def test_only_a_small_corner_changes() -> None:
    plain = Image.new("RGB", (256, 384), (40, 120, 200))
    before, after = np.asarray(plain), np.asarray(marked(plain))
    rows, columns = np.nonzero((before != after).any(axis=2))
    assert 0 < len(rows) < 0.01 * 256 * 384
    assert rows.max() < 0.1 * 384
    # A phone of 390x786 shows columns 33 to 223 of 256.
    assert columns.min() >= 33
    assert np.array_equal(before, np.asarray(plain))


def test_it_shows_on_white_and_on_black() -> None:
    for shade in (0, 255):
        plain = Image.new("RGB", (256, 384), (shade,) * 3)
        change = np.abs(np.asarray(marked(plain)).astype(int) - shade)
        assert change.max() > 60
