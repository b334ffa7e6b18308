"""Cameos in a prompt: what stands in the model's prompt instead of their names."""

from __future__ import annotations

import pytest

from domain.videos.mentions import CameoIdentity, model_prompt
from train.world.vocabulary import as_json

WORDS = as_json()


def called(handle: str, display_name: str) -> CameoIdentity:
    return CameoIdentity(id=f"cameo_{handle}", handle=handle, display_name=display_name)


CAMEOS = [
    called("ada", "Ada L."),
    called("fox", "Fox"),
]


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
def test_the_prompt_of_the_model(prompt: str, expected: str) -> None:
    assert model_prompt(prompt, CAMEOS, WORDS, conditioned=True) == expected


def test_no_subject_is_added_without_a_picture() -> None:
    assert model_prompt(" on a beach ", CAMEOS, WORDS, conditioned=False) == "on a beach"
    assert model_prompt("@ada on a beach", CAMEOS, WORDS, conditioned=False) == "someone on a beach"
    assert model_prompt("@ada on a beach", [], WORDS, conditioned=False) == "@ada on a beach"


def test_names_that_are_patterns_are_only_text() -> None:
    expected = "a cat someone on a beach"
    cameos = [
        called("a.b", "(.*)"),
        called("x", " "),
    ]
    assert model_prompt("a cat (.*) on a beach", cameos, WORDS, conditioned=False) == expected
    assert model_prompt("a cat on a beach", cameos, WORDS, conditioned=False) == "a cat on a beach"
