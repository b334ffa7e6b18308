"""Cameos in a prompt: what the model is told instead of their names."""

from __future__ import annotations

import pytest

from domain.videos.mentions import Name, referred
from train.world.vocabulary import as_json

WORDS = as_json()
NAMES = [Name(handle="ada", display_name="Ada L."), Name(handle="fox", display_name="Fox")]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("@ada jumps on a beach", "someone jumps on a beach"),
        ("Ada L. and @fox jump", "someone and someone jump"),
        ("a clip of ADA. At night.", "a clip of someone. At night."),
        ("in a forest, @Ada", "in a forest, someone"),
        ("@ada's day", "someone's day"),
        # Another cameo's handle, and words that only look like it.
        ("@ada.2 jumps with my friend", "@ada.2 jumps with my friend"),
        ("this one jumps in nevada", "this one jumps in nevada"),
        # A word of the model's own is a name only after an @.
        ("a fox jumps", "a fox jumps"),
        ("on a beach at night", "someone on a beach at night"),
        ("Jumping", "someone Jumping"),
    ],
)
def test_what_the_model_is_told(prompt: str, expected: str) -> None:
    assert referred(prompt, NAMES, WORDS, shown=True) == expected


def test_nobody_is_added_where_nobody_is_shown() -> None:
    assert referred(" on a beach ", NAMES, WORDS, shown=False) == "on a beach"
    assert referred("@ada on a beach", NAMES, WORDS, shown=False) == "someone on a beach"
    assert referred("@ada on a beach", [], WORDS, shown=False) == "@ada on a beach"


def test_names_that_are_patterns_are_only_text() -> None:
    names = [Name(handle="a.b", display_name="(.*)"), Name(handle="x", display_name=" ")]
    assert referred("a cat (.*) on a beach", names, WORDS, shown=False) == "a cat someone on a beach"
    assert referred("a cat on a beach", names, WORDS, shown=False) == "a cat on a beach"
