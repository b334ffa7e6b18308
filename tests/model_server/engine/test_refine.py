"""What a bundle's refiner does with the frames of both tiers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from model_server.engine import latents
from model_server.engine.condition_inputs import ConditioningInputs
from model_server.engine.preview import PreviewEngine
from model_server.serve import generation
from model_server.serve.engines import Engines
from model_server.serve.generation import Output, Progress
from schemas.videos import Tier
from schemas.work import Inputs
from settings import load
from tests.model_server.engine.clips import picture
from tests.model_server.server import recipe, render
from tests.product import ModelFolders
from train.world.clips import FULL, FULL_SIZES, PREVIEW, PREVIEW_SIZES, draw, reference_picture
from train.world.emoji_sprites import held_out_sprites
from train.world.scenes import SOMEONE, Scene

SCENE = Scene(SOMEONE, "meadow", "day", "still")
PROMPT = "someone stands still in a meadow by day"


@pytest.fixture(scope="module")
def engine(model_folders: ModelFolders) -> PreviewEngine:
    return PreviewEngine(model_folders.bundle, 2)


def soft(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Without the fine parts: means of squares of a ninth of the short side."""
    side = min(frames.shape[1:3]) // 9 | 1
    padded = np.pad(frames.astype(float), ((0, 0), *[(side // 2, side // 2)] * 2, (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))
    return windows.mean(axis=(-2, -1)).astype(np.uint8)


@pytest.mark.parametrize("size", [*PREVIEW_SIZES, *FULL_SIZES])
def test_a_subject_gets_its_detail_in_every_size(engine: PreviewEngine, size: tuple[int, int]) -> None:
    sprite = held_out_sprites()["lock"]
    clip = draw(SCENE, 5, size, sprite=sprite)
    given = soft(clip.frames)
    made = engine.refine_frames(
        given, ConditioningInputs(reference=reference_picture(sprite, 9, (200, 200))[None])
    )
    assert (made.shape, made.dtype) == (given.shape, np.uint8)
    assert sharpness(made, clip.cover) > 1.3 * sharpness(given, clip.cover)


def sharpness(frames: NDArray[np.uint8], cover: NDArray[np.float32]) -> float:
    """How much neighbouring pixels of the subject differ."""
    return float(np.abs(np.diff(frames.astype(float), axis=2))[cover[:, :, 1:] > 0.5].mean())


def test_without_a_picture_or_a_refiner_frames_stay(engine: PreviewEngine) -> None:
    frames = draw(SCENE, 5, PREVIEW, sprite=held_out_sprites()["lock"]).frames
    assert engine.refine_frames(frames, ConditioningInputs()) is frames
    assert not engine.refines(ConditioningInputs(begin=frames[:1]))
    shown = ConditioningInputs(reference=frames[:1])
    assert engine.refines(shown)
    name, engine.manifest.refiner = engine.manifest.refiner, ""
    try:
        assert not engine.refines(shown)
        assert engine.refine_frames(frames, shown) is frames
    finally:
        engine.manifest.refiner = name


def test_frames_that_are_shown_themselves_stay(engine: PreviewEngine) -> None:
    sprite = held_out_sprites()["lock"]
    frames = soft(draw(SCENE, 5, PREVIEW, sprite=sprite).frames)
    picture_ = reference_picture(sprite, 9, (200, 200))[None]
    made = engine.refine_frames(
        frames, ConditioningInputs(begin=frames[:6], end=frames[:1], reference=picture_)
    )
    np.testing.assert_array_equal(made[:5], frames[:5])
    np.testing.assert_array_equal(made[-1], frames[-1])
    assert (made[5:-1] != frames[5:-1]).any(axis=(1, 2, 3)).all()
    once = engine.refine_frames(frames, ConditioningInputs(begin=frames[:1], reference=picture_))
    np.testing.assert_array_equal(once[0], frames[0])
    assert (once[1:] != frames[1:]).any(axis=(1, 2, 3)).all()


@pytest.fixture(scope="module")
def engines(model_folders: ModelFolders) -> Engines:
    environment = {"RIFFLE_TEACHER": str(model_folders.teacher), "RIFFLE_BUNDLE": str(model_folders.bundle)}
    made = Engines(load(environment))
    for tier in Tier:
        made.load(tier)
    assert not made.errors
    return made


def last(units: Iterator[Progress | Output]) -> Output:
    *_, drawn = units
    assert isinstance(drawn, Output)
    return drawn


def test_what_goes_on_from_a_preview_goes_on_from_what_was_seen(engines: Engines) -> None:
    sprite = held_out_sprites()["lock"]
    inputs = Inputs(reference=picture(reference_picture(sprite, 9, (200, 200))))
    job = render("one", recipe(3, prompt=PROMPT), inputs=inputs)
    engine = engines.preview
    kept = latents.small(last(generation.generate(job, engines)).latents)
    begun = engine.begin(
        job.recipe, inputs=ConditioningInputs(reference=reference_picture(sprite, 9, (200, 200))[None])
    )
    for _ in range(begun.steps):
        engine.step(begun)
    seen = engine.refine_frames(
        engine.draw(begun), ConditioningInputs(reference=reference_picture(sprite, 9, (200, 200))[None])
    )
    np.testing.assert_array_equal(kept, engine.encode(seen))


def test_a_render_keeps_the_subject_of_its_preview(engines: Engines) -> None:
    sprite = held_out_sprites()["lock"]
    inputs = Inputs(reference=picture(reference_picture(sprite, 9, (200, 200))))
    preview = last(generation.generate(render("two", recipe(3, prompt=PROMPT), inputs=inputs), engines))
    picked = Inputs(reference=inputs.reference, preview=preview.latents)
    full = recipe(3, Tier.FULL, PROMPT)
    made = last(generation.generate(render("three", full, Tier.FULL, inputs=picked), engines))
    assert made.fidelity is not None
    assert made.fidelity > 0.3
    assert latents.unpack(made.latents)[latents.NATIVE].shape[3:] == (FULL[1] // 16, FULL[0] // 16)
