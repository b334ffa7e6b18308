"""Prompts read with the model's own library and text encoder."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.understanding import GOALS, PHRASES, measure, phrases
from model_server.engine.bundle import load_manifest
from model_server.engine.understanding import Understanding
from schemas.library import PromptReading
from tests.product import ModelFolders


@pytest.fixture(scope="module")
def understanding(model_folders: ModelFolders) -> Understanding:
    return Understanding(model_folders.bundle, load_manifest(model_folders.bundle))


def shown(reading: PromptReading) -> list[str]:
    return [each.candidates[0].name for each in reading.subjects if each.candidates]


@pytest.mark.parametrize(
    ("prompt", "subjects"),
    [
        ("the animal with a long trunk walks in a forest", ["elephant"]),
        ("a horse with black and white stripes", ["zebra"]),
        ("something you open when it rains", ["umbrella"]),
        ("a girl with a balloon", ["girl", "balloon"]),
        ("a penguin in a tuxedo dances", ["penguin", "groom"]),
        ("a quadratic equation", []),
        ("pikachu's cousin", []),
        ("an animal in the forest", []),
        ("walks at night in the forest", []),
        ("the animal with a long trunk and a tiny red T-Rex dance in the city", ["elephant", "T-Rex"]),
    ],
)
def test_what_has_no_name_is_found_by_its_meaning(
    understanding: Understanding, prompt: str, subjects: list[str]
) -> None:
    assert shown(understanding.read(prompt)) == subjects


def test_what_is_only_near_says_how_near(understanding: Understanding) -> None:
    (found,) = understanding.read("a vehicle that flies to the moon").subjects
    assert found.candidates[0].name == "rocket"
    assert 0.5 < found.score <= 1.0
    assert found.phrase == "vehicle that flies to the moon"


def test_written_phrases_are_understood_as_asked(understanding: Understanding) -> None:
    shares, wrong = measure(phrases(PHRASES), understanding.read)
    assert all(shares[kind] >= goal for kind, goal in GOALS.items()), (shares, [each[0] for each in wrong])


def test_subjects_are_searched_by_the_beginning_of_a_name_and_by_meaning(
    understanding: Understanding,
) -> None:
    typed = understanding.page("pan", None, 5)
    assert "panda" in [each.name for each in typed.data]
    meant = understanding.page("something that flies people on holiday", None, 30)
    assert "airplane" in [each.name for each in meant.data]
    assert all(each.picture.startswith("data:image/webp;base64,") for each in typed.data)
    assert max(len(each.picture) for each in meant.data) < 6000


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("cat", "cat"),
        ("kitty", "cat"),
        ("woman", "woman"),
        ("dog", "dog"),
        ("corgi", "dog"),
        ("T-Rex", "T-Rex"),
    ],
)
def test_who_is_called_so_comes_first(understanding: Understanding, typed: str, first: str) -> None:
    found = understanding.page(typed, None, 5).data
    assert found[0].name == first
    assert found[0].score == (0.9 if typed == "corgi" else 1.0)


def test_a_search_says_how_well_it_found(understanding: Understanding) -> None:
    meant = understanding.page("animal with a long trunk", None, 5).data
    assert meant[0].name == "elephant"
    assert 0.6 < (meant[0].score or 0.0) < 1.0
    assert all((each.score or 0.0) >= 0.55 for each in understanding.page("snorfblat", None, 50).data)
    assert len(understanding.page("snorfblat", None, 50).data) < 3
    assert all(each.score is None for each in understanding.page("", None, 5).data)


def test_pages_follow_each_other_to_the_end(understanding: Understanding) -> None:
    seen, after = [], None
    while True:
        page = understanding.page("", after, 100)
        seen += [each.id for each in page.data]
        if not page.has_more:
            break
        after = page.last_id
    assert seen == [each.id for each in understanding.library.index.subjects]
    with pytest.raises(KeyError):
        understanding.page("", "nobody", 5)


def test_a_bundle_lists_its_library(model_folders: ModelFolders) -> None:
    manifest = load_manifest(model_folders.bundle)
    assert manifest.library in {file.path for file in manifest.files}
    assert (Path(model_folders.teacher) / "library" / "library.safetensors").is_file()
