"""Conditioning is what the models are trained on, in both engines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from export.measure import difference
from model_server.engine.condition_inputs import ConditioningInputs
from model_server.engine.preview import PreviewEngine
from model_server.engine.render import FullRenderer
from model_server.engine.resize import crop_to_fill, fit_inside
from tests.export.small import SIZE, copied, edited, recipe, small_bundle, small_folder
from tests.model_server.engine.clips import Frames, clip
from train.measure.sampler import ModelSampler
from train.models import vae as autoencoder
from train.models.conditioning import REFERENCE, TokenConditioning, build_conditioning
from train.models.flow_sampler import noise, sample

FULL = (128, 192)
# A float32 graph differs from torch by rounding; its encoder is float32 too.
SAME_DB = 50.0


@pytest.fixture(scope="module")
def engine() -> PreviewEngine:
    return PreviewEngine(small_bundle("fp32"), 2)


@pytest.fixture(scope="module")
def renderer() -> FullRenderer:
    return FullRenderer(small_folder(), 2)


@pytest.fixture(scope="module")
def sampler() -> ModelSampler:
    return ModelSampler(small_folder())


def encoded(sampler: ModelSampler, frames: Frames) -> torch.Tensor:
    return sampler.encode(autoencoder.as_video(frames[None]))


def training_conditioning(
    sampler: ModelSampler, given: ConditioningInputs, size: tuple[int, int], frames: int
) -> TokenConditioning:
    """The same conditions as the training makes them."""
    assert given.begin is not None
    assert given.end is not None
    assert given.reference is not None
    begin = encoded(sampler, crop_to_fill(given.begin[-5:], size))
    shape = noise(0, size, frames).shape
    video = torch.zeros(1, begin.shape[1], *shape[2:])
    video[:, :, : begin.shape[2]] = begin
    there = torch.ones(1, dtype=torch.bool)
    reference = encoded(sampler, fit_inside(given.reference, REFERENCE))
    end = encoded(sampler, crop_to_fill(given.end, size))
    return build_conditioning(video, torch.tensor([begin.shape[2]]), reference, there, end, there)


GIVEN = ConditioningInputs(begin=clip(9), end=clip(size=(200, 100))[-1:], reference=clip(size=(80, 60))[4:5])


@pytest.mark.parametrize(("size", "frames"), [(SIZE, 17), ((64, 64), 25), ((96, 64), 41)])
def test_a_preview_is_conditioned_as_the_student_learns(
    engine: PreviewEngine, sampler: ModelSampler, size: tuple[int, int], frames: int
) -> None:
    wanted = recipe(seed=5, width=size[0], height=size[1], frames=frames)
    job = engine.begin(wanted, inputs=GIVEN)
    states, mask = sampler.text([recipe().prompt])
    given = training_conditioning(sampler, GIVEN, size, frames)
    start = torch.from_numpy(np.random.default_rng(5).standard_normal(job.latents.shape, dtype=np.float32))
    expected = sample(sampler.student, start, states, mask, job.sigmas, fast=False, conditioning=given)
    for _ in range(job.steps):
        engine.step(job)
    assert difference(expected.numpy(), job.latents)["sqnr_db"] > SAME_DB
    begin = encoded(sampler, crop_to_fill(clip(9)[-5:], size)).numpy()
    assert difference(begin, job.latents[:, :, :2])["sqnr_db"] > SAME_DB


@pytest.mark.parametrize(("size", "frames"), [(FULL, 17), ((192, 128), 25)])
def test_a_render_is_conditioned_as_the_teacher_learns(
    renderer: FullRenderer, sampler: ModelSampler, size: tuple[int, int], frames: int
) -> None:
    wanted = recipe(seed=5, width=size[0], height=size[1], frames=frames)
    job = renderer.begin(wanted, inputs=GIVEN)
    states, mask = sampler.text([wanted.prompt])
    start = torch.from_numpy(np.random.default_rng(5).standard_normal(job.latents.shape, dtype=np.float32))
    expected = sample(
        sampler.teacher,
        start,
        states,
        mask,
        job.sigmas,
        renderer.spec.full.guidance,
        sampler.empty,
        fast=False,
        conditioning=training_conditioning(sampler, GIVEN, size, frames),
        reference_guidance=renderer.spec.full.reference_guidance,
    )
    for _ in range(job.steps):
        renderer.step(job)
    assert difference(expected.numpy(), job.latents.numpy())["sqnr_db"] > SAME_DB


@pytest.mark.parametrize("name", ["begin", "end", "reference"])
def test_each_of_them_counts(engine: PreviewEngine, name: str) -> None:
    one = ConditioningInputs(**{name: getattr(GIVEN, name)})
    with_it, without = engine.begin(recipe(), inputs=one), engine.begin(recipe())
    for job in (with_it, without):
        for _ in range(job.steps):
            engine.step(job)
    assert np.abs(with_it.latents - without.latents)[:, :, 2:].max() > 1e-3


def test_a_remix_keeps_its_given_first_frames_too(engine: PreviewEngine) -> None:
    source = np.zeros((1, 16, 5, 6, 4), dtype=np.float16)
    job = engine.begin(recipe(strength=0.5), source, inputs=ConditioningInputs(begin=clip(1)))
    first = job.latents[:, :, :1].copy()
    for _ in range(job.steps):
        engine.step(job)
        np.testing.assert_array_equal(job.latents[:, :, :1], first)
        np.testing.assert_array_equal(job.clean_estimate[:, :, :1], first)


def test_a_model_that_was_not_trained_on_it_refuses(tmp_path: Path) -> None:
    bundle = copied(small_bundle("fp32"), tmp_path / "bundle")
    edited(bundle / "manifest.json", conditions=["begin"])
    engine = PreviewEngine(bundle, 2)
    engine.begin(recipe(), inputs=ConditioningInputs(begin=GIVEN.begin))
    with pytest.raises(ValueError, match="can't be shown 'reference', only begin"):
        engine.begin(recipe(), inputs=ConditioningInputs(reference=GIVEN.reference))
