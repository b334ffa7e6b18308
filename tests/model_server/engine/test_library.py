"""The library that ships: whole, within its size, its pictures as its names say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.assemble import WEIGHTS
from model_server.engine.library import Library, LibraryError
from schemas.library import PICTURE_SIDE
from train.library.__main__ import MAX_BYTES

FILE = WEIGHTS / "library" / "library.safetensors"


@pytest.fixture(scope="module")
def library() -> Library:
    return Library.load(FILE)


def test_it_is_as_large_as_it_may_be(library: Library) -> None:
    assert FILE.stat().st_size <= MAX_BYTES
    subjects = library.index.subjects
    assert len(subjects) > 1000
    assert len(subjects) + sum(len(each.tones) for each in subjects) > 1500
    assert "MIT" in library.index.licence


def test_pictures_have_one_shape_and_a_background_that_is_left_out(library: Library) -> None:
    for subject in library.index.subjects[::25]:
        picture = library.picture(subject.id)
        assert picture.shape == (PICTURE_SIDE, PICTURE_SIDE, 4)
        assert 0.02 < (picture[..., 3] > 127).mean() < 0.95, subject.name


def test_another_tone_of_skin_changes_the_skin_alone(library: Library) -> None:
    astronaut = next(each for each in library.index.subjects if each.name == "woman astronaut")
    plain, dark = library.picture(astronaut.id), library.picture(astronaut.tones["dark"])
    changed = np.abs(plain.astype(int) - dark.astype(int)).max(-1) > 40
    assert 0.005 < changed.mean() < 0.4
    assert library.subject(astronaut.tones["dark"]) is astronaut
    assert set(astronaut.tones) == {"light", "medium", "dark"}


def test_what_is_nearest_to_a_vector_comes_first(library: Library) -> None:
    place = 100
    owner = int(library._owners[place])
    found = library.search(library._vectors[place], 3)
    assert library.index.subjects[owner].id in [each for each, score in found if score > 0.99]
    assert found[0][1] == pytest.approx(1.0, abs=0.01)
    assert found[0][1] >= found[1][1] >= found[2][1]


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "library.safetensors"
    other.write_bytes(b"no library")
    with pytest.raises(LibraryError, match="no library of pictures"):
        Library.load(other)
    with pytest.raises(LibraryError):
        Library.load(tmp_path / "nothing")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(FILE.read_bytes()[:-1000])
    with pytest.raises(LibraryError):
        Library.load(cut)
