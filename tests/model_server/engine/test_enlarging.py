"""What people see is larger than what the autoencoder knows: recipes name the one, latents keep the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model_server.engine.bundle import MANIFEST, BundleError, find_bucket, load_manifest
from model_server.engine.condition_inputs import ConditioningInputs
from model_server.engine.preview import PreviewEngine
from model_server.engine.shapes import drawn_size, native_recipe
from model_server.serve.cards import model_list
from tests.export.small import CHANNELS, copied, edited, recipe, small_enlarging_bundle

LARGE = {"width": 128, "height": 192}


@pytest.fixture(scope="module")
def engine() -> PreviewEngine:
    return PreviewEngine(small_enlarging_bundle(), 2)


def test_a_preview_is_drawn_on_its_grid_and_seen_larger(engine: PreviewEngine) -> None:
    job = engine.begin(recipe(**LARGE))
    for _ in range(job.steps):
        engine.step(job)
        assert engine.estimate(job).shape == (192, 128, 3)
    assert job.stored_latents.shape == (1, CHANNELS, 5, 6, 4)
    seen = engine.draw(job)
    assert (seen.shape, seen.dtype) == ((17, 192, 128, 3), np.uint8)
    assert engine.decode(job).shape == (17, 96, 64, 3)
    np.testing.assert_array_equal(engine.draw_latents(job.latents), seen)
    with pytest.raises(ValueError, match="draws 128x192x17"):
        engine.begin(recipe())


def test_where_nothing_moves_one_frame_of_each_latent_frame_is_drawn(engine: PreviewEngine) -> None:
    job = engine.begin(recipe(**LARGE))
    for _ in range(job.steps):
        engine.step(job)
    seen = engine.draw(job, still=True)
    assert (seen.shape, seen.dtype) == ((17, 192, 128, 3), np.uint8)
    np.testing.assert_array_equal(engine.draw_latents(job.latents, still=True), seen)
    for moment in range(5):
        alone = engine.draw_latents(job.latents[:, :, moment : moment + 1])
        np.testing.assert_array_equal(seen[4 * moment], alone[-1])
    between = seen[4].astype(float) * 0.25 + seen[8].astype(float) * 0.75
    assert np.abs(seen[7] - between).max() <= 1
    job.latents[:] = job.latents[:, :, :1]
    assert (np.ptp(engine.draw(job, still=True).astype(int), axis=0) == 0).all()


def test_the_sizes_of_a_recipe_are_those_that_are_seen(engine: PreviewEngine) -> None:
    manifest = engine.manifest
    bucket = find_bucket(manifest, 192, 128, 41)
    assert (bucket.width, bucket.height, drawn_size(manifest, bucket)) == (96, 64, (192, 128))
    native = native_recipe(manifest, recipe(width=256, height=384))
    assert (native.width, native.height) == (128, 192)
    with pytest.raises(ValueError, match="enlarges 2 times"):
        native_recipe(manifest, recipe(width=127))


def test_a_card_says_what_is_seen(engine: PreviewEngine) -> None:
    (card,) = model_list([engine.manifest], [(128, 192), (192, 128)]).data
    assert card.sizes["preview"] == ["128x192", "128x128", "192x128"]
    assert card.sizes["full"] == ["256x384", "384x256"]


def test_frames_are_shrunk_before_they_are_encoded(engine: PreviewEngine) -> None:
    job = engine.begin(recipe(**LARGE))
    seen = engine.draw(job)
    assert engine.encode(seen).shape == (1, CHANNELS, 5, 6, 4)
    bucket = job.bucket
    np.testing.assert_array_equal(engine.encode(seen), engine.encode(seen, bucket))
    shown = engine.begin(recipe(**LARGE), inputs=ConditioningInputs(begin=seen[:5], reference=seen[:1]))
    assert shown.conditioning is not None
    assert shown.conditioning.begin.shape == (1, CHANNELS, 2, 6, 4)
    larger = np.repeat(np.repeat(seen[:5], 2, axis=1), 2, axis=2)
    again = engine.begin(recipe(**LARGE), inputs=ConditioningInputs(begin=larger))
    assert again.conditioning is not None
    assert np.abs(again.conditioning.begin - shown.conditioning.begin).mean() < 0.1


def test_a_remix_starts_from_latents_as_before(engine: PreviewEngine) -> None:
    source = engine.begin(recipe(seed=9, **LARGE)).stored_latents
    kept = engine.begin(recipe(strength=0.0, **LARGE), source)
    np.testing.assert_array_equal(kept.latents.astype(np.float16), source)
    wide = engine.begin(recipe(width=192, height=128, frames=25, strength=0.0), source)
    assert wide.latents.shape == (1, CHANNELS, 7, 4, 6)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"enlargement": 1}, "upsampling decoder"),
        ({"enlargement": 0}, "enlargement is 0"),
        ({"enlargement": 9}, "enlargement is 9"),
        ({"upsampling_decoder": ""}, "upsampling decoder"),
        ({"upsampling_decoder": "other.onnx"}, "doesn't list other.onnx"),
        ({"matte": "other.onnx"}, "doesn't list other.onnx"),
        ({"library": "pictures"}, "doesn't list pictures"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(
    tmp_path: Path, changes: dict[str, object], text: str
) -> None:
    bundle = copied(small_enlarging_bundle(), tmp_path / "bundle")
    edited(bundle / MANIFEST, **changes)
    with pytest.raises(BundleError, match=text):
        load_manifest(bundle)
