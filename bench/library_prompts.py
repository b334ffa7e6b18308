"""Prompts that nobody wrote: names of a library and words of a model's vocabulary, put together by a seed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from schemas.library import LibrarySubject

# slot -> canonical name -> phrasings, the plainest first.
Vocabulary = Mapping[str, Mapping[str, Sequence[str]]]
TURNING = "spin"
# The camera is no motion of a subject, and what stands shows no place better than what moves.
STILL = ("pan", "still")


class LibraryPrompt(NamedTuple):
    """A prompt, and what it asks for by canonical names."""

    text: str
    subject: LibrarySubject
    place: str
    time: str
    motion: str


def library_prompts(
    subjects: Sequence[LibrarySubject],
    vocabulary: Vocabulary,
    count: int,
    seed: int,
    *,
    motions: Sequence[str] | None = None,
) -> list[LibraryPrompt]:
    """`count` prompts, of as many different subjects as there are; of all motions but the turning one."""
    rng = random.Random(f"prompts {seed}")
    known = [name for name in vocabulary["motions"] if name != TURNING] if motions is None else motions
    places, times = list(vocabulary["places"]), list(vocabulary["times"])
    shown: list[LibrarySubject] = []
    while len(shown) < count:
        shown += rng.sample(list(subjects), min(len(subjects), count - len(shown)))
    prompts = []
    for number, subject in enumerate(shown):
        # Each in turn, so that few prompts have all of them too.
        place, time, motion = (each[number % len(each)] for each in (places, times, list(known)))
        prompts.append(
            LibraryPrompt(sentence(vocabulary, subject, place, time, motion), subject, place, time, motion)
        )
    return prompts


def sentence(vocabulary: Vocabulary, subject: LibrarySubject, place: str, time: str, motion: str) -> str:
    """The plainest sentence."""
    slots = (("motions", motion), ("places", place), ("times", time))
    return " ".join((with_article(subject.name), *(vocabulary[slot][name][0] for slot, name in slots)))


def with_article(name: str) -> str:
    """A name as the subject of a sentence."""
    plural = name.endswith("s") and not name.endswith(("ss", "us", "is"))
    if plural:
        return name
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
