"""Words that are spelt as they sound, or with a slip."""

from __future__ import annotations

import pytest

from domain.understanding.name_index import NameIndex
from domain.understanding.reader import read
from domain.understanding.scene import SceneWords
from domain.understanding.spelling import slips


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("an elefant", "elephant"),
        ("a giraff", "giraffe"),
        ("a pinguin", "penguin"),
        ("a wizzard", "wizard"),
        ("a helicoptor", "helicopter"),
        ("brocoli", "broccoli"),
        ("an astronout", "astronaut"),
    ],
)
def test_a_slip_names_what_was_meant_and_says_so(
    typed: str, meant: str, names: NameIndex, scene: SceneWords
) -> None:
    found = read(typed, names, scene).subjects
    assert [each.candidates[0].name for each in found] == [meant]
    assert found[0].score < 1.0


@pytest.mark.parametrize("word", ["spooky", "pastry", "tweezer", "shrek", "luigi", "loin", "carving"])
def test_a_word_of_its_own_is_no_slip(word: str, names: NameIndex) -> None:
    assert names._misspelt(word, 0) is None


def test_slips_are_counted() -> None:
    assert [slips("penguin", other) for other in ("penguin", "pinguin", "pegnuin", "pengui", "dog")] == [
        0,
        1,
        1,
        1,
        9,
    ]
