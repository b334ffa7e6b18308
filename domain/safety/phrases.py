"""A small language of phrases over words, and its matcher. Pure; no regular expression sees a text.

    word        this word                       stab+       with its endings: stabs, stabbed, stabbing
    porn*       words that begin so             a|b_c|<x>   one of these, also of several words
    <people>    a word or phrase of this class  the?        it may be missing
    ..3         up to three words between, within one sentence
    ~3          the same, none of them of the class `end`: what follows belongs to the word before
    ^3          the same, none of them a person: what follows is said of the word before, not of somebody
    @           a mention                       , .         a pause, the end of a sentence

Time is linear in words: a phrase of k elements looks at most (gaps + k) words ahead, each once an element.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from domain.safety.spelling import MENTION, PAUSE, STOP, Word

_VOWELS = frozenset("aeiou")
_AGE = re.compile(r"(\d{1,2})(?:yo|yr|y)?")
ADULT = 18
_GAP = re.compile(r"(\.\.|~|\^)(\d+)")
# The class of words at which a phrase ends: prepositions, conjunctions, breaks.
END = "<end>"
# The class of people and of the pronouns for them.
PERSON = "<person>"
# What the words of a gap may not be, by its sign.
BARRED = {"..": "", "~": END, "^": PERSON}
# What only tells what a phrase is about, and stands for itself: "refugees are rats" in spite of "rats drown".
CONTEXT = frozenset({"<animal>", "<food>", "<thing>", "<inert>", "<effigy>"})
# A gap of more words joins what does not belong together.
MAX_GAP = 12


class Element(NamedTuple):
    """One of `atoms` must stand here, after at most `gap` other words, none of them of the class `barred`."""

    atoms: frozenset[str]
    optional: bool
    gap: int
    barred: str = ""


Phrase = tuple[Element, ...]


def items(text: str) -> list[str]:
    """The entries of a list in the data: one a line, or between semicolons."""
    return [entry.strip() for entry in re.split(r"[;\n]", text) if entry.strip()]


def inflected(word: str) -> set[str]:
    """A word with its regular endings, as verb and as noun."""
    found = {word, f"{word}s", f"{word}es", f"{word}ed", f"{word}ing"}
    if word.endswith("e"):
        found |= {f"{word}d", f"{word[:-1]}ing"}
    if word.endswith("y"):
        found |= {f"{word[:-1]}ies", f"{word[:-1]}ied"}
    if len(word) > 2 and word[-1] not in _VOWELS | set("wxy") and word[-2] in _VOWELS:
        found |= {f"{word}{word[-1]}ed", f"{word}{word[-1]}ing"}
    return found


def phrases(written: str) -> list[Phrase]:
    """The phrases that an entry stands for: one, and one more for each alternative of several words.

    Raises:
        ValueError: it begins with a gap or with what may be missing, ends with a gap, or a gap is too wide.
    """
    found: list[tuple[Element, ...]] = [()]
    gap, barred = 0, ""
    for part in written.split():
        if between := _GAP.fullmatch(part):
            gap, barred = int(between[2]), BARRED[between[1]]
            continue
        optional = part.endswith("?")
        single: set[str] = set()
        several: list[tuple[Element, ...]] = []
        for option in part.removesuffix("?").split("|"):
            words = [
                frozenset(inflected(word[:-1]) if word.endswith("+") else {word})
                for word in ([option] if "<" in option else option.split("_"))
            ]
            if len(words) == 1:
                single |= words[0]
            else:
                several.append(
                    tuple(Element(word, False, 0 if at else gap, barred) for at, word in enumerate(words))
                )
        ways = [*([(Element(frozenset(single), optional, gap, barred),)] if single else []), *several]
        found = [(*before, *way) for before in found for way in ways]
        gap = 0
    for built in found:
        if not built or built[0].optional or built[0].gap or gap or any(it.gap > MAX_GAP for it in built):
            raise ValueError(f"not a phrase: {written}")
    return found


def all_phrases(text: str) -> list[Phrase]:
    """The phrases of a list in the data."""
    return [built for written in items(text) for built in phrases(written)]


class Vocabulary:
    """The classes of words, by name, and what a word is: itself, what it begins with, its classes.

    A class may name classes that stand before it.
    """

    def __init__(self, classes: Mapping[str, str], phrases: Iterable[Phrase]) -> None:
        self._words: dict[str, set[str]] = {}
        self._beginnings: dict[str, set[str]] = {}
        self.class_phrases: list[tuple[str, Phrase]] = []
        self.classes = {f"<{name}>" for name in classes}
        seen: set[str] = set()
        members: dict[str, set[str]] = {}
        for name, text in classes.items():
            atom = f"<{name}>"
            members[atom] = set()
            for built in all_phrases(text):
                self._check(built, seen)
                if len(built) == 1:
                    members[atom] |= built[0].atoms
                else:
                    self.class_phrases.append((atom, built))
            # A class that holds another holds its phrases too.
            for inner in members[atom] & seen:
                members[atom] |= members[inner]
                self.class_phrases += [(atom, it) for owner, it in self.class_phrases if owner == inner]
            seen.add(atom)
        for atom, inside in members.items():
            for word in inside:
                self._add(word, atom)
        for built in phrases:
            self._check(built, seen)
            for element in built:
                for word in element.atoms:
                    self._add(word, word)
        for _, built in self.class_phrases:
            for element in built:
                for word in element.atoms:
                    self._add(word, word)
        self._longest = max(map(len, self._beginnings), default=0)
        self.atoms = lru_cache(maxsize=8192)(self._atoms)

    def _check(self, built: Phrase, seen: set[str]) -> None:
        for element in built:
            if unknown := {atom for atom in element.atoms if atom.startswith("<")} - seen - {"<minor_age>"}:
                raise ValueError(f"no class {unknown} stands before this")

    def _add(self, word: str, atom: str) -> None:
        if word.startswith("<"):
            return
        if word.endswith("*"):
            self._beginnings.setdefault(word[:-1], set()).add(atom)
        else:
            self._words.setdefault(word, set()).add(atom)

    def spelled_out(self, phrases: Iterable[Phrase]) -> set[str]:
        """The words that phrases are made of, those of their classes too; beginnings end with an asterisk."""
        found = {atom for built in phrases for element in built for atom in element.atoms}
        found |= {
            atom
            for owner, built in self.class_phrases
            if owner in found
            for item in built
            for atom in item.atoms
        }
        for listed, ending in ((self._words, ""), (self._beginnings, "*")):
            found |= {word + ending for word, atoms in listed.items() if not atoms.isdisjoint(found)}
        return {word for word in found if not word.startswith("<") and word not in (STOP, PAUSE, MENTION)}

    def _atoms(self, word: Word) -> frozenset[str]:
        """What stands at a place of a text."""
        found = set(word.spellings & {STOP, PAUSE, MENTION})
        for spelling in word.spellings:
            found |= self._words.get(spelling, set())
            for length in range(2, min(len(spelling), self._longest) + 1):
                if more := self._beginnings.get(spelling[:length]):
                    found |= more
            age = _AGE.fullmatch(spelling)
            if age is not None and 0 < int(age[1]) < ADULT:
                found.add("<minor_age>")
        return frozenset(found)


NOWHERE: dict[str, set[int]] = {}


class Reading:
    """A text as places with atoms, and where the phrases of classes stand."""

    def __init__(
        self, vocabulary: Vocabulary, atoms: Sequence[frozenset[str]], by_first: Mapping[str, Sequence[int]]
    ) -> None:
        self.atoms = atoms
        self._spans: dict[int, dict[str, set[int]]] = {}
        # Class phrases stand in the order of the classes: those that one names were found before it.
        found = sorted(
            {(number, at) for at, here in enumerate(atoms) for a in here for number in by_first.get(a, ())}
        )
        for number, at in found:
            name, built = vocabulary.class_phrases[number]
            for end in self.match(built, at):
                self._spans.setdefault(at, {}).setdefault(name, set()).add(end)
        self._present = frozenset().union(*atoms, *self._spans.values())

    def may_match(self, built: Phrase) -> bool:
        """Whether all that a phrase needs stands somewhere in the text: quick to ask, before `match`."""
        for element in built:
            if not element.optional and element.atoms.isdisjoint(self._present):
                return False
        return True

    def names(self, at: int) -> Iterator[str]:
        """Every atom and class phrase that begins at a place."""
        yield from self.atoms[at]
        yield from self._spans.get(at, ())

    def match(self, built: Phrase, at: int) -> dict[int, tuple[int, ...]]:
        """Where a phrase ends that begins at `at`, and for each end the places of what it is made of."""
        ends: dict[int, tuple[int, ...]] = {at: ()}
        for element in built:
            about = not element.atoms.isdisjoint(CONTEXT)
            after: dict[int, tuple[int, ...]] = dict(ends) if element.optional else {}
            for start, covered in ends.items():
                for place in range(start, min(start + element.gap + 1, len(self.atoms))):
                    here = self.atoms[place]
                    if not element.atoms.isdisjoint(here):
                        after.setdefault(place + 1, covered if about else (*covered, place))
                    for name, further in self._spans.get(place, NOWHERE).items():
                        if name in element.atoms:
                            for end in further:
                                after.setdefault(end, covered if about else (*covered, *range(place, end)))
                    if STOP in here or element.barred in here:
                        break
            if not after:
                return {}
            ends = after
        return ends
