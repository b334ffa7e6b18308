"""The phrases that understanding is measured by, and how an answer counts."""

from __future__ import annotations

from collections import Counter

from bench.understanding import PHRASES, Phrase, is_right, measure, phrases
from export.assemble import WEIGHTS
from model_server.engine.library import Library
from schemas.library import Candidate, FoundSubject, PromptReading


def found(name: str) -> PromptReading:
    return PromptReading(
        subjects=[FoundSubject(phrase=name, score=1.0, candidates=[Candidate(picture="1", name=name)])]
    )


def test_there_are_enough_of_each_kind_and_the_library_has_all_names() -> None:
    written = phrases(PHRASES)
    kinds = Counter(phrase.kind for phrase in written)
    assert kinds["name"] >= 300
    assert kinds["paraphrase"] >= 200
    assert kinds["nothing"] >= 100
    assert len({phrase.text for phrase in written}) == len(written)
    names = set(Library.load(WEIGHTS / "library" / "library.safetensors").names.values())
    assert not {name for phrase in written for name in phrase.right} - names


def test_an_answer_counts_by_its_first_subject() -> None:
    cat = Phrase("a cat", "name", ["cat", "kitten"])
    assert is_right(cat, found("kitten"))
    assert not is_right(cat, found("dog"))
    assert not is_right(cat, PromptReading())
    nothing = Phrase("regret", "nothing", [])
    assert is_right(nothing, PromptReading())
    assert not is_right(nothing, found("cat"))
    shares, wrong = measure([cat, nothing], lambda _: found("cat"))
    assert shares == {"name": 1.0, "nothing": 0.0}
    assert [phrase for phrase, _ in wrong] == [nothing]
