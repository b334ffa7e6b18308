"""What is refused, as named rules over the texts of a whole lineage. Pure.

The rules are data: domain/safety/data/rules/*.toml say how to refuse another word, and how to let one pass.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from domain.safety.phrases import END, PERSON, Phrase, Reading, Vocabulary, all_phrases, items
from domain.safety.spelling import PAUSE, STOP, Spellings
from schemas.errors import Code, RiffleError
from schemas.videos import MAX_PROMPT_CHARS

SHIPPED = Path(__file__).parent / "data" / "rules"
# In the order in which they are read: classes of words may name those of files before.
FILES = ("common", "sexual", "gore", "violence", "self_harm", "hate", "deception", "humiliation", "weapons")
# No field that is judged holds more; a longer text is somebody's try at keeping a core busy.
MAX_TEXT_CHARS = 2 * MAX_PROMPT_CHARS
# A negation reaches over this many words that only fill: "without any kind of gore".
NEGATION_WORDS = 3
# What a harmless phrase leaves of its words: breaks, and people, to whom something else may be done.
KEPT = frozenset({STOP, PAUSE, "<people>", "<someone>", "<likeness>"})
# Where a sentence is about an animal or a thing, it stands among this many first words: "a small brown dog".
SUBJECT_WORDS = 4
THING = "<inert>"
# Texts are judged at each step and reading: 4,096 of at most 2,000 characters are 16 MB.
MAX_REMEMBERED = 4096


class Clause(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """It refuses where a phrase of `match` stands in a text, and one of `also`, if there are any, in any.

    `unless`: phrases anywhere in the same text that give it another meaning. `literal`: harmless phrases and
    negations count for nothing. `of_people`: what is said of animals and things counts for nothing, in a
    sentence that begins with one and has nobody in it.
    """

    match: str
    also: str = ""
    unless: str = ""
    literal: bool = False
    of_people: bool = False


class Rule(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A named rule, and what it refuses in words for people: it refuses where any of its clauses does.

    `with_person` rules count only where a person's likeness is in it: a cameo, or a name of the registry.
    """

    name: str
    summary: str
    clauses: list[Clause]
    with_person: bool = False


