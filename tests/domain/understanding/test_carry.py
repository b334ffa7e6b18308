"""What a clip keeps of the one that it is made from."""

from __future__ import annotations

import pytest

from domain.understanding.carry import carry, refers_back
from schemas.library import Candidate, FoundSubject, PromptReading
from schemas.videos import Relation, Understood, UnderstoodSubject

CAT = UnderstoodSubject(phrase="my secret kitty", name="cat", picture="1f408", score=1.0)
DOG = UnderstoodSubject(phrase="a dog", name="dog", picture="1f415", score=1.0)
ADA = UnderstoodSubject(phrase="@ada", name="Ada", picture="cameo:cameo_1", score=1.0)
SOURCE = Understood(subjects=[CAT], place="city", time="day", motion="dance", weather="rain", style="sepia")
SAID_DOG = PromptReading(
    subjects=[
        FoundSubject(phrase="dog", score=1.0, candidates=[Candidate(picture="1f415", name="dog")]),
    ]
)


def names(understood: Understood) -> list[str]:
    return [each.name for each in understood.subjects]


@pytest.mark.parametrize("relation", [Relation.EXTEND, Relation.REMIX, Relation.EDIT])
def test_who_is_there_stays_where_the_words_name_nobody(relation: Relation) -> None:
    kept = carry(Understood(time="night"), SOURCE, relation, PromptReading(), "make it night")
    assert names(kept) == ["cat"]
    assert (kept.place, kept.time, kept.weather, kept.style) == ("city", "night", "rain", "sepia")
    # Other people's words don't come along.
    assert kept.subjects[0].phrase == "cat"


def test_a_change_keeps_the_motion_and_what_goes_on_does_as_it_is_told() -> None:
    said = Understood(time="night")
    assert carry(said, SOURCE, Relation.REMIX, PromptReading(), "at night").motion == "dance"
    assert carry(said, SOURCE, Relation.EXTEND, PromptReading(), "night falls").motion is None


def test_whom_the_words_name_is_there_instead() -> None:
    said = Understood(subjects=[DOG], place="beach")
    remix = carry(said, SOURCE, Relation.REMIX, SAID_DOG, "a dog on a beach")
    assert names(remix) == ["dog"]
    # A prompt of its own keeps nothing that it doesn't say; an extension is the same scene.
    assert (remix.place, remix.weather) == ("beach", None)
    assert carry(said, SOURCE, Relation.EXTEND, SAID_DOG, "a dog").weather == "rain"


@pytest.mark.parametrize("prompt", ["he meets a dog", "a dog joins in", "a dog dances too", "it meets a dog"])
def test_who_joins_is_there_beside(prompt: str) -> None:
    assert names(carry(Understood(subjects=[DOG]), SOURCE, Relation.EXTEND, SAID_DOG, prompt)) == [
        "cat",
        "dog",
    ]


@pytest.mark.parametrize("prompt", ["it rains on a dog", "a dog that wags its tail", "a dog and it smiles"])
def test_what_refers_to_nobody_before(prompt: str) -> None:
    assert not refers_back(SAID_DOG, prompt)


def test_a_likeness_is_carried_only_where_it_may_be_shown() -> None:
    source = Understood(subjects=[ADA, CAT])
    said = Understood()
    assert names(carry(said, source, Relation.REMIX, PromptReading(), "at night")) == ["cat"]
    assert names(carry(said, source, Relation.REMIX, PromptReading(), "at night", ["cameo_1"])) == [
        "Ada",
        "cat",
    ]
