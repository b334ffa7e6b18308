"""From what a prompt says to one clip: seeds, cameos, steering and people's own picks."""

from __future__ import annotations

from domain.understanding.choose import choose, phrases_of, screened_texts, with_mentions
from domain.videos.mentions import CameoIdentity
from schemas.library import Candidate, FoundSubject, PromptReading
from schemas.videos import MAX_SUBJECTS, Steer

DINOSAUR = FoundSubject(
    phrase="dinosaur",
    score=1.0,
    candidates=[Candidate(picture="1f996", name="T-Rex"), Candidate(picture="1f995", name="long neck")],
)
CAT = FoundSubject(phrase="Kitty", score=1.0, candidates=[Candidate(picture="1f408", name="cat")])
ADA = CameoIdentity(id="cameo_1", handle="ada", display_name="Ada", pictured=True)
BOB = CameoIdentity(id="cameo_2", handle="bob", display_name="Bob")


def test_a_seed_chooses_the_same_picture_always_and_seeds_differ() -> None:
    reading = PromptReading(subjects=[DINOSAUR])
    chosen = [choose(reading, seed).subjects[0].picture for seed in range(40)]
    assert chosen == [choose(reading, seed).subjects[0].picture for seed in range(40)]
    assert set(chosen) == {"1f996", "1f995"}


def test_a_mention_is_its_cameo_and_never_a_picture_of_the_library() -> None:
    mention = FoundSubject(phrase="@cameo_1", score=1.0, cameo="cameo_1")
    nobody = FoundSubject(phrase="@cameo_2", score=1.0, cameo="cameo_2")
    reading = with_mentions(PromptReading(subjects=[CAT, mention, nobody]), [ADA, BOB])
    understood = choose(reading, 1, [ADA, BOB])
    assert [(each.phrase, each.picture) for each in understood.subjects] == [
        ("Kitty", "1f408"),
        ("@ada", "cameo:cameo_1"),
    ]
    assert understood.subjects[1].name == "Ada"
    # Without a picture of them nobody else stands in.
    assert understood.missed == ["@bob"]


def test_a_cameo_that_the_words_leave_out_is_there_first() -> None:
    understood = choose(PromptReading(subjects=[CAT]), 1, [ADA])
    assert [each.picture for each in understood.subjects] == ["cameo:cameo_1", "1f408"]
    referred = FoundSubject(phrase="someone", score=1.0, cameo="")
    understood = choose(PromptReading(subjects=[CAT, referred]), 1, [ADA])
    assert [each.picture for each in understood.subjects] == ["1f408", "cameo:cameo_1"]


def test_there_are_at_most_as_many_subjects_as_fit() -> None:
    assert len(choose(PromptReading(subjects=[CAT] * 3), 1, [ADA]).subjects) == MAX_SUBJECTS


def test_what_is_picked_wins_and_changes_no_other_picture() -> None:
    reading = PromptReading(subjects=[CAT, DINOSAUR], missed=["snorfblat"])
    assert phrases_of(reading) == {"kitty", "dinosaur", "snorfblat"}
    picks = {
        "kitty": Candidate(picture="1f431", name="cat face"),
        "snorfblat": Candidate(picture="1f47e", name="x"),
    }
    for seed in range(8):
        plain, picked = choose(reading, seed), choose(reading, seed, picked=picks)
        assert picked.subjects[0].picture == "1f431"
        assert picked.subjects[1] == plain.subjects[1]
        assert picked.subjects[2].picture == "1f47e"
        assert (plain.missed, picked.missed) == (["snorfblat"], [])


def test_steering_wins() -> None:
    reading = PromptReading(time="day", motions=["left", "right"], style=None)
    understood = choose(reading, 1, steer=Steer(time="night", motion="jump", style="neon"))
    assert (understood.time, understood.motion, understood.style) == ("night", "jump", "neon")
    assert choose(reading, 1).motion in ("left", "right")


def test_all_that_could_be_drawn_is_screened() -> None:
    texts = screened_texts(PromptReading(subjects=[CAT, DINOSAUR]), "Kitty and a dinosaur", {})
    assert texts == ["cat", "T-Rex", "long neck", "cat and a T-Rex"]
    picked = {"kitty": Candidate(picture="1f9b8", name="hero")}
    assert "hero" in screened_texts(PromptReading(subjects=[CAT]), "Kitty", picked)
