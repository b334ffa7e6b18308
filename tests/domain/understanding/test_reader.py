"""What a prompt says, by names alone: as it is read while nobody can compare meanings."""

from __future__ import annotations

import pytest

from domain.understanding.name_index import NameIndex
from domain.understanding.reader import Near, read
from domain.understanding.scene import SceneWords
from domain.understanding.words import tokens_of
from schemas.library import NEAR_SCORE, PromptReading


def shown(reading: PromptReading) -> list[str]:
    return [each.candidates[0].name for each in reading.subjects if each.candidates]


@pytest.mark.parametrize(
    ("prompt", "subjects"),
    [
        ("kitty raving on mars", ["cat"]),
        ("an automobile", ["car"]),
        ("A T-Rex and a wizard dance in the city", ["T-Rex", "wizard"]),
        ("tiny red dragons", ["dragon"]),
        ("geese, mice and wolves", ["goose", "mouse", "wolf"]),
        ("the king of the jungle", ["lion"]),
        ("a hot dog", ["hot dog"]),
        ("a hotdog", ["hot dog"]),
        ("sail boat", ["sailboat"]),
        ("a glass of red wine", ["wine"]),
        ("a flock of birds", ["bird"]),
        ("two cats dance", ["cat", "cat"]),
        ("a cat, a dog, a fox and a bear", ["cat", "dog", "fox"]),
        ("\N{T-REX} and \N{MAGE}\u200d\u2642\ufe0f", ["T-Rex", "man wizard"]),
        ("\N{SPIDER}\N{SUPERHERO} \N{OCTOPUS}", ["spider", "superhero", "octopus"]),
        ("man's best friend", ["dog"]),
        ("a robot dog", ["dog"]),
        ("a king watches tv", ["king", "tv"]),
        ("a rocket flies over a volcano", ["rocket"]),
        ("a wizard battles dragons", ["wizard", "dragon"]),
        ("an astronaut on a beach ball", ["astronaut", "volleyball"]),
        ("a volcano erupts", ["volcano"]),
    ],
)
def test_names_are_found_in_order(
    names: NameIndex, scene: SceneWords, prompt: str, subjects: list[str]
) -> None:
    assert shown(read(prompt, names, scene)) == subjects


@pytest.mark.parametrize(
    "prompt", ["bull market", "cat food", "justice", "walks at night", "in the forest", ""]
)
def test_what_is_no_subject_is_none(names: NameIndex, scene: SceneWords, prompt: str) -> None:
    assert shown(read(prompt, names, scene)) == []


def test_what_was_not_found_is_said(names: NameIndex, scene: SceneWords) -> None:
    reading = read("a snorfblat and a cat on a beach", names, scene)
    assert shown(reading) == ["cat"]
    assert reading.missed == ["snorfblat"]
    fourth = read("a cat, a dog, a fox and a bear", names, scene)
    assert fourth.missed == ["bear"]


def test_what_only_stands_for_something_scores_less(names: NameIndex, scene: SceneWords) -> None:
    near = read("a corgi", names, scene).subjects[0]
    assert (near.candidates[0].name, near.score) == ("dog", NEAR_SCORE)
    assert read("a dog", names, scene).subjects[0].score == 1.0


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a bus drives left in the city at night", ("city", "night", ["left"], None, None, None)),
        ("a fox in a foggy forest", ("forest", None, [], None, None, "fog")),
        ("kitty raving on mars", ("space", None, ["dance"], None, None, None)),
        ("a boat on the sea while the camera pans", ("beach", None, [], "pan", None, None)),
        ("a fish under the sea", ("ocean", None, [], None, None, None)),
        ("a cat in black and white at dawn", (None, "sunset", [], None, "monochrome", None)),
        ("a cat in the pouring rain, neon", (None, None, [], None, "neon", "rain")),
        ("zoom in on a spider", (None, None, ["grow"], None, None, None)),
        ("a duck swims", (None, None, ["swim"], None, None, None)),
        ("a balloon floats up into the sky", (None, None, ["rise"], None, None, None)),
        ("a king of the jungle", (None, None, [], None, None, None)),
    ],
)
def test_the_scene_by_names_of_the_vocabulary(
    names: NameIndex, scene: SceneWords, prompt: str, expected: tuple[object, ...]
) -> None:
    found = read(prompt, names, scene)
    said = (found.place, found.time, found.motions, found.camera, found.style, found.weather)
    assert said == expected


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("a woman astronaut with dark skin", "woman astronaut with dark skin"),
        ("a male nurse", "man doctor"),
        ("a dark-skinned ninja", "ninja with dark skin"),
        ("a black cat", "black cat"),
        ("a policewoman", "woman police officer"),
        ("a witch", "woman wizard"),
    ],
)
def test_people_are_as_the_words_say(names: NameIndex, scene: SceneWords, prompt: str, name: str) -> None:
    reading = read(prompt, names, scene)
    assert [each.name for each in reading.subjects[0].candidates] == [name]


