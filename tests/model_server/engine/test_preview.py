"""The preview engine: the same recipe draws the same bytes, and a remix keeps what its strength leaves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from model_server.engine.autoencoder import Autoencoder
from model_server.engine.bundle import MANIFEST, BundleError
from model_server.engine.preview import PreviewEngine
from model_server.engine.preview_state import PreviewState
from schemas.videos import Recipe
from tests.export.small import CHANNELS, copied, edited, recipe, small_bundle


@pytest.fixture(scope="module")
def engine() -> PreviewEngine:
    return PreviewEngine(small_bundle(), 2)


def draw(engine: PreviewEngine, wanted: Recipe, source: NDArray[np.float16] | None = None) -> PreviewState:
    job = engine.begin(wanted, source)
    for _ in range(job.steps):
        engine.step(job)
    return job


def test_a_preview_is_drawn(engine: PreviewEngine) -> None:
    job = engine.begin(recipe())
    assert job.steps == 4
    for _ in range(job.steps):
        engine.step(job)
        picture = engine.estimate(job)
        assert (picture.shape, picture.dtype) == ((96, 64, 3), np.uint8)
    frames = engine.decode(job)
    assert (frames.shape, frames.dtype) == ((17, 96, 64, 3), np.uint8)
    assert frames.std() > 1
    assert (job.stored_latents.shape, job.stored_latents.dtype) == ((1, CHANNELS, 5, 6, 4), np.float16)


def test_the_last_estimate_is_the_result(engine: PreviewEngine) -> None:
    job = draw(engine, recipe())
    np.testing.assert_allclose(job.clean_estimate, job.latents, atol=1e-5)


def test_the_same_recipe_draws_the_same_bytes(engine: PreviewEngine) -> None:
    first, second = draw(engine, recipe()), draw(engine, recipe())
    assert first.stored_latents.tobytes() == second.stored_latents.tobytes()
    assert engine.decode(first).tobytes() == engine.decode(second).tobytes()


def test_a_fresh_engine_draws_the_same_bytes(engine: PreviewEngine) -> None:
    other = PreviewEngine(small_bundle(), 2)
    assert draw(engine, recipe()).stored_latents.tobytes() == draw(other, recipe()).stored_latents.tobytes()


def test_jobs_can_take_turns(engine: PreviewEngine) -> None:
    first, second = engine.begin(recipe()), engine.begin(recipe(seed=4))
    for _ in range(first.steps):
        engine.step(first)
        engine.step(second)
    assert first.stored_latents.tobytes() == draw(engine, recipe()).stored_latents.tobytes()
    assert second.stored_latents.tobytes() == draw(engine, recipe(seed=4)).stored_latents.tobytes()


def test_seed_and_prompt_change_the_video(engine: PreviewEngine) -> None:
    first = draw(engine, recipe()).latents
    assert np.abs(first - draw(engine, recipe(seed=4)).latents).max() > 0.1
    assert np.abs(first - draw(engine, recipe(prompt="a penguin in the snow")).latents).max() > 1e-4


def test_a_prompt_is_read_once(engine: PreviewEngine) -> None:
    first, second = engine.begin(recipe(prompt="once")), engine.begin(recipe(prompt="once", seed=4))
    assert first.prompt[0] is second.prompt[0]


def test_a_step_writes_where_the_last_one_wrote(engine: PreviewEngine) -> None:
    job = engine.begin(recipe())
    before = job.latents.ctypes.data, job.clean_estimate.ctypes.data
    engine.step(job)
    engine.step(job)
    assert (job.latents.ctypes.data, job.clean_estimate.ctypes.data) == before


def test_frames_are_encoded_to_latents_that_decode_to_them(engine: PreviewEngine) -> None:
    frames = engine.decode(draw(engine, recipe()))
    latents = engine.encode(frames)
    assert (latents.shape, latents.dtype) == ((1, CHANNELS, 5, 6, 4), np.float16)
    assert engine.begin(recipe(strength=0.5), latents).steps > 0
    with pytest.raises(ValueError, match="not 64x96x3"):
        engine.encode(frames[:3])


def test_an_empty_and_an_endless_prompt(engine: PreviewEngine) -> None:
    for prompt in ("", "fox " * 500, "\u0000 \U0001f98a \u202e"):
        assert np.isfinite(draw(engine, recipe(prompt=prompt)).latents).all()


def test_a_remix_changes_more_with_strength(engine: PreviewEngine) -> None:
    source = draw(engine, recipe(seed=9)).stored_latents
    apart = []
    for strength in (0.0, 0.3, 0.6, 0.9):
        remix = draw(engine, recipe(strength=strength), source)
        apart.append(float(np.square(remix.latents - source).mean()))
    assert apart[0] == 0.0
    assert apart == sorted(apart)


def test_a_remix_leaves_out_the_steps_above_its_strength(engine: PreviewEngine) -> None:
    source = draw(engine, recipe(seed=9)).stored_latents
    sigmas = engine.manifest.sigmas
    job = engine.begin(recipe(strength=0.5), source)
    assert job.sigmas == [0.5, *(sigma for sigma in sigmas if sigma < 0.5)]
    assert engine.begin(recipe(strength=0.0), source).steps == 0


def test_full_strength_forgets_the_source(engine: PreviewEngine) -> None:
    source = draw(engine, recipe(seed=9)).stored_latents
    remix, fresh = draw(engine, recipe(strength=1.0), source), draw(engine, recipe())
    assert remix.stored_latents.tobytes() == fresh.stored_latents.tobytes()


def test_full_strength_does_not_resize_what_it_forgets(
    engine: PreviewEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = draw(engine, recipe(seed=9)).stored_latents
    monkeypatch.setattr(Autoencoder, "resize", pytest.fail)
    wide = recipe(width=96, height=64, frames=25)
    remix = engine.begin(replace(wide, strength=1.0), source)
    assert remix.latents.tobytes() == engine.begin(wide).latents.tobytes()


def test_a_remix_without_a_strength_keeps_something(engine: PreviewEngine) -> None:
    source = draw(engine, recipe(seed=9)).stored_latents
    assert 0 < engine.begin(recipe(), source).sigmas[0] < 1


def test_a_source_of_another_shape_is_cut_and_played_in_the_new_time(engine: PreviewEngine) -> None:
    source = draw(engine, recipe(seed=9)).stored_latents
    wide = recipe(width=96, height=64, frames=25, strength=0.0)
    job = engine.begin(wide, source)
    assert job.latents.shape == (1, CHANNELS, 7, 4, 6)
    frames, cut = draw(engine, recipe(seed=9)), engine.decode(job)
    before = engine.decode(frames)[:, 27:70]
    # The encoder and the decoder of random weights keep the colours' order at best: the mean frame is alike.
    assert np.isfinite(job.latents).all()
    assert cut.shape == (25, 64, 96, 3)
    assert abs(cut.mean() - before.mean()) < 40


def test_what_it_does_not_draw(engine: PreviewEngine) -> None:
    source = np.zeros((1, CHANNELS, 5, 6, 4), np.float16)
    for wanted, given, text in (
        (recipe(width=128), None, "not 128x96x17"),
        (recipe(fps=24), None, "not 24"),
        (recipe(), source[:, :3], "of no shape that this model draws"),
        (recipe(strength=1.5), source, "strength must be 0 to 1"),
        (recipe(strength=float("nan")), source, "strength must be 0 to 1"),
    ):
        with pytest.raises(ValueError, match=text):
            engine.begin(wanted, given)


def test_vectors_of_texts(engine: PreviewEngine) -> None:
    texts = ["a cat sleeps on the sofa", "a kitten naps on a couch", "stock prices fell on Monday", ""]
    vectors = engine.embed(texts)
    assert vectors.shape == (4, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    near = vectors @ vectors.T
    assert near[0, 1] > 0.5 > near[0, 2]
    assert engine.embed([]).shape[0] == 0
    np.testing.assert_array_equal(engine.embed(texts[:1])[0], vectors[0])


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    from model_server.engine.bundle import describe

    bundle = copied(small_bundle(), tmp_path / "bundle")
    (bundle / "picture.onnx").write_bytes(b"no model")
    listed = [describe(bundle, path) for path in bundle.iterdir() if path.name != MANIFEST]
    edited(
        bundle / MANIFEST,
        files=[{"path": file.path, "sha256": file.sha256, "bytes": file.bytes} for file in listed],
    )
    with pytest.raises(BundleError, match=r"picture.onnx can't be run"):
        PreviewEngine(bundle, 1)


def test_it_runs_without_torch() -> None:
    code = f"""
import sys
from pathlib import Path
from model_server.engine.preview import PreviewEngine
PreviewEngine(Path({str(small_bundle())!r}), 1)
assert not {{"torch", "diffusers", "transformers"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
