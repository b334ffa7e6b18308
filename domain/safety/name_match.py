"""Names of people and characters who never enrolled: nobody draws them unless their side grants it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import msgspec

from domain.safety.text import normalize_text, readings, words

SHIPPED = Path(__file__).parent / "data" / "registry.json"
# "s h e r l o c k h o l m e s" has 14 pieces; no name of the registry has more letters than this.
MAX_NAME_LETTERS = 40
# Shorter names stand inside of innocent words ("elsa" in "elsas"), so only longer ones count there.
MIN_PLURAL_LETTERS = 6
MIN_INSIDE_LETTERS = 10
MIN_HALVES_LETTERS = 8
# A name split over a remix and its source counts only by words that are rarely anything but a name.
MIN_SPLIT_LETTERS = 5


class NameKind(StrEnum):
    """Why a name is in the registry."""

    PUBLIC = "public"
    DECEASED = "deceased"
    MINOR = "minor"
    CHARACTER = "character"


class RegistryEntry(msgspec.Struct, kw_only=True, frozen=True):
    """A person or character.

    `names` count wherever they stand; `handles` too, after an @ or not. `near` holds names that are also
    everyday words or other people's, each with the words of which one must stand in the same lineage;
    `unless` holds phrases that mean something else (a spaniel, a pastry).
    """

    id: str
    name: str
    kind: NameKind
    names: list[str]
    handles: list[str] = msgspec.field(default_factory=list)
    near: dict[str, list[str]] = msgspec.field(default_factory=dict)
    unless: list[str] = msgspec.field(default_factory=list)


class NameHit(NamedTuple):
    """An entry that a text names, and by which of its names."""

    entry: RegistryEntry
    name: str


_INDEXED = re.compile(r"([^\W_]+),\s*([^\W_]+)")


class _Name(NamedTuple):
    entry: RegistryEntry
    written: str
    parts: tuple[str, ...]
    context: tuple[str, ...]


def shipped_entries() -> list[RegistryEntry]:
    """The entries that come with Riffle."""
    return msgspec.json.decode(SHIPPED.read_bytes(), type=list[RegistryEntry])


class NameMatcher:
    """Finds the entries that the texts of a lineage name. Build it once for a registry."""

    def __init__(self, entries: Iterable[RegistryEntry]) -> None:
        self._names: dict[str, list[_Name]] = {}
        self._long: dict[str, list[_Name]] = {}
        self._pairs: list[_Name] = []
        self._unless: list[str] = []
        for entry in entries:
            self._unless += [
                f" {' '.join(words(normalize_text(phrase, latin=True)))} " for phrase in entry.unless
            ]
            for written in (entry.name, *entry.names, *entry.handles):
                self._add(entry, written, ())
            for written, context in entry.near.items():
                self._add(entry, written, tuple(" ".join(words(readings(item)[0])) for item in context))

    def _add(self, entry: RegistryEntry, written: str, context: tuple[str, ...]) -> None:
        for reading in {readings(written)[0], readings(written)[-1]}:
            parts = tuple(words(reading))
            joined = "".join(parts)
            if not joined or len(joined) > MAX_NAME_LETTERS:
                continue
            name = _Name(entry, written, parts, context)
            self._names.setdefault(joined, []).append(name)
            if not context and len(joined) >= MIN_INSIDE_LETTERS:
                self._long.setdefault(joined[:4], []).append(name)
            if not context and len(parts) > 1 and all(len(part) >= MIN_SPLIT_LETTERS for part in parts):
                self._pairs.append(name)

    def find(self, texts: Sequence[str]) -> list[NameHit]:
        """The entries that a lineage names; `texts` is the newest text first, then those that it rests on."""
        read = [[self._words(reading) for reading in _ways(text)] for text in texts]
        whole = " " + " ".join(" ".join(ways[0]) for ways in read) + " "
        found: dict[str, NameHit] = {}
        for ways in read:
            for tokens in ways:
                for name in self._named(tokens):
                    if not name.context or any(f" {item} " in whole for item in name.context):
                        found.setdefault(name.entry.id, NameHit(name.entry, name.written))
        if len(read) > 1:
            self._find_split(read, found)
        return list(found.values())

    def _words(self, reading: str) -> list[str]:
        text = f" {' '.join(words(reading))} "
        for phrase in self._unless:
            text = text.replace(phrase, " ")
        return text.split()

    def _named(self, tokens: list[str]) -> Iterable[_Name]:
        for first in range(len(tokens)):
            joined = ""
            for last in range(first, len(tokens)):
                joined += tokens[last]
                if len(joined) > MAX_NAME_LETTERS + 1:
                    break
                pieces = tokens[first : last + 1]
                for name in self._names.get(joined, ()):
                    if _written_as(name, pieces):
                        yield name
                if joined.endswith("s") and len(joined) > MIN_PLURAL_LETTERS:
                    for name in self._names.get(joined[:-1], ()):
                        if _written_as(name, [*pieces[:-1], pieces[-1][:-1]]):
                            yield name
            yield from self._inside(tokens[first])

    def _inside(self, token: str) -> Iterable[_Name]:
        """Long names that stand whole inside of one longer word, as in a tag."""
        if len(token) > MIN_INSIDE_LETTERS:
            for start in range(len(token) - MIN_INSIDE_LETTERS + 1):
                for name in self._long.get(token[start : start + 4], ()):
                    if token.startswith("".join(name.parts), start):
                        yield name

    def _find_split(self, read: list[list[list[str]]], found: dict[str, NameHit]) -> None:
        """Names whose words stand in different texts: a man "called Sherlock", remixed with "Mr Holmes"."""
        alone = [{token for tokens in ways for token in tokens} for ways in read]
        for name in self._pairs:
            where = [{place for place, seen in enumerate(alone) if part in seen} for part in name.parts]
            if all(where) and len(set.union(*where)) > 1:
                found.setdefault(name.entry.id, NameHit(name.entry, name.written))


def _ways(text: str) -> list[str]:
    """The readings of a text, and the plain one as an index would have it: "Holmes, Sherlock"."""
    found = readings(text)
    turned = _INDEXED.sub(r"\2 \1", found[0])
    return found if turned == found[0] else [*found, turned]


def _written_as(name: _Name, pieces: list[str]) -> bool:
    """Whether words that spell a name when joined are likely to mean it."""
    if len(name.parts) > 1 or len(pieces) == 1:
        return True
    if all(len(piece) <= 2 for piece in pieces):
        return len(pieces) > 2
    letters = sum(map(len, pieces))
    return len(pieces) == 2 and letters >= MIN_HALVES_LETTERS and min(map(len, pieces)) >= 3
