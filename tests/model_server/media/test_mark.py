"""The visible mark: there, small, inside of what a phone shows, and nowhere else."""

from __future__ import annotations

import av
import numpy as np
import pytest
from PIL import Image

from model_server.media.mark import mark_frame, marked


def corners(size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the mark on a picture."""
    plain = Image.new("RGB", size, (40, 120, 200))
    rows, columns = np.nonzero((np.asarray(plain) != np.asarray(marked(plain))).any(axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_only_a_small_corner_changes() -> None:
    plain = Image.new("RGB", (256, 384), (40, 120, 200))
    before, after = np.asarray(plain), np.asarray(marked(plain))
    rows, _ = np.nonzero((before != after).any(axis=2))
    assert 0 < len(rows) < 0.004 * 256 * 384
    assert np.array_equal(before, np.asarray(plain))


# Width and height of a screen, and what its camera takes of it.
@pytest.mark.parametrize(
    "phone", [(390, 844, 0), (390, 844, 47), (360, 840, 0), (320, 568, 0), (390, 664, 0)]
)
@pytest.mark.parametrize("size", [(256, 384), (512, 768), (288, 512), (256, 320)])
def test_a_phone_shows_all_of_it_below_the_tabs(phone: tuple[int, int, int], size: tuple[int, int]) -> None:
    width, height, camera = phone
    scale = max(width / size[0], height / size[1])
    left, top, right, _ = (scale * each for each in corners(size))
    cut = (size[0] * scale - width) / 2
    assert left - cut >= 8
    assert right - cut <= 0.4 * width
    # web/views.css: the bars of a lane end 59 px below what the camera takes.
    assert top - (size[1] * scale - height) / 2 >= 59 + camera


@pytest.mark.parametrize("size", [(384, 256), (256, 256), (768, 512)])
def test_a_clip_that_is_shown_whole_has_it_in_its_corner(size: tuple[int, int]) -> None:
    left, top, right, bottom = corners(size)
    assert left == top >= 0.02 * size[0]
    assert right < 0.2 * size[0]
    assert bottom < 0.2 * size[1]


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
