"""A text as a row of words and breaks, each word with everything that its spelling may mean. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from domain.safety.text import normalize_text, readings

STOP, PAUSE, MENTION, TAG = ".", ",", "@", "#"
# One class of signs repeated, or one sign: nothing to go back to.
_PIECE = re.compile(r"[\w$€|!*@+]+|[^\w\s$€|!*@+]")
_STOPS, _PAUSES = frozenset(".?;…。"), frozenset(',:()[]"“”—–')
_STRETCHED = re.compile(r"(.)\1\1")
_DOUBLED = re.compile(r"(.)\1+")
# A capital I inside of a word is an l to the eye: "kiIl".
_CAPITAL_I = re.compile(r"(?<=[a-z])I")
# "12 y.o.", "12y/o"
_YEARS_OLD = re.compile(r"(?i)(?<=[\W\d])y\s?[./]\s?o\b\.?")
# "she's stabbed" is no possessive.
_CONTRACTED = re.compile(r"(?i)\b(s?he|it|who|that|there|they|you|we|i)['’ʼ](s|re|m)\b")
_FULL = {"s": "is", "re": "are", "m": "am"}
_TAG = re.compile(r"[#＃](?=\w{6})\w+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
_DIGRAPHS = ("rn", "vv", "ph")
# Shorter words turn into others when a letter is doubled or hidden ("good" is no stretched "god").
MIN_LETTERS = 4
MIN_SPLIT_LETTERS = 5
# Without a tag, only longer pieces of more words are cut: many words hold another by chance ("middlesex").
MIN_RUN_TOGETHER, MIN_WORDS = 12, 3
# Letters that stand alone are read as one word up to here: "s h o o t i n g". More are looked at in parts.
MAX_SPELLED = 60
# No word is longer; of longer pieces only the beginning is read.
MAX_PIECE = 60
# At least this share of the letters must be there for "n*de" to be read as "nude".
MIN_SHOWN = 0.5


class Word(NamedTuple):
    """A place in a text: the spellings that it may mean, a break (`STOP`, `PAUSE`), or with a `MENTION`."""

    spellings: frozenset[str]


class Spellings:
    """Reads texts against a vocabulary: the words, and beginnings of words, that anybody would disguise.

    `short` holds everyday words that are never half of a word which somebody has cut in two, `whole` those
    that are never cut into the words that they hold ("therapist").
    """

    def __init__(
        self,
        words: Collection[str],
        beginnings: Collection[str],
        short: Collection[str],
        whole: Collection[str] = (),
    ) -> None:
        self._known = frozenset(words) | frozenset(beginnings)
        self._beginnings = frozenset(beginnings)
        self._short = frozenset(short)
        self._whole = frozenset(whole)
        self._doubled: dict[str, set[str]] = {}
        self._by_length: dict[int, list[str]] = {}
        for word in sorted(self._known):
            if len(word) >= MIN_LETTERS:
                self._doubled.setdefault(_DOUBLED.sub(r"\1", word), set()).add(word)
            if len(word) >= MIN_LETTERS - 1:
                self._by_length.setdefault(len(word), []).append(word)
        self._longest = max(map(len, self._known), default=0)
        self._read = lru_cache(maxsize=8192)(self._spellings)
        self._cut = lru_cache(maxsize=8192)(self._cut_apart)

    def words(self, text: str) -> list[Word]:
        """The words of a text between two `STOP`s; cut, spelled-out and run-together words as they read."""
        pieces = _pieces(text)
        found = [Word(frozenset({STOP}))]
        at = looked = 0
        while at < len(pieces):
            taken, spelled = 0, list[str]()
            if at >= looked:
                # Letters that spell nothing are looked at once, not from each of them on.
                looked, spelled = self._spelled(pieces, at)
                taken = looked - at if spelled else 0
            if not taken:
                taken, spelled = self._halves(pieces, at)
            if taken:
                found += [Word(self._read(word)) for word in spelled]
                at += taken
                continue
            piece = pieces[at]
            if piece in (STOP, PAUSE):
                found.append(Word(frozenset({piece})))
            elif piece not in ("-", TAG):
                tagged = at > 0 and pieces[at - 1] == TAG
                found += [
                    Word(frozenset({word}) if word == PAUSE else self._read(word))
                    for word in self._apart(piece, tagged)
                ]
            at += 1
        return [*found, Word(frozenset({STOP}))]

    def _spellings(self, piece: str) -> frozenset[str]:
        """What a piece may mean: itself, leetspeak undone, letters that were stretched or hidden."""
        piece = piece[:MAX_PIECE]
        found = {piece.strip("!|*+@")}
        if piece.startswith("@"):
            found.add(MENTION)
        odd = not piece.isalpha() or _STRETCHED.search(piece) or any(pair in piece for pair in _DIGRAPHS)
        if odd and piece != "*":
            found.update(reading.strip("!|*+@") for reading in readings(piece))
            if "*" in piece.strip("*"):
                found.update(self._unhidden(piece.strip("!*@")))
        meant = {
            each
            for word in found - self._known
            if _DOUBLED.search(word)
            for each in self._doubled.get(_DOUBLED.sub(r"\1", word), ())
            if len(each) < len(word)
        }
        return frozenset((found | meant) - {""})

    def _unhidden(self, piece: str) -> Iterable[str]:
        """Words of the vocabulary with letters of a piece hidden by asterisks."""
        shown = len(piece) - piece.count("*")
        if shown < MIN_SHOWN * len(piece):
            return ()
        return [
            word
            for word in self._by_length.get(len(piece), ())
            if all(sign in ("*", letter) for sign, letter in zip(piece, word, strict=True))
        ]

    def _spelled(self, pieces: Sequence[str], at: int) -> tuple[int, list[str]]:
        """Where the letters end that stand alone from `at` on, and the known words that they spell."""
        letters, end = "", at
        while end < len(pieces) and len(letters) < MAX_SPELLED:
            piece = pieces[end]
            if len(piece) == 1 and (piece.isalnum() or piece in "$€@!|"):
                letters += piece
            elif piece not in ("-", STOP, PAUSE, TAG):
                break
            end += 1
        while end > at and pieces[end - 1] in ("-", STOP, PAUSE):
            end -= 1
        return end, self._parts(letters) if len(letters) >= MIN_LETTERS - 1 else []

    def _parts(self, letters: str) -> list[str]:
        """Letters without gaps, cut into known words; empty where over a third of the letters is left."""
        for plain in readings(letters):
            # best[end]: the fewest letters left by cutting plain[:end], in the fewest words, and these.
            best: list[tuple[int, list[str]]] = [(0, [])]
            for end in range(1, len(plain) + 1):
                left, cut = best[end - 1]
                option = (left + 1, cut)
                for length in range(MIN_LETTERS - 1, min(end, self._longest) + 1):
                    if plain[end - length : end] in self._known:
                        before, words = best[end - length]
                        if (before, len(words)) < (option[0], len(option[1])):
                            option = (before, [*words, plain[end - length : end]])
                best.append(option)
            left, cut = best[-1]
            if cut and left <= len(plain) // 3:
                return cut
        return []

    def _apart(self, piece: str, tagged: bool) -> Sequence[str]:
        """The words of a piece that run together: "#nakedcarol", and whatever consists of known words."""
        if piece in self._whole or piece in self._known or not piece.isalpha() or len(piece) > MAX_PIECE:
            return (piece,)
        if len(piece) < (MIN_SPLIT_LETTERS + 1 if tagged else MIN_RUN_TOGETHER):
            return (piece,)
        return self._cut(piece, tagged)

    def _cut_apart(self, piece: str, tagged: bool) -> Sequence[str]:
        # best[end]: piece[:end] in the fewest known words.
        best: list[list[str] | None] = [[]]
        for end in range(1, len(piece) + 1):
            ways = [
                [*before, piece[start:end]]
                for start in range(max(0, end - self._longest), end)
                if (before := best[start]) is not None and self._is_part(piece[start:end])
            ]
            best.append(min(ways, key=len, default=None))
        whole = best[-1]
        enough = whole and len(whole) >= (1 if tagged else MIN_WORDS)
        if whole and enough and any(len(word) >= MIN_LETTERS and word in self._known for word in whole):
            return whole
        if tagged:
            # A name before or after it, which no list has: a pause stands for it.
            for length in range(len(piece) - MIN_LETTERS + 1, MIN_LETTERS - 1, -1):
                for word, rest in ((piece[:length], piece[length:]), (piece[-length:], piece[:-length])):
                    if word in self._known:
                        between = () if rest in self._whole or rest in self._known else (PAUSE,)
                        return (word, *between, rest) if piece.startswith(word) else (rest, *between, word)
        return (piece,)

    def _is_part(self, letters: str) -> bool:
        return letters in self._short or (len(letters) >= MIN_LETTERS - 1 and letters in self._known)

    def _halves(self, pieces: Sequence[str], at: int) -> tuple[int, list[str]]:
        """A word of the vocabulary that a space or a sign cuts in two: "na ked", "mur-der"."""
        first, end = pieces[at], at + 1
        if end < len(pieces) and pieces[end] == "-":
            end += 1
        if end >= len(pieces) or not (first.isalnum() and pieces[end].isalnum()):
            return 0, []
        whole = first + pieces[end]
        halves = sorted((first, pieces[end]), key=len)
        if (
            len(whole) < MIN_SPLIT_LETTERS
            or whole not in self._known
            or len(halves[0]) >= MIN_LETTERS
            or any(half in self._short or half in self._known for half in halves)
        ):
            return 0, []
        return end + 1 - at, [whole]


def _pieces(text: str) -> list[str]:
    """Words, and between them `STOP` where a sentence ends, `PAUSE`, and - for what joins or cuts words."""
    tagged = _TAG.sub(lambda tag: f"# {_CAMEL.sub(' ', tag[0][1:])}", text)
    spoken = _CONTRACTED.sub(lambda found: f"{found[1]} {_FULL[found[2].lower()]}", tagged)
    lines = _YEARS_OLD.sub("yo", _CAPITAL_I.sub("l", spoken)).replace("\n", " ; ").replace("\u2028", " ; ")
    plain = normalize_text(lines, latin=True)
    found: list[str] = []
    for match in _PIECE.finditer(plain.replace("'", "").replace("’", "").replace("_", "-")):
        piece = match[0]
        if piece in _STOPS:
            # A dot inside of a word cuts it: "na.ked"; one before a space ends a sentence.
            found.append("-" if _inside(match) else STOP)
        elif piece in _PAUSES:
            found.append(PAUSE)
        elif piece == TAG:
            found.append(TAG)
        elif len(piece) == 1 and not piece.isalnum() and piece not in "@$€!|*+":
            found.append("-")
        else:
            found.append(piece)
            if piece.endswith("!") and len(piece) > 1:
                found.append(STOP)
    return found


def _inside(match: re.Match[str]) -> bool:
    """Whether a sign stands between two letters."""
    text, start, end = match.string, match.start(), match.end()
    return start > 0 and end < len(text) and text[start - 1].isalnum() and text[end].isalnum()
