"""What clips are shown: how files are read, and that both engines do what the models are trained on."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from export.measure import difference
from model_server.engine.condition_inputs import MAX_BEGIN_FRAMES, ConditioningInputs, read_inputs
from model_server.engine.preview import PreviewEngine
from model_server.engine.render import FullRenderer
from model_server.engine.resize import crop_to_fill, fit_inside
from model_server.media.encode import mp4
from schemas.work import Inputs
from tests.export.small import SIZE, copied, edited, recipe, small_bundle, small_folder
from train.measure.sampler import ModelSampler
from train.models import vae as autoencoder
from train.models.conditioning import REFERENCE, TokenConditioning, build_conditioning
from train.models.flow_sampler import noise, sample

Frames = NDArray[np.uint8]
FULL = (128, 192)
# A float32 graph differs from torch by rounding; its encoder is float32 too.
SAME_DB = 50.0


def clip(frames: int = 12, size: tuple[int, int] = SIZE) -> Frames:
    """A square that walks over a slope of colours, one shade lighter a frame."""
    width, height = size
    out = np.zeros((frames, height, width, 3), dtype=np.uint8)
    out[..., 0] = np.linspace(0, 255, width)
    out[..., 1] = np.linspace(255, 0, height)[:, None]
    for number, frame in enumerate(out):
        frame[20:50, 4 + 2 * number : 30 + 2 * number, 2] = 60 + 12 * number
    return out


def picture(frame: Frames, form: str = "PNG") -> bytes:
    out = BytesIO()
    Image.fromarray(frame).save(out, form, **({"lossless": True} if form == "WEBP" else {}))
    return out.getvalue()


@pytest.fixture(scope="module")
def engine() -> PreviewEngine:
    return PreviewEngine(small_bundle("fp32"), 2)


@pytest.fixture(scope="module")
def renderer() -> FullRenderer:
    return FullRenderer(small_folder(), 2)


@pytest.fixture(scope="module")
def sampler() -> ModelSampler:
    return ModelSampler(small_folder())


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_a_picture_is_shown_as_it_is(form: str) -> None:
    frame = clip()[3]
    data = picture(frame, form)
    found = read_inputs(Inputs(begin=data, end=data, reference=data))
    for part in (found.begin, found.end, found.reference):
        assert part is not None
        np.testing.assert_array_equal(part, frame[None])
    assert found.names == ["begin", "end", "reference"]


def test_a_video_begins_with_its_last_frames_and_ends_with_its_first() -> None:
    frames = clip(12)
    data = mp4(frames, 8)
    found = read_inputs(Inputs(begin=data, end=data, reference=data))

    def numbers(part: Frames | None) -> list[int]:
        """Which of the frames each of these is; they come back larger, and with the mark."""
        assert part is not None
        small = crop_to_fill(part, SIZE).astype(int)
        return [int(np.abs(frames - one).mean((1, 2, 3)).argmin()) for one in small]

    assert numbers(found.begin) == list(range(12 - MAX_BEGIN_FRAMES, 12))
    assert numbers(found.end) == [0]
    assert numbers(found.reference) == [6]


@pytest.mark.parametrize("name", ["begin", "end", "reference"])
@pytest.mark.parametrize("data", [b"", b"no picture", picture(clip()[0])[:150], mp4(clip(), 8)[:400]])
def test_what_is_no_picture_is_named(name: str, data: bytes) -> None:
    with pytest.raises(ValueError, match=f"^{name} "):
        read_inputs(Inputs(**{name: data}))


def test_frames_are_filled_and_pictures_fitted() -> None:
    wide = np.zeros((1, 100, 300, 3), dtype=np.uint8)
    wide[:, :, :100, 0], wide[:, :, 100:200, 1], wide[:, :, 200:, 2] = 255, 255, 255
    cut = crop_to_fill(wide, (64, 96))
    assert cut.shape == (1, 96, 64, 3)
    # The middle third alone is left.
    assert cut[0, :, 4:-4].reshape(-1, 3).min(0).tolist() == [0, 255, 0]
    whole = fit_inside(wide, (60, 96))
    assert whole.shape == (1, 96, 60, 3)
    assert whole[0, 48, 5].tolist() == [255, 0, 0]
    assert whole[0, 48, 55].tolist() == [0, 0, 255]


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
def test_a_preview_is_told_what_the_student_learns(
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
def test_a_render_is_told_what_the_teacher_learns(
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


def test_a_remix_holds_its_first_frames_too(engine: PreviewEngine) -> None:
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
