"""Prompts that are put together by a seed."""

from __future__ import annotations

from bench.library_prompts import library_prompts, with_article
from schemas.library import LibrarySubject
from train.world.vocabulary import MOTIONS, PLACES, TIMES

SUBJECTS = [LibrarySubject(id=str(number), name=f"thing {number}", names=[]) for number in range(7)]
VOCABULARY = {
    "motions": {name: [phrase[0] for phrase in phrases] for name, phrases in MOTIONS.items()},
    "places": {name: list(phrases) for name, phrases in PLACES.items()},
    "times": {name: list(phrases) for name, phrases in TIMES.items()},
}


def test_few_prompts_have_every_subject_place_time_and_motion_but_turning() -> None:
    prompts = library_prompts(SUBJECTS, VOCABULARY, 40, 1)
    assert {each.subject.id for each in prompts} == {each.id for each in SUBJECTS}
    assert {each.place for each in prompts} == set(PLACES)
    assert {each.time for each in prompts} == set(TIMES)
    assert {each.motion for each in prompts} == set(MOTIONS) - {"spin"}
    assert len({each.subject.id for each in prompts[:7]}) == 7


def test_the_same_seed_writes_the_same_prompts() -> None:
    one, again, other = (library_prompts(SUBJECTS, VOCABULARY, 12, seed) for seed in (1, 1, 2))
    assert one == again != other
    assert one[0].text == f"a {one[0].subject.name} walks left on a beach by day"


def test_names_have_their_article() -> None:
    assert [with_article(name) for name in ("octopus", "bus", "grapes", "iris", "T-Rex")] == [
        "an octopus",
        "a bus",
        "grapes",
        "an iris",
        "a T-Rex",
    ]
