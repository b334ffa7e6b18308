"""Closeness and fidelity have their ends where they are said to be, and order what lies between."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from model_server.engine import compare, latents
from model_server.engine.actors import ActorPose
from model_server.engine.staging import ActorPath, Layout

SHAPE = (1, 32, 5, 6, 4)


def stored(*actors: tuple[str, float], seed: int = 1) -> bytes:
    """A composed clip of one scene: pictures, each at its place."""
    layout = Layout([ActorPath(picture, [ActorPose(x, 0.87, 0.0, 0.5)] * 17) for picture, x in actors])
    scene = np.random.default_rng(seed).standard_normal((1, 4, 5, 6, 4))
    return latents.pack(scene, layout=msgspec.msgpack.encode(layout))


def test_composed_clips_are_near_by_scene_and_by_who_is_in_it() -> None:
    fox = stored(("fox", 0.3))
    assert compare.clip_closeness(fox, fox) == pytest.approx(1)
    moved, dog, elsewhere, other = (
        compare.clip_closeness(fox, each)
        for each in (
            stored(("fox", 0.6)),
            stored(("dog", 0.3)),
            stored(("fox", 0.3), seed=2),
            stored(("dog", 0.3), seed=2),
        )
    )
    assert 1 > moved > dog
    assert moved > elsewhere > other
    assert dog == pytest.approx(0.5)
    assert other < 0.1
    both = stored(("dog", 0.7), ("fox", 0.3))
    assert compare.clip_closeness(fox, both) == pytest.approx(0.75)
    assert compare.clip_closeness(both, fox) == pytest.approx(0.75)
    assert compare.clip_closeness(stored(), stored()) == pytest.approx(1)
    # Of a clip that the model drew alone, latents are all there is.
    plain = latents.pack(np.random.default_rng(1).standard_normal((1, 4, 5, 6, 4)))
    assert compare.clip_closeness(fox, plain) == pytest.approx(1)


def drawn(seed: int, shape: tuple[int, ...] = SHAPE) -> latents.Latents:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def enlarged(array: latents.Latents, factor: int) -> latents.Latents:
    return array.repeat(factor, axis=3).repeat(factor, axis=4)


@given(st.integers(0, 2**31))
def test_a_video_is_as_close_as_can_be_to_itself(seed: int) -> None:
    assert compare.closeness(drawn(seed), drawn(seed)) == pytest.approx(1.0)
    assert compare.closeness(drawn(seed), enlarged(drawn(seed), 2)) == pytest.approx(1.0)


@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_closeness_is_symmetric_and_in_bounds(first: int, second: int) -> None:
    value = compare.closeness(drawn(first), drawn(second))
    assert 0.0 <= value <= 1.0
    assert value == pytest.approx(compare.closeness(drawn(second), drawn(first)), abs=1e-6)


def test_unrelated_videos_are_far_and_closeness_falls_with_the_share_that_is_new() -> None:
    base, other = drawn(1), drawn(2)
    values = [
        compare.closeness(base, (1 - new) * base + new * other) for new in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    ]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.06


def test_contrast_counts() -> None:
    assert compare.closeness(drawn(1), 3 * drawn(1)) < 0.7


def test_different_lengths_and_grids_compare() -> None:
    assert 0.0 <= compare.closeness(drawn(1), drawn(2, (1, 32, 11, 12, 8))) <= 1.0


def test_latents_of_different_models_are_refused() -> None:
    with pytest.raises(ValueError, match="channels"):
        compare.closeness(drawn(1), drawn(1, (1, 16, 5, 6, 4)))


def frames(seed: int, width: int = 64, height: int = 96) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).integers(0, 255, (17, 12, 8, 3), dtype=np.uint8)
    return coarse.repeat(height // 12, axis=1).repeat(width // 8, axis=2)


def test_fidelity_is_one_for_the_same_video_at_any_size_and_nothing_for_another() -> None:
    preview, others = frames(1), [frames(2), frames(3)]
    assert compare.fidelity(preview, preview, others) == 1.0
    assert compare.fidelity(frames(1, 128, 192), preview, others) > 0.99
    assert compare.fidelity(frames(4), preview, others) < 0.05


def test_fidelity_falls_with_what_changed() -> None:
    preview, others = frames(1), [frames(2), frames(3)]
    mixed = [
        ((1 - share) * preview.astype(float) + share * frames(4)).round().astype(np.uint8)
        for share in (0.1, 0.3, 0.6)
    ]
    values = [compare.fidelity(render, preview, others) for render in mixed]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(0.9, abs=0.02)


def test_fidelity_where_all_seeds_give_the_same_video() -> None:
    assert compare.fidelity(frames(1), frames(1), [frames(1)]) == 1.0
    assert compare.fidelity(frames(2), frames(1), [frames(1)]) == 0.0
