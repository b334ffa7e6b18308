"""Words for a scene: its place, time, weather, style, camera and motion, by a table of phrasings. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from domain.understanding.lexicon import (
    ARTICLES,
    DATA,
    HEAVENS,
    LEADS,
    OPEN_WATER,
    PREPOSITIONS,
    UPON,
    split,
)
from domain.understanding.words import Token, joined, stems, tokens_of

# slot -> canonical name -> phrasings, as a model's card has it.
Vocabulary = Mapping[str, Mapping[str, Sequence[str]]]
# Motions that a composed clip has beside those of a vocabulary.
COMPOSED = ("walk", "run", "drive", "fly", "swim", "float", "dance", "shrink", "chase", "ride", "mounted")
_LEFT = frozenset({"left", "leftwards", "leftward"})
_RIGHT = frozenset({"right", "rightwards", "rightward"})
_UP = frozenset({"up", "upwards", "upward", "skyward", "skywards"})
_DOWN = frozenset({"down", "downwards", "downward", "downhill"})
_SIDEWAYS = frozenset({"walk", "run", "drive", "fly", "swim", "float", "chase", "ride"})
MAX_WORDS = 6
# What is said of a place and is no more than the place itself.
ALWAYS = frozenset({("mountains", "snowy"), ("mountains", "snow"), ("cave", "dark"), ("ocean", "dark")})


# A pattern of some animals; said of nothing it's how all looks.
COLOURLESS = frozenset({"black and white", "white and black"})


class SceneMatch(NamedTuple):
    """Tokens `start` to `end` say `name` in `slot`."""

    slot: str
    name: str
    start: int
    end: int


class SceneWords:
    """The table, for one model's vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        table = _table()
        self._phrases: dict[str, tuple[str, str]] = {}
        for slot, names in (
            ("weather", {**dict.fromkeys(table["weather"], ()), **vocabulary.get("weathers", {})}),
            ("cameras", dict.fromkeys(table["cameras"], ())),
            ("styles", vocabulary.get("styles", {})),
            ("times", vocabulary.get("times", {})),
            ("motions", {**vocabulary.get("motions", {}), **dict.fromkeys(COMPOSED, ())}),
        ):
            for name, own in names.items():
                camera = slot == "motions" and name == "pan"
                for phrase in (*own, *table[slot].get(name, ())):
                    plain = joined(tokens_of(phrase))
                    self._phrases.setdefault(plain, ("cameras" if camera else slot, name))
        self._places: dict[str, str] = {}
        places = vocabulary.get("places", {})
        # The words of a place that a model has win over those that stand for another.
        rows = sorted(table["places"].items(), key=lambda row: row[0] not in places)
        for name, words in rows:
            known = name if name in places else table["instead"].get(name, ("",))[0]
            if known not in places:
                continue
            for word in words:
                self._places.setdefault(joined(tokens_of(word)), known)
        for name, own in places.items():
            for phrase in own:
                self._phrases[joined(tokens_of(phrase))] = ("places", name)
        self._styles = frozenset(vocabulary.get("styles", {}))
        self._times = frozenset(vocabulary.get("times", {}))
        self._bare = frozenset(table["bare"]["words"])
        self._beach = "beach" if "beach" in places else "ocean"
        self._motions = {verb: name for name, verbs in table["verbs"].items() for verb in verbs}
        self.motion_names = frozenset(vocabulary.get("motions", {})) | set(COMPOSED)

    def place_phrases(self) -> list[tuple[str, list[str]]]:
        """Words for each place that the model has, for the search by meaning."""
        found: dict[str, list[str]] = {}
        for word, name in self._places.items():
            found.setdefault(name, []).append(word)
        return list(found.items())

    def phrase_at(self, tokens: Sequence[Token], at: int) -> SceneMatch | None:
        """The longest phrase that starts at a token, and says by itself what it says."""
        if tokens[at].text in COLOURLESS and "monochrome" in self._styles and _stands_alone(tokens, at):
            return SceneMatch("styles", "monochrome", at, at + 1)
        for count in range(min(MAX_WORDS, len(tokens) - at), 0, -1):
            text = joined(tokens[at : at + count])
            found = self._phrases.get(text)
            if found is not None:
                phrase = SceneMatch(*found, at, at + count)
                # "in the rain forest" is no rain.
                place = self._place_at(tokens, at) if found[0] == "weather" else None
                return place if place is not None and place.end > phrase.end else phrase
        return self._place_at(tokens, at) or self._bare_place_at(tokens, at)

    def word_at(self, tokens: Sequence[Token], at: int, place: str) -> SceneMatch | None:
        """A time of day or weather that one word says of a place: "a rainy street"."""
        if joined(tokens[at : at + 2]) in self._places or (place, tokens[at].text) in ALWAYS:
            return None
        if tokens[at].text == "dark" and "night" in self._times:
            return SceneMatch("times", "night", at, at + 1)
        found = self._phrases.get(tokens[at].text)
        return (
            None if found is None or found[0] not in ("times", "weather") else SceneMatch(*found, at, at + 1)
        )

    def _place_at(self, tokens: Sequence[Token], at: int) -> SceneMatch | None:
        """A preposition with a place behind it, and articles and up to two adjectives between."""
        start = self._after_preposition(tokens, at)
        if start is None:
            return None
        words = start
        if words < len(tokens) and tokens[words].text in ARTICLES:
            words += 1
        for skipped in range(3):
            the = words > start and tokens[start].text == "the"
            found = self._noun_at(tokens, words + skipped, "the" if the else "")
            if found is not None:
                end, name = found
                noun = joined(tokens[words + skipped : end])
                if noun in HEAVENS and tokens[at].text == "at":
                    # Who howls at the moon isn't there.
                    return None
                if noun in OPEN_WATER and tokens[at].text in UPON:
                    name = self._beach
                return SceneMatch("places", name, at, end)
            if words + skipped >= len(tokens) or not tokens[words + skipped].is_word:
                return None
            if tokens[words + skipped].text in PREPOSITIONS | ARTICLES | {"and", "with", "while"}:
                return None
        return None

    def _noun_at(self, tokens: Sequence[Token], at: int, before: str) -> tuple[int, str] | None:
        for count in range(min(4, len(tokens) - at), 0, -1):
            text = joined(tokens[at : at + count])
            for form in (f"{before} {text}".strip(), text):
                if form in self._places:
                    return at + count, self._places[form]
        return None

    def _bare_place_at(self, tokens: Sequence[Token], at: int) -> SceneMatch | None:
        for count in range(min(3, len(tokens) - at), 0, -1):
            text = joined(tokens[at : at + count])
            if text in self._bare and text in self._places:
                return SceneMatch("places", self._places[text], at, at + count)
        return None

    def _after_preposition(self, tokens: Sequence[Token], at: int) -> int | None:
        for lead in LEADS:
            count = lead.count(" ") + 1
            if joined(tokens[at : at + count]) == lead:
                return at + count
        return at + 1 if tokens[at].text in PREPOSITIONS - {"of"} else None

    def verb_at(self, tokens: Sequence[Token], at: int) -> SceneMatch | None:
        """The motion that a verb at a token says, with its direction."""
        name = self.motion_of(tokens[at].text)
        if name is None:
            return None
        after = {token.text for token in tokens[at + 1 : at + 4] if not token.is_stop}
        if name in _SIDEWAYS:
            if after & _LEFT:
                name = "left"
            elif after & _RIGHT:
                name = "right"
            elif after & _UP and name in ("fly", "float", "swim"):
                name = "rise"
            elif after & _DOWN and name in ("fly", "float", "swim"):
                name = "fall"
        return SceneMatch("motions", name, at, at + 1) if name in self.motion_names else None

    def motion_of(self, verb: str) -> str | None:
        """The motion of a verb in any form."""
        return next((self._motions[stem] for stem in stems(verb) if stem in self._motions), None)


def _stands_alone(tokens: Sequence[Token], at: int) -> bool:
    """Whether a token has stops, or nothing, on both sides."""
    before = at == 0 or tokens[at - 1].is_stop
    return before and (at + 1 == len(tokens) or tokens[at + 1].is_stop)


def is_direction(token: Token) -> bool:
    """Whether a token only says which way."""
    return token.text in _LEFT | _RIGHT | _UP | _DOWN


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, tuple[str, ...]]]:
    data = tomllib.loads((DATA / "scene.toml").read_text(encoding="utf-8"))
    return {slot: {name: split(text) for name, text in names.items()} for slot, names in data.items()}
