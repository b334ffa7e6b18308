"""Steering: names become trained words, in one order, in the place of words that say otherwise."""

from __future__ import annotations

import pytest

from domain.videos.steer import apply_steer, check_steer, names_in
from schemas.errors import Code, RiffleError
from schemas.videos import Steer
from train.world.vocabulary import as_json

WORDS = as_json()


@pytest.mark.parametrize(
    ("prompt", "steer", "expected"),
    [
        ("a cat on a beach", Steer(motion="jump", time="night"), "a cat on a beach jumps at night"),
        (
            "a cat hops on a beach at sunset",
            Steer(motion="left"),
            "a cat on a beach at sunset walks left",
        ),
        (
            "At night, a cat jumps and spins on a beach.",
            Steer(motion="left", time="day"),
            "a cat on a beach walks left by day",
        ),
        ("The cat is walking left", Steer(motion="right"), "The cat walks right"),
        ("cat, night, jumping, beach", Steer(time="day", motion="spin"), "cat, beach spins by day"),
        (
            "a dog in the dark, running to the left",
            Steer(time="sunset"),
            "a dog, running to the left at sunset",
        ),
        ("at night", Steer(time="day"), "by day"),
        # What is said already stays as it was typed.
        ("A kitty HOPS late at night!", Steer(motion="jump", time="night"), "A kitty HOPS late at night!"),
        ("a cat on a beach", Steer(), "a cat on a beach"),
        # A word with another meaning is left in its sentence.
        ("a day at the sea, a pig", Steer(time="night"), "a day at the sea, a pig at night"),
        ("a cat jumps on a beach", Steer(camera="pan"), "a cat on a beach is followed by a moving camera"),
        (
            "a cat on a beach",
            Steer(camera="pan", motion="still"),
            "a cat on a beach is followed by a moving camera",
        ),
        ("a cat jumps while the camera pans", Steer(camera="still"), "a cat jumps"),
        ("a cat jumps", Steer(camera="still"), "a cat jumps"),
        ("a cat with a panning camera", Steer(camera="still"), "a cat stands still"),
        # Of two subjects the same is said in the plural.
        ("a cat and a frog jump on a beach", Steer(motion="left"), "a cat and a frog on a beach walk left"),
        ("a pig and a lion fly up at night", Steer(motion="fall"), "a pig and a lion at night fall down"),
        ("a cat and a frog JUMP", Steer(motion="jump"), "a cat and a frog JUMP"),
        ("two pigs approach the camera", Steer(motion="grow"), "two pigs approach the camera"),
        (
            "a cat with the rest, a frog by the sink",
            Steer(motion="grow"),
            "a cat with the rest, a frog by the sink comes closer",
        ),
        ("a cat in a panning shot", Steer(camera="still", motion="jump"), "a cat jumps"),
    ],
)
def test_words(prompt: str, steer: Steer, expected: str) -> None:
    check_steer(steer, WORDS)
    assert apply_steer(prompt, steer, WORDS) == expected


@pytest.mark.parametrize("slot", ["motions", "times"])
def test_every_name_wins_over_every_phrasing(slot: str) -> None:
    for name in WORDS[slot]:
        if name == "pan":
            continue
        steer = Steer(motion=name) if slot == "motions" else Steer(time=name)
        for phrases in WORDS[slot].values():
            for phrase in phrases:
                found = apply_steer(f"a cat {phrase} in a forest", steer, WORDS)
                assert names_in(found, WORDS[slot]) == {name}, found
                assert found.startswith("a cat")
                assert "in a forest" in found


def test_a_style_where_the_model_knows_one() -> None:
    words = {**WORDS, "styles": {"ink": ["as an ink drawing"], "clay": ["made of clay"]}}
    check_steer(Steer(style="clay"), words)
    found = apply_steer("a cat, as an ink drawing", Steer(style="clay", time="day"), words)
    assert found == "a cat by day made of clay"


@pytest.mark.parametrize(
    ("steer", "param", "allowed"),
    [
        (Steer(motion="swim"), "steer.motion", "left or right"),
        (Steer(motion="pan"), "steer.motion", "left or right"),
        (Steer(camera="jump"), "steer.camera", "pan or still"),
        (Steer(time="noon"), "steer.time", "day or sunset or night"),
        (Steer(style="anime"), "steer.style", "monochrome or sepia or neon or pastel"),
        (Steer(camera="pan", motion="jump"), "steer.camera", "not both"),
    ],
)
def test_what_is_refused(steer: Steer, param: str, allowed: str) -> None:
    with pytest.raises(RiffleError, match=allowed) as caught:
        check_steer(steer, WORDS)
    assert (caught.value.code, caught.value.param) == (Code.INVALID_REQUEST, param)


def test_a_model_without_words_takes_none() -> None:
    for steer in (Steer(motion="left"), Steer(camera="still"), Steer(time="day")):
        with pytest.raises(RiffleError, match="takes nothing"):
            check_steer(steer, {})
    assert apply_steer("a cat at night", Steer(), {}) == "a cat at night"
