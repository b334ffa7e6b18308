"""The visible mark: there, small, inside of what a phone shows, and nowhere else."""

from __future__ import annotations

import av
import numpy as np
import pytest
from PIL import Image

from model_server.media.mark import mark_frame, marked


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


@pytest.mark.parametrize("size", [(256, 384), (254, 382), (300, 302), (66, 66)])
@pytest.mark.parametrize("shade", [(0, 0, 0), (255, 255, 255), (200, 60, 90)])
def test_a_video_has_the_same_mark_as_its_thumbnail(
    size: tuple[int, int], shade: tuple[int, int, int]
) -> None:
    plain = Image.new("RGB", size, shade)
    frame = av.VideoFrame.from_ndarray(np.asarray(plain), format="rgb24").reformat(format="yuv420p")
    before = frame.to_ndarray(format="rgb24").astype(int)
    mark_frame(frame)
    shown = frame.to_ndarray(format="rgb24").astype(int)
    expected = np.asarray(marked(plain)).astype(int)
    there = (expected != np.asarray(plain)).any(axis=2)
    # Colours have half the rows and columns, so its edges are softer and reach their neighbours.
    assert np.abs(shown - expected)[there].mean() < 6
    rows, columns = np.nonzero(there)
    elsewhere = np.ones_like(there)
    elsewhere[max(0, rows.min() - 2) : rows.max() + 3, max(0, columns.min() - 2) : columns.max() + 3] = False
    assert np.array_equal(shown[elsewhere], before[elsewhere])
