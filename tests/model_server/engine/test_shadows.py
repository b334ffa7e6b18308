"""The shadow of an actor: soft, under its feet, smaller and fainter when it is in the air."""

from __future__ import annotations

import numpy as np
import pytest

from model_server.engine.actors import ActorPose
from model_server.engine.shadows import cast_shadow

FLAT = 200


def shadow(pose: ActorPose, place: str | None = None, size: tuple[int, int] = (128, 192)) -> np.ndarray:
    """How much darker each pixel is, 0..1."""
    frame = np.full((size[1], size[0], 3), FLAT, dtype=np.uint8)
    cast_shadow(frame, pose, np.ones(60, dtype=np.float32), 1.0, place)
    return 1 - frame[..., 0].astype(float) / FLAT


def test_it_is_soft_and_under_the_feet() -> None:
    found = shadow(ActorPose(0.4, 0.8, 0.0, 0.5))
    rows, columns = np.indices(found.shape)
    assert (rows * found).sum() / found.sum() == pytest.approx(0.8 * 192, abs=2)
    assert (columns * found).sum() / found.sum() == pytest.approx(0.4 * 128, abs=1)
    assert 0.3 < found.max() < 0.6
    # No step that an eye could follow.
    assert np.abs(np.diff(found, axis=0)).max() < 0.2
    assert np.abs(np.diff(found, axis=1)).max() < 0.2


def test_it_is_smaller_and_fainter_in_the_air() -> None:
    stands, hops, flies = (shadow(ActorPose(0.5, 0.8, lift, 0.5)) for lift in (0.0, 0.2, 0.7))
    assert stands.max() > hops.max() > flies.max() > 0
    wide = [(found.max(0) > 0.5 * found.max()).sum() for found in (stands, hops, flies)]
    assert wide[0] > wide[1] > wide[2]


def test_what_floats_in_space_has_none() -> None:
    assert shadow(ActorPose(0.5, 0.8, 0.4, 0.5), "space").max() == 0
    assert shadow(ActorPose(0.5, 0.8, 0.0, 0.5), "space").max() > 0.2
    assert (
        0 < shadow(ActorPose(0.5, 0.8, 0.0, 0.5), "ocean").max() < shadow(ActorPose(0.5, 0.8, 0.0, 0.5)).max()
    )


def test_it_ends_at_the_frame() -> None:
    for x, y in ((0.0, 0.8), (1.0, 0.99), (0.5, 1.0), (5.0, 5.0), (-3.0, 0.8)):
        assert shadow(ActorPose(x, y, 0.0, 0.5)).shape == (192, 128)


def test_it_is_the_same_at_every_size() -> None:
    pose = ActorPose(0.47, 0.83, 0.05, 0.5)
    small, large = shadow(pose), shadow(pose, size=(256, 384))
    assert np.abs(large.reshape(192, 2, 128, 2).mean((1, 3)) - small).max() < 0.06