class Rulebook(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The data: `words` are classes of words, `harmless` phrases whose words mean nothing grave."""

    words: dict[str, str] = {}
    harmless: dict[str, str] = {}
    rules: list[Rule] = []


class Finding(NamedTuple):
    """A rule that refuses, in words for the person who asked."""

    rule: str
    summary: str


class _Part(NamedTuple):
    """Phrases that were found mark a part: of a clause its `match` or `also`."""

    rule: int
    clause: int
    also: bool


class RuleMatcher:
    """Finds the rules that refuse texts. Build it once for a rulebook."""

    def __init__(self, book: Rulebook) -> None:
        self._book = book
        self._harmless = [built for text in book.harmless.values() for built in all_phrases(text)]
        self._parts: list[tuple[_Part, Phrase]] = []
        self._unless: dict[tuple[int, int], list[Phrase]] = {}
        for number, rule in enumerate(book.rules):
            for place, clause in enumerate(rule.clauses):
                for also, text in ((False, clause.match), (True, clause.also)):
                    self._parts += [(_Part(number, place, also), built) for built in all_phrases(text)]
                self._unless[number, place] = all_phrases(clause.unless)
        unless = [built for listed in self._unless.values() for built in listed]
        self._matched = matched = [built for _, built in self._parts]
        self._vocabulary = Vocabulary(book.words, [*self._harmless, *matched, *unless])
        self._class_index = _by_first(built for _, built in self._vocabulary.class_phrases)
        self._harmless_index = _by_first(self._harmless)
        self._part_index = _by_first(matched)
        grave = self._vocabulary.spelled_out(matched)
        self._spellings = Spellings(
            {word for word in grave if not word.endswith("*")},
            {word[:-1] for word in grave if word.endswith("*")},
            set(items(book.words["short"])),
            self._vocabulary.spelled_out(self._harmless) | set(items(book.words.get("whole", ""))),
        )
        self._parts_of = lru_cache(maxsize=MAX_REMEMBERED)(self._find_parts)

    def judge(self, texts: Sequence[str], person: bool) -> list[Finding]:
        """The rules that refuse a lineage; `person`: a likeness is in it, by a cameo or by name.

        Raises:
            RiffleError: prompt_too_long, where a text has more than MAX_TEXT_CHARS.
        """
        if any(len(text) > MAX_TEXT_CHARS for text in texts):
            raise RiffleError(
                Code.PROMPT_TOO_LONG, f"a text has at most {MAX_TEXT_CHARS} characters", param="prompt"
            )
        found = frozenset[_Part]().union(*map(self._parts_of, texts))
        return [
            Finding(rule.name, rule.summary)
            for number, rule in enumerate(self._book.rules)
            if (person or not rule.with_person)
            and any(
                _Part(number, place, False) in found
                and (not clause.also or _Part(number, place, True) in found)
                for place, clause in enumerate(rule.clauses)
            )
        ]

    def _find_parts(self, text: str) -> frozenset[_Part]:
        """The parts of clauses that a text has."""
        atoms = [self._vocabulary.atoms(word) for word in self._spellings.words(text)]
        written = Reading(self._vocabulary, atoms, self._class_index)
        near_harmless = _Candidates(written, self._harmless_index, self._harmless)
        harmless = {
            place
            for at in range(len(atoms))
            for number in near_harmless.at(at)
            for covered in written.match(self._harmless[number], at).values()
            for place in covered
        }
        bare = [here & KEPT if at in harmless else here for at, here in enumerate(atoms)]
        meant = Reading(self._vocabulary, bare, self._class_index)
        aside = _of_things(atoms)
        found: set[_Part] = set()
        for reading, literal in ((written, True), (meant, False)):
            near_parts = _Candidates(reading, self._part_index, self._matched)
            for at in range(len(atoms)):
                for number in near_parts.at(at):
                    part, built = self._parts[number]
                    clause = self._book.rules[part.rule].clauses[part.clause]
                    if clause.literal is not literal or part in found or (clause.of_people and at in aside):
                        continue
                    if reading.match(built, at) and (literal or part.also or not _negated(written, at)):
                        found.add(part)
        return frozenset(part for part in found if part.also or not self._excused(part, written))

    def _excused(self, part: _Part, written: Reading) -> bool:
        return any(
            written.match(built, at)
            for built in self._unless[part.rule, part.clause]
            if written.may_match(built)
            for at in range(len(written.atoms))
        )


def _by_first(phrases: Iterable[Phrase]) -> dict[str, list[int]]:
    """The phrases' numbers by each atom that they may begin with."""
    found: dict[str, list[int]] = {}
    for number, built in enumerate(phrases):
        for atom in built[0].atoms:
            found.setdefault(atom, []).append(number)
    return found


class _Candidates:
    """The phrases that may begin at a place of a text, each name looked up once."""

    def __init__(self, reading: Reading, index: dict[str, list[int]], phrases: Sequence[Phrase]) -> None:
        self._reading, self._index, self._phrases = reading, index, phrases
        self._by_name: dict[str, list[int]] = {}

    def at(self, place: int) -> set[int]:
        found: set[int] = set()
        for name in self._reading.names(place):
            if name not in self._by_name:
                self._by_name[name] = [
                    number
                    for number in self._index.get(name, ())
                    if self._reading.may_match(self._phrases[number])
                ]
            found.update(self._by_name[name])
        return found


def _of_things(atoms: Sequence[frozenset[str]]) -> set[int]:
    """The places after an animal or a thing that a sentence begins with, where it has nobody in it."""
    found: set[int] = set()
    stops = [at for at, here in enumerate(atoms) if STOP in here]
    for start, end in pairwise(stops):
        sentence = atoms[start + 1 : end]
        if any(PERSON in here for here in sentence):
            continue
        for at, here in enumerate(sentence[:SUBJECT_WORDS], start + 1):
            if THING in here:
                found.update(range(at, end))
            if THING in here or END in here:
                break
    return found


def _negated(reading: Reading, at: int) -> bool:
    """Whether a negation stands before a place, with at most words between that only fill."""
    for place in range(at - 1, max(-1, at - 2 - NEGATION_WORDS), -1):
        names = set(reading.names(place))
        if "<negation>" in names:
            # "why not kill them all", "not only naked"
            return not (place and "<no_negation>" in set(reading.names(place - 1)))
        if "<filler>" not in names:
            return False
    return False


def joined(books: Iterable[Rulebook]) -> Rulebook:
    """Several books as one, in their order.

    Raises:
        ValueError: a name stands in two of them.
    """
    words: dict[str, str] = {}
    harmless: dict[str, str] = {}
    found: list[Rule] = []
    for book in books:
        twice = words.keys() & book.words.keys() | harmless.keys() & book.harmless.keys()
        twice |= {rule.name for rule in found} & {rule.name for rule in book.rules}
        if twice:
            raise ValueError(f"defined twice: {', '.join(sorted(twice))}")
        words |= book.words
        harmless |= book.harmless
        found += book.rules
    return Rulebook(words=words, harmless=harmless, rules=found)


@lru_cache(maxsize=1)
def shipped() -> Rulebook:
    """The rulebook that comes with Riffle."""
    return joined(
        msgspec.convert(tomllib.loads((SHIPPED / f"{name}.toml").read_text(encoding="utf-8")), Rulebook)
        for name in FILES
    )


@lru_cache(maxsize=1)
def _shipped() -> RuleMatcher:
    return RuleMatcher(shipped())


def rules() -> list[Rule]:
    """The rules that come with Riffle."""
    return shipped().rules


def judge(texts: Sequence[str], person: bool) -> list[Finding]:
    """The rules of Riffle's own rulebook that refuse a lineage: see `RuleMatcher.judge`."""
    return _shipped().judge(texts, person)
