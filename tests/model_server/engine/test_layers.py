"""A picture resampled into a frame: in its place to parts of a pixel, without fringes, turned and waved."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from model_server.engine.actors import ActorPose
from model_server.engine.layers import Layer, Placed, contact_profile, cut_to_box, paste, picture_box
from tests.model_server.engine.actors import actor, disc

SIZE = (128, 192)


def layer_of(picture: np.ndarray, *, upright_waves: bool = True) -> Layer:
    box = cut_to_box(picture)
    return Layer(box, box.width / box.height, upright_waves=upright_waves)


def placed(layer: Layer, **changed: float) -> Placed:
    found = layer.place(ActorPose(**{"x": 0.5, "y": 0.9, "lift": 0.0, "size": 0.5, **changed}), SIZE)  # type: ignore[arg-type]
    assert found is not None
    return found


def centre(found: Placed) -> tuple[float, float]:
    alpha = found.pixels[..., 3].astype(float)
    rows, columns = np.indices(alpha.shape) + 0.5
    return (
        float((columns * alpha).sum() / alpha.sum()) + found.left,
        float((rows * alpha).sum() / alpha.sum()) + found.top,
    )


def test_a_box_is_what_can_be_seen() -> None:
    picture = np.zeros((100, 80, 4), dtype=np.uint8)
    picture[20:70, 10:60, 3] = 255
    picture[90, 5, 3] = 10
    assert picture_box(picture) == (10, 20, 60, 70)
    with pytest.raises(ValueError, match="nothing"):
        picture_box(np.zeros((10, 10, 4), dtype=np.uint8))


def test_it_is_placed_to_parts_of_a_pixel() -> None:
    layer = layer_of(disc((255, 255, 255)))
    first = centre(placed(layer))
    assert first[0] == pytest.approx(64, abs=0.05)
    # Its feet are on the ground.
    assert first[1] == pytest.approx(0.9 * 192 - 32, abs=0.4)
    for part in (0.25, 0.5, 0.9):
        there = centre(placed(layer, x=0.5 + part / 128, lift=part / 128))
        assert there[0] - first[0] == pytest.approx(part, abs=0.06)
        assert first[1] - there[1] == pytest.approx(part, abs=0.06)


@pytest.mark.parametrize("size", [0.1, 0.22, 0.5, 0.9])
@pytest.mark.parametrize("angle", [0.0, 3.0, 45.0])
def test_no_edge_is_darker_or_lighter_than_both_sides(size: float, angle: float) -> None:
    for colour in (255, 200):
        frame = np.full((192, 128, 3), colour, dtype=np.uint8)
        found = placed(layer_of(disc((colour, colour, colour))), size=size, angle=angle, y=0.97)
        paste(frame, found)
        # Premultiplied colours are rounded twice.
        assert np.abs(frame.astype(int) - colour).max() <= 3


def test_a_box_has_its_size_and_its_stretch() -> None:
    square = np.full((200, 200, 4), 255, dtype=np.uint8)
    layer = layer_of(square)
    alpha = placed(layer).pixels[..., 3] / 255
    assert alpha.sum() == pytest.approx(64 * 64, rel=0.02)
    tall = placed(layer, stretch=1.25).pixels[..., 3] / 255
    assert tall.sum(0).max() == pytest.approx(80, abs=1)
    assert tall.sum(1).max() == pytest.approx(51.2, abs=1)


def test_it_turns_clockwise_about_its_middle() -> None:
    bar = np.zeros((100, 100, 4), dtype=np.uint8)
    bar[:, :, 3] = 255
    bar[:20, :, 0] = 255
    layer = layer_of(bar)
    up, right = (placed(layer, angle=angle, y=0.8) for angle in (0.0, 90.0))
    corners = [np.array((found.top, found.left)) for found in (up, right)]
    red = [
        np.argwhere(found.pixels[..., 0] > 128).mean(0) + corner
        for found, corner in zip((up, right), corners, strict=True)
    ]
    middle = np.array(centre(up))[::-1]
    assert (red[0] - middle)[0] < -20
    assert (red[1] - middle)[1] > 20
    assert np.allclose(centre(up), centre(right), atol=0.1)


def test_a_mirrored_picture_looks_the_other_way() -> None:
    fox = layer_of(actor("duck").picture)
    plain = placed(fox)
    mirrored = fox.place(ActorPose(0.5, 0.9, 0.0, 0.5, mirrored=True), SIZE)
    assert mirrored is not None
    flipped = np.asarray(plain.pixels)[:, ::-1].astype(int)
    assert np.abs(flipped - mirrored.pixels).mean() < 3


def test_a_wave_travels_and_bends_nothing_else() -> None:
    bar = np.full((200, 60, 4), 255, dtype=np.uint8)
    layer = layer_of(bar)
    still = placed(layer)
    tops = []
    for phase in np.linspace(0, 6, 5):
        waved = placed(layer, wobble=0.06, phase=float(phase))
        alpha = waved.pixels[..., 3].astype(float)
        rows = np.flatnonzero(alpha.sum(1) > 2000)
        ends = (alpha[rows] * (np.arange(alpha.shape[1]) + 0.5)).sum(1) / alpha[rows].sum(1)
        assert np.ptp(ends) > 2
        tops.append(ends[-8] + waved.left)
        assert alpha.sum() == pytest.approx(still.pixels[..., 3].astype(float).sum(), rel=0.03)
    assert np.ptp(tops) > 2
    long = layer_of(np.full((60, 200, 4), 255, dtype=np.uint8), upright_waves=False)
    found = placed(long, wobble=0.06, phase=1.0).pixels[..., 3].astype(float)
    columns = np.flatnonzero(found.sum(0) > 2000)
    heights = (found[:, columns] * np.arange(found.shape[0])[:, None]).sum(0) / found[:, columns].sum(0)
    assert np.ptp(heights) > 2


def test_what_is_out_of_sight_is_not_placed() -> None:
    layer = layer_of(disc((9, 9, 9)))
    assert layer.place(ActorPose(-1.0, 0.9, 0.0, 0.5), SIZE) is None
    assert layer.place(ActorPose(0.5, 3.0, 0.0, 0.5), SIZE) is None
    half = layer.place(ActorPose(0.0, 0.9, 0.0, 0.5), SIZE)
    assert half is not None
    assert half.left == 0


def test_small_pictures_are_averaged_not_picked() -> None:
    """A checkerboard as fine as the picture is grey when it is shrunk, wherever it is."""
    fine = np.full((256, 256, 4), 255, dtype=np.uint8)
    fine[::2, ::2, :3] = fine[1::2, 1::2, :3] = 0
    layer = layer_of(fine)
    for x in (0.5, 0.503, 0.507):
        body = placed(layer, x=x, size=0.4).pixels[8:-8, 8:-8, 0]
        assert body.std() < 6
        assert abs(body.mean() - 127) < 8


def test_feet_are_where_the_picture_ends() -> None:
    alpha = np.zeros((100, 90), dtype=np.float32)
    alpha[:80] = 1
    alpha[80:, 10:20] = alpha[80:, 70:80] = 1
    profile = contact_profile(alpha)
    assert profile[10:20].min() == pytest.approx(1, abs=0.01)
    assert profile[40:50].max() < 0.4
    box = Image.fromarray(actor("elephant").picture)
    assert contact_profile(np.asarray(box)[..., 3].astype(np.float32) / 255).max() == pytest.approx(1)
