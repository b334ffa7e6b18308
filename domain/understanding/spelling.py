"""Finds the word that a misspelt one was meant to be: one that sounds alike, or differs by one slip. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

# Shorter words have too many neighbours: "lion", "loin", "line".
LEAST_LETTERS = 5
# So long ones may have two slips.
LONG = 8
KEPT = 4096
_SOUNDS = (
    (re.compile(r"ph"), "f"),
    (re.compile(r"c(?=[kq])"), ""),
    (re.compile(r"c(?=[eiy])"), "s"),
    (re.compile(r"c(?!h)"), "k"),
    (re.compile(r"z"), "s"),
    (re.compile(r"y"), "i"),
    (re.compile(r"(.)\1+"), r"\1"),
    (re.compile(r"e\Z"), ""),
)


class Spelling:
    """The words that a misspelt one may be."""

    def __init__(self, words: Iterable[str]) -> None:
        self._sounds: dict[str, str] = {}
        self._starts: defaultdict[str, list[str]] = defaultdict(list)
        for word in words:
            if len(word) >= LEAST_LETTERS and word.isalpha():
                self._sounds.setdefault(sound(word), word)
                self._starts[word[0]].append(word)
        self.meant = lru_cache(KEPT)(self._meant)

    def _meant(self, word: str) -> str | None:
        """The only word that is as near; None where there is none, or there are several."""
        if len(word) < LEAST_LETTERS or not word.isalpha():
            return None
        alike = self._sounds.get(sound(word))
        if alike is not None and alike[0] == word[0]:
            return alike
        # People know how a word begins.
        others = [each for each in self._starts[word[0]] if not word.startswith(each)]
        near = [each for each in others if slips(word, each) == 1]
        if not near and len(word) >= LONG:
            near = [each for each in others if len(each) >= LONG and slips(word, each) == 2]
        stems = {each.removesuffix("s") for each in near}
        return near[0] if len(stems) == 1 else None


def sound(word: str) -> str:
    """How a word sounds, roughly: "elefant", "elephant"."""
    for pattern, letter in _SOUNDS:
        word = pattern.sub(letter, word)
    return word


def slips(one: str, other: str) -> int:
    """How many letters more, less, other or in changed places make a word of another (Damerau); 9: many."""
    if abs(len(one) - len(other)) > 2:
        return 9
    before, row = list[int](), list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        older, before, row = before, row, [place]
        for at, wanted in enumerate(other, 1):
            best = min(row[-1] + 1, before[at] + 1, before[at - 1] + (letter != wanted))
            if place > 1 and at > 1 and letter == other[at - 2] and one[place - 2] == wanted:
                best = min(best, older[at - 2] + 1)
            row.append(best)
    return row[-1]
