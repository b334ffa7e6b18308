"""What a clip that is made from another one keeps of what that one shows, where its words don't say. Pure."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from domain.understanding.choose import CAMEO
from domain.understanding.lexicon import JOINING, PRONOUNS
from domain.understanding.words import tokens_of
from schemas.library import PromptReading
from schemas.videos import MAX_SUBJECTS, Relation, Understood, UnderstoodSubject

# "It rains" is about nobody.
_SKY = frozenset({"rains", "raining", "snows", "snowing", "is", "s", "gets", "becomes", "starts", "begins"})


def carry(
    said: Understood,
    source: Understood,
    relation: Relation,
    reading: PromptReading,
    prompt: str,
    cameos: Collection[str] = (),
) -> Understood:
    """What the words say, with what they leave to the clip that it is made from.

    Who is there stays unless the words name others; those who join them are there beside them. Words that
    name nobody ("make it night") change one thing, and an extension goes on in the same place: the rest of
    the scene stays too. `cameos` are those that the clip may show: no other one is carried.
    """
    names_nobody = not said.subjects
    kept = said.subjects
    if names_nobody or refers_back(reading, prompt):
        shown = {each.picture for each in said.subjects}
        before = [
            _named(each) for each in source.subjects if each.picture not in shown and _may(each, cameos)
        ]
        kept = [*before, *said.subjects][:MAX_SUBJECTS]
    goes_on = relation is Relation.EXTEND
    if not names_nobody and not goes_on:
        return msgspec.structs.replace(said, subjects=kept)
    return msgspec.structs.replace(
        said,
        subjects=kept,
        place=said.place or source.place,
        time=said.time or source.time,
        style=said.style or source.style,
        weather=said.weather or source.weather,
        # Whoever goes on has moved as the words said; one that is changed still does.
        motion=said.motion or (None if goes_on else source.motion),
        camera=said.camera or (None if goes_on else source.camera),
    )


def refers_back(reading: PromptReading, prompt: str) -> bool:
    """Whether words speak of somebody before they name anybody ("he meets a dog"), or of joining them."""
    tokens = [token for token in tokens_of(prompt) if token.is_word]
    words = [token.text for token in tokens]
    if JOINING & set(words):
        return True
    first = min(
        (at for each in reading.subjects if (at := prompt.find(each.phrase)) >= 0), default=len(prompt)
    )
    return any(
        token.text in PRONOUNS - {"i", "me", "we", "us", "you"}
        and token.start < first
        and not (token.text == "it" and words[at + 1 : at + 2] and words[at + 1] in _SKY)
        for at, token in enumerate(tokens)
    )


def _named(subject: UnderstoodSubject) -> UnderstoodSubject:
    """Without the words of the clip that it comes from, which are somebody else's."""
    return msgspec.structs.replace(subject, phrase=subject.name)


def _may(subject: UnderstoodSubject, cameos: Collection[str]) -> bool:
    return not subject.picture.startswith(CAMEO) or subject.picture.removeprefix(CAMEO) in cameos
