"""Composed clips: the model draws the scene, the recipe's pictures are put into it, in both tiers."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from model_server.engine import latents
from model_server.engine.condition_inputs import ConditioningInputs
from model_server.engine.pixels import Frames
from model_server.engine.staging import read_layout
from model_server.serve.engines import Engines
from model_server.serve.faults import JobError
from model_server.serve.generation import Output, Progress, generate
from schemas.videos import Recipe, Tier, Understood, UnderstoodSubject
from schemas.work import FaultCode, Inputs, Render
from settings import load
from tests.export.small import CHANNELS, recipe, small_enlarging_bundle, small_enlarging_folder
from tests.model_server.engine.actors import Sprites
from tests.model_server.engine.clips import picture
from train.world.clips import reference_picture, subject_sprite

PREVIEW, FULL = {"width": 128, "height": 192}, {"width": 256, "height": 384}


@pytest.fixture(scope="module")
def engines() -> Engines:
    folders = {
        "RIFFLE_TEACHER": str(small_enlarging_folder()),
        "RIFFLE_BUNDLE": str(small_enlarging_bundle()),
    }
    made = Engines(load(folders))
    for tier in Tier:
        made.load(tier)
    assert not made.errors
    made.preview.library = Sprites()
    return made


def said(*pictures: str, **slots: str) -> Understood:
    subjects = [UnderstoodSubject(phrase=each, name=each, picture=each, score=1.0) for each in pictures]
    return Understood(subjects=subjects, **slots)  # type: ignore[arg-type]


def composed(understood: Understood | None, **changes: Any) -> Recipe:
    return recipe(model="riffle-tiny", understood=understood, **{**PREVIEW, **changes})


def request(made: Recipe, tier: Tier = Tier.PREVIEW, **inputs: Any) -> Render:
    return Render(id="j", attempt=1, tier=tier, owner="ann", recipe=made, inputs=Inputs(**inputs))


def drawn(engines: Engines, made: Recipe, tier: Tier = Tier.PREVIEW, **inputs: Any) -> Output:
    *_, last = generate(request(made, tier, **inputs), engines)
    assert isinstance(last, Output)
    return last


def frames_of(output: Output) -> Frames:
    with av.open(BytesIO(output.media.video)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def pictures_of(units: Iterator[Progress | Output]) -> list[Frames]:
    found = []
    for unit in units:
        if isinstance(unit, Progress) and unit.picture is not None:
            with Image.open(BytesIO(unit.picture)) as image:
                found.append(np.asarray(image.convert("RGB")))
    return found


def scene_latents(engines: Engines, made: Recipe) -> np.ndarray:
    """Latents of the scene alone."""
    engine = engines.preview
    job = engine.begin(made)
    for _ in range(job.steps):
        engine.step(job)
    return job.stored_latents


def test_what_is_kept_of_a_preview_is_its_scene(engines: Engines) -> None:
    made = composed(said("fox", motion="left", place="beach", time="day"))
    found = drawn(engines, made)
    scene = scene_latents(engines, made)
    np.testing.assert_array_equal(latents.unpack(found.latents)[latents.NATIVE], scene.astype(np.float32))
    assert latents.layout(found.latents) is not None
    assert found.latents == drawn(engines, made).latents
    # The same scene without anyone differs where the fox is; elsewhere by what compressing noise leaves.
    nobody = frames_of(drawn(engines, composed(said(place="beach", time="day")))).astype(int)
    apart = np.abs(frames_of(found) - nobody).mean(-1)
    assert apart[:, :60].mean() < apart[:, 250:].mean() / 5
    assert apart.reshape(17, -1).max(1).min() > 40


def test_pictures_on_the_way_show_the_actors_too(engines: Engines) -> None:
    made = composed(said("fox", motion="still"))
    shown = pictures_of(generate(request(made), engines))
    alone = pictures_of(generate(request(composed(said())), engines))
    assert [each.shape for each in shown] == [(192, 128, 3)] * 4
    for one, other in zip(shown, alone, strict=True):
        assert np.abs(one.astype(int) - other).max() > 60
    large = pictures_of(generate(request(composed(said("fox"), **FULL), Tier.FULL), engines))
    assert {each.shape for each in large} == {(384, 256, 3)}


def test_a_render_keeps_scene_and_layout_of_its_preview(engines: Engines) -> None:
    made = composed(said("fox", "bus", motion="jump"))
    preview = drawn(engines, made)
    full = drawn(engines, composed(made.understood, **FULL), Tier.FULL, preview=preview.latents)
    kept = latents.unpack(full.latents)
    assert kept[latents.NATIVE].shape == (1, CHANNELS, 5, 12, 8)
    assert kept[latents.SMALL].shape == (1, CHANNELS, 5, 6, 4)
    assert latents.layout(full.latents) == latents.layout(preview.latents)
    assert frames_of(full).shape == (17, 384, 256, 3)
    assert full.fidelity is not None
    assert full.fidelity > 0.3


def test_a_cameo_is_put_in_and_not_drawn(engines: Engines) -> None:
    shown = picture(reference_picture(subject_sprite("robot"), 3, (200, 200)))
    made = composed(said("cameo:ada"), likeness="ada")
    found = drawn(engines, made, reference=shown)
    np.testing.assert_array_equal(
        latents.unpack(found.latents)[latents.NATIVE], scene_latents(engines, made).astype(np.float32)
    )
    nobody = frames_of(drawn(engines, composed(said())))
    assert np.abs(frames_of(found).astype(int) - nobody).max() > 60
    with pytest.raises(JobError, match="no picture of cameo:ada") as refused:
        drawn(engines, made)
    assert refused.value.code is FaultCode.BAD_INPUT


def test_a_remix_starts_from_the_scene(engines: Engines) -> None:
    source = drawn(engines, composed(said("fox", motion="left")))
    made = composed(said("dog", motion="left"), seed=8, strength=0.0, layout_seed=3)
    remix = drawn(engines, made, source=source.latents)
    np.testing.assert_array_equal(
        latents.unpack(remix.latents)[latents.NATIVE], latents.unpack(source.latents)[latents.NATIVE]
    )
    before, after = (read_layout(latents.layout(each.latents) or b"").actors[0] for each in (source, remix))
    # But for how wide each of them is.
    found = [[pose.x for pose in each.poses] for each in (before, after)]
    np.testing.assert_allclose(*found, atol=0.05)
    assert (before.picture, after.picture) == ("fox", "dog")


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("at", [16, 10])
def test_an_extension_goes_on_from_scene_and_actors(engines: Engines, tier: Tier, at: int) -> None:
    source = drawn(engines, composed(said("fox", motion="left")))
    size = FULL if tier is Tier.FULL else PREVIEW
    made = composed(said("fox", motion="jump"), seed=8, repeats=5, **size)
    more = drawn(engines, made, tier, source=source.latents, continued_frame=at)
    before, after = (
        read_layout(latents.layout(each.latents) or b"").actors[0].poses for each in (source, more)
    )
    assert after[:5] == before[at - 4 : at + 1]
    if tier is Tier.PREVIEW:
        # The scene's own frames, without the fox, are what it begins with.
        engine = engines.preview
        scene = engine.draw_latents(latents.unpack(source.latents)[latents.NATIVE])[at - 4 : at + 1]
        job = engine.begin(made, inputs=ConditioningInputs(begin=scene))
        pinned = job.latents[:, :, :2].astype(np.float16)
        np.testing.assert_array_equal(latents.unpack(more.latents)[latents.NATIVE][:, :, :2], pinned)


def test_frames_that_are_given_are_drawn_on_by_the_model(engines: Engines) -> None:
    """Who is in a picture can't be taken out of it."""
    given = picture(np.full((192, 128, 3), 90, np.uint8))
    found = drawn(engines, composed(said("fox"), input_reference=True), begin=given)
    assert latents.layout(found.latents) is None


def test_what_cannot_be_composed_is_refused(engines: Engines) -> None:
    plain = drawn(engines, composed(None))
    assert latents.layout(plain.latents) is None
    source = drawn(engines, composed(said("fox")))
    for made, inputs, text in (
        (composed(said("dragon")), {}, "no picture 'dragon'"),
        (composed(said("fox"), repeats=5), {"source": plain.latents, "continued_frame": 16}, "composed clip"),
        (composed(None, repeats=5), {"source": source.latents, "continued_frame": 16}, "composed clip"),
        (composed(said("fox"), repeats=5), {"source": source.latents, "continued_frame": 17}, "17 frames"),
        (composed(said(*["fox"] * 4)), {}, "at most 3"),
    ):
        with pytest.raises(JobError, match=text) as refused:
            drawn(engines, made, **inputs)
        assert refused.value.code is FaultCode.BAD_INPUT