def test_a_name_has_all_its_pictures(names: NameIndex, scene: SceneWords) -> None:
    candidates = read("a dinosaur", names, scene).subjects[0].candidates
    assert {each.name for each in candidates} == {"T-Rex", "long-necked dinosaur"}


def test_mentions_and_words_that_refer(names: NameIndex, scene: SceneWords) -> None:
    reading = read("@cameo_1 and a cat", names, scene)
    assert [each.cameo for each in reading.subjects] == ["cameo_1", None]
    assert read("someone jumps", names, scene, referring=True).subjects[0].cameo == ""
    assert shown(read("someone jumps", names, scene)) == ["person"]


def test_what_no_name_is_in_is_compared_by_meaning(names: NameIndex, scene: SceneWords) -> None:
    asked: list[str] = []
    elephant = names.at(tokens_of("elephant"), 0)
    assert elephant is not None

    def nearest(texts: list[str]) -> list[tuple[list[Near], Near | None]]:
        asked.extend(texts)
        return [([Near(elephant.subjects[0].id, 0.8)], None) for _ in texts]

    reading = read("the animal with a long trunk walks in the forest", names, scene, nearest)
    assert shown(reading) == ["elephant"]
    assert reading.subjects[0].score == 0.8
    assert (reading.place, reading.motions) == ("forest", ["walk"])
    assert any("long trunk" in text for text in asked)
    asked.clear()
    assert shown(read("a cat in the forest", names, scene, nearest)) == ["cat"]


def test_a_long_prompt_asks_little(names: NameIndex, scene: SceneWords) -> None:
    asked: list[str] = []

    def nearest(texts: list[str]) -> list[tuple[list[Near], Near | None]]:
        asked.extend(texts)
        return [([], None) for _ in texts]

    read(", ".join(f"a snorfblat{n} that glows" for n in range(60)), names, scene, nearest)
    assert len(asked) <= 13


@pytest.mark.parametrize(
    ("prompt", "found", "missed"),
    [
        ("a fox opens its mouth", ["fox"], ["mouth"]),
        ("a fox with big ears", ["fox"], ["big ears"]),
        ("a fox holds hands with a bear", ["fox", "bear"], ["hands"]),
        ("a fox stands on one leg", ["fox"], ["leg"]),
        ("an eye and a mouth", ["eye", "mouth"], []),
        ("a hand in the desert", ["raised hand"], []),
        ("a robot with a mechanical arm", ["robot", "robot arm"], []),
    ],
)
def test_parts_of_a_subject_are_no_subjects(
    names: NameIndex, scene: SceneWords, prompt: str, found: list[str], missed: list[str]
) -> None:
    reading = read(prompt, names, scene)
    assert shown(reading) == found
    assert reading.missed == missed


@pytest.mark.parametrize(
    "prompt",
    [
        "a fox and a bear walk hand in hand",
        "a fox and a bear sit side by side",
        "a fox and a bear face to face",
        "a fox beside a bear keeps watch",
        "a fox and a bear on top of the world",
        "upside down, a fox and a bear",
    ],
)
def test_nothing_in_an_idiom_is_meant(names: NameIndex, scene: SceneWords, prompt: str) -> None:
    reading = read(prompt, names, scene)
    assert shown(reading) == ["fox", "bear"]
    assert (reading.place, reading.missed) == (None, [])


def test_who_looks_at_the_sky_stays_below(names: NameIndex, scene: SceneWords) -> None:
    reading = read("a wolf howls at the moon", names, scene)
    assert (shown(reading), reading.place) == (["wolf", "moon"], None)
    assert read("a wolf flies to the moon", names, scene).place == "space"


def test_black_and_white_alone_is_how_all_looks(names: NameIndex, scene: SceneWords) -> None:
    for prompt in ("a crab walks on the beach, black and white", "black and white: a crab on the beach"):
        reading = read(prompt, names, scene)
        assert (reading.style, len(reading.subjects)) == ("monochrome", 1)
    assert read("a black and white crab", names, scene).style is None


def test_an_initial_ends_no_phrase(names: NameIndex, scene: SceneWords) -> None:
    reading = read("a T. rex in the city", names, scene)
    assert ([each.phrase for each in reading.subjects], reading.missed) == (["T. rex"], [])


def test_a_direction_may_begin_a_place(names: NameIndex, scene: SceneWords) -> None:
    reading = read("a fox rolls down a hill", names, scene)
    assert (len(reading.subjects), reading.place) == (1, "meadow")
