"""What is recognised: by a network that has seen neither the library nor the drawn world."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from bench import recognition
from bench.imagenet_features import WEIGHTS, ImageNetFeatures
from bench.library_prompts import LibraryPrompt, library_prompts
from bench.recognition import LibraryGallery, Recognised, cropped, measure, on_ground, seen, share
from bench.word_clips import WordStudio
from export.errors import ExportError
from tests.bench.studio import opened
from tests.product import ModelFolders

AMONG = 12


@pytest.fixture(scope="module")
def features() -> ImageNetFeatures:
    return ImageNetFeatures()


@pytest.fixture(scope="module")
def studio(model_folders: ModelFolders) -> WordStudio:
    return opened(model_folders)


@pytest.fixture(scope="module")
def prompts(studio: WordStudio) -> list[LibraryPrompt]:
    subjects = [each for each in studio.library.index.subjects if "animal" in each.kinds]
    return library_prompts(subjects, studio.card.vocabulary, 3, 1, motions=["still"])


def test_composed_clips_are_recognised_and_empty_ones_are_not(
    studio: WordStudio, features: ImageNetFeatures, prompts: list[LibraryPrompt]
) -> None:
    gallery = LibraryGallery(studio, features, [prompt.subject for prompt in prompts], AMONG)
    assert len(gallery.names) == AMONG
    clips = [studio.preview(studio.recipe(prompt.text, 1)) for prompt in prompts]
    assert share(measure(gallery, prompts, clips, seen)) >= 2 / 3
    assert share(measure(gallery, prompts, clips, cropped)) == 1
    empty = [clip._replace(frames=clip.scene) for clip in clips]
    assert share(measure(gallery, prompts, empty, seen)) < 2 / 3


def test_library_pictures_are_recognised_on_another_ground(
    studio: WordStudio, features: ImageNetFeatures, prompts: list[LibraryPrompt]
) -> None:
    gallery = LibraryGallery(studio, features, [prompt.subject for prompt in prompts], AMONG)
    shown = [[on_ground(studio.library.picture(each.subject.id), (200, 180, 60))] for each in prompts]
    assert gallery.recognise(shown) == [prompt.subject.name for prompt in prompts]


def test_a_name_is_right_only_if_it_was_asked_for(prompts: list[LibraryPrompt]) -> None:
    asked = prompts[0].subject.name
    assert share([Recognised(prompts[0], asked), Recognised(prompts[0], "other")]) == 0.5


def test_without_its_packages_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, WEIGHTS, None)
    with pytest.raises(ExportError, match="pip install"):
        ImageNetFeatures()
    monkeypatch.setattr(sys, "argv", ["recognition", "--bundle", str(Path("nowhere"))])
    with pytest.raises(SystemExit):
        recognition.main()
    assert "manifest.json" in capsys.readouterr().err


def test_features_have_unit_length(features: ImageNetFeatures) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (2, 30, 40, 3), dtype=np.uint8)
    assert np.linalg.norm(features(list(noise)), axis=1) == pytest.approx([1, 1], abs=1e-5)
