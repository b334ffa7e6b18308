"""The names of the library that ships, and the drawn world's words for scenes."""

from __future__ import annotations

import pytest

from domain.understanding.name_index import NameIndex
from domain.understanding.scene import SceneWords
from export.assemble import WEIGHTS
from model_server.engine.library import Library
from train.world.vocabulary import as_json


@pytest.fixture(scope="session")
def library() -> Library:
    return Library.load(WEIGHTS / "library" / "library.safetensors")


@pytest.fixture(scope="session")
def names(library: Library) -> NameIndex:
    return NameIndex(library.index)


@pytest.fixture(scope="session")
def scene() -> SceneWords:
    return SceneWords(as_json())
