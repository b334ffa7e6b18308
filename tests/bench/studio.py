"""The studio of the shipped model, opened once for the tests that draw with it."""

from __future__ import annotations

from functools import cache

from bench.word_clips import WordStudio
from tests.product import ModelFolders


@cache
def opened(folders: ModelFolders) -> WordStudio:
    """Loading takes seconds."""
    return WordStudio(folders.bundle, folders.teacher, 2)
