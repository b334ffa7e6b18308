"""A bundle can be replaced while jobs run: they end as they began, and new ones take the new bundle."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from model_server.serve.cards import model_list
from model_server.serve.engines import Engines, EngineState
from model_server.serve.generation import Output, generate
from schemas.videos import Tier
from schemas.work import Render
from settings import load
from tests.export.small import copied, edited, recipe, small_bundle


@pytest.fixture
def loaded(tmp_path: Path) -> Engines:
    """Engines whose preview engine draws with a copy of the small bundle."""
    bundle = copied(small_bundle(), tmp_path / "bundle")
    engines = Engines(load({"RIFFLE_HOME": str(tmp_path), "RIFFLE_BUNDLE": str(bundle)}))
    engines.load(Tier.PREVIEW)
    assert engines.states[Tier.PREVIEW] is EngineState.READY
    return engines


def replaced(tmp_path: Path, **changes: object) -> None:
    """Put another bundle in the place of the first, as an export does."""
    work = copied(small_bundle(), tmp_path / "work")
    edited(work / "manifest.json", **changes)
    (tmp_path / "bundle").rename(tmp_path / "old")
    work.rename(tmp_path / "bundle")
    shutil.rmtree(tmp_path / "old")


def test_nothing_new_is_not_loaded_again(loaded: Engines) -> None:
    engine = loaded.preview
    assert not loaded.refresh()
    assert loaded.preview is engine


def test_a_job_ends_with_the_engine_it_began_with(loaded: Engines, tmp_path: Path) -> None:
    engine = loaded.preview
    manifest = engine.manifest
    wanted = recipe(model=manifest.id)
    request = Render(id="j", attempt=1, tier=Tier.PREVIEW, owner="ann", recipe=wanted)
    whole = list(generate(request, loaded))[-1]
    units = generate(request, loaded)
    next(units)
    next(units)
    replaced(tmp_path, id="another", sigmas=[1.0, 0.0])
    assert loaded.refresh()
    assert loaded.preview is not engine
    assert loaded.manifest is not None
    assert loaded.manifest.id == "another"
    late = engine.begin(wanted)
    engine.step(late)
    last = list(units)[-1]
    assert isinstance(last, Output)
    assert isinstance(whole, Output)
    assert last.latents == whole.latents, "the replaced bundle changed nothing of a job under way"
    job = loaded.preview.begin(recipe(model="another"))
    loaded.preview.step(job)
    assert np.isfinite(job.latents).all()


def test_a_broken_bundle_is_refused_once_and_the_old_one_draws_on(loaded: Engines, tmp_path: Path) -> None:
    engine = loaded.preview
    replaced(tmp_path, version=99)
    assert not loaded.refresh()
    assert loaded.preview is engine
    assert loaded.states[Tier.PREVIEW] is EngineState.READY
    assert "manifest version 99 can't be read" in loaded.refused[str(tmp_path / "bundle")]
    loaded.refused.clear()
    assert not loaded.refresh()
    assert not loaded.refused, "it isn't tried again"
    replaced(tmp_path)
    assert loaded.refresh()
    assert loaded.preview is not engine


def test_a_bundle_that_is_gone_is_waited_for(loaded: Engines, tmp_path: Path) -> None:
    engine = loaded.preview
    (tmp_path / "bundle").rename(tmp_path / "away")
    assert not loaded.refresh()
    assert loaded.preview is engine
    assert not loaded.errors
    assert not loaded.refused


def test_a_first_bundle_that_was_refused_is_mended_by_a_good_one(tmp_path: Path) -> None:
    bundle = copied(small_bundle(), tmp_path / "bundle")
    (bundle / "text.onnx").write_bytes(b"")
    engines = Engines(load({"RIFFLE_HOME": str(tmp_path), "RIFFLE_BUNDLE": str(bundle)}))
    engines.load(Tier.PREVIEW)
    assert engines.states[Tier.PREVIEW] is EngineState.FAILED
    replaced(tmp_path)
    assert engines.refresh()
    assert engines.states[Tier.PREVIEW] is EngineState.READY


def test_several_bundles_are_drawn_with_by_name(tmp_path: Path) -> None:
    bundles = [copied(small_bundle(), tmp_path / name) for name in ("bundle", "second", "third")]
    edited(bundles[1] / "manifest.json", id="second", sigmas=[1.0, 0.0])
    edited(bundles[2] / "manifest.json", version=99)
    more = os.pathsep.join(map(str, bundles[1:]))
    engines = Engines(
        load({"RIFFLE_HOME": str(tmp_path), "RIFFLE_BUNDLE": str(bundles[0]), "RIFFLE_MORE_BUNDLES": more})
    )
    assert not engines.refresh(), "nothing goes before the first one"
    engines.load(Tier.PREVIEW)
    assert [manifest.id for manifest in engines.manifests] == ["riffle-tiny"]
    assert engines.refresh()
    assert [manifest.id for manifest in engines.manifests] == ["riffle-tiny", "second"]
    assert list(engines.refused) == [str(bundles[2])]
    assert engines.preview_of("second") is not engines.preview
    assert engines.preview_of("unknown") is engines.preview
    first, second = model_list(engines.manifests, [(128, 192), (192, 192)]).data
    assert (first.sizes[Tier.FULL], second.sizes[Tier.FULL]) == (["128x192", "192x192"], [])
    request = Render(id="j", attempt=1, tier=Tier.PREVIEW, owner="ann", recipe=recipe(model="second"))
    assert isinstance(list(generate(request, engines))[-1], Output)


def test_a_budget_unloads_and_loads_again(tmp_path: Path) -> None:
    bundle = copied(small_bundle(), tmp_path / "bundle")
    settings = {"RIFFLE_HOME": str(tmp_path), "RIFFLE_BUNDLE": str(bundle), "RIFFLE_MODEL_MEMORY_MB": "1"}
    tight = Engines(load(settings))
    tight.load(Tier.PREVIEW)
    free = Engines(load({**settings, "RIFFLE_MODEL_MEMORY_MB": "0"}))
    free.load(Tier.PREVIEW)
    first, second = (each.preview.begin(recipe(model="riffle-tiny")) for each in (tight, free))
    for _ in range(first.steps):
        tight.preview.step(first)
        free.preview.step(second)
    np.testing.assert_array_equal(tight.preview.decode(first), free.preview.decode(second))
