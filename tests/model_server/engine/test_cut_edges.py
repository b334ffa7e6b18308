"""What is closed and cleaned of a cut-out."""

from __future__ import annotations

import numpy as np
import pytest

from model_server.engine.cut_edges import clean_colours, closed_alpha
from model_server.engine.pixels import Floats

SIDE = 128
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE].astype(np.float32)
FAR = np.hypot(ROWS - 64, COLUMNS - 64)
SUBJECT = np.array((0.8, 0.3, 0.2), np.float32)


def painted(ground: Floats, cover: Floats) -> Floats:
    return np.asarray(SUBJECT * cover[..., None] + ground * (1 - cover[..., None]), np.float32)


def plain_ground() -> Floats:
    return np.broadcast_to(np.array((0.75, 0.7, 0.3), np.float32), (SIDE, SIDE, 3))


def busy_ground() -> Floats:
    stripes = 0.5 + 0.4 * np.sin(COLUMNS / 3)
    return np.stack((0.1 * stripes, stripes, 1 - 0.5 * stripes), -1).astype(np.float32)


@pytest.mark.parametrize("ground", [plain_ground(), busy_ground()])
def test_holes_and_crumbs_of_a_matte_are_closed(ground: Floats) -> None:
    disc = (FAR < 40).astype(np.float32)
    matte = disc.copy()
    matte[56:62, 40:70] = 0.1
    matte[2:8, 2:8] = 0.9
    found = closed_alpha(painted(ground, disc), matte)
    assert found[FAR < 36].min() > 0.95
    assert found[FAR > 46].max() < 0.05


def test_a_gap_that_shows_the_ground_stays_open() -> None:
    ring = ((FAR < 44) & (FAR > 24)).astype(np.float32)
    found = closed_alpha(painted(plain_ground(), ring), ring)
    assert found[FAR < 20].max() < 0.05
    assert found[(FAR > 28) & (FAR < 40)].min() > 0.95


def test_an_edge_has_none_of_its_ground() -> None:
    cover = np.clip((42 - FAR) / 4, 0, 1).astype(np.float32)
    picture = painted(plain_ground(), cover)
    alpha = closed_alpha(picture, cover)
    cleaned = clean_colours(picture, alpha)
    edge = (alpha > 0.2) & (alpha < 0.9)
    assert edge.any()
    assert np.abs(cleaned[edge] - SUBJECT).max() < 0.06
    # As it was, it had a rim.
    assert np.abs(picture[edge] - SUBJECT).max() > 0.2
