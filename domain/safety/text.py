"""Text by what a reader sees, and whether it has a word: normalised, in every way that it can be read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from string import ascii_lowercase

from confusable_homoglyphs.confusables import confusables_data

from schemas.shown_text import is_blank, is_invisible

# Letters of Latin alphabets that Unicode does not decompose, and shapes that its table of confusables lacks.
_PLAIN = {
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ß": "ss",
    "ʙ": "b", "ɢ": "g", "ʜ": "h", "ɪ": "i", "ʟ": "l", "ɴ": "n", "ʀ": "r", "ʏ": "y", "ᴀ": "a", "ᴄ": "c",
    "ᴅ": "d", "ᴇ": "e", "ᴊ": "j", "ᴋ": "k", "ᴍ": "m", "ᴏ": "o", "ᴘ": "p", "ᴛ": "t", "ᴜ": "u", "ꜱ": "s",
    "т": "t", "к": "k", "м": "m", "н": "h", "в": "b",
    "ɓ": "b", "ɗ": "d", "ɠ": "g", "ƙ": "k", "ɱ": "m", "ɲ": "n", "ŋ": "n", "ʂ": "s", "ʃ": "s", "ƭ": "t",
    "ƴ": "y", "ᗩ": "a", "ᗷ": "b", "ᑕ": "c", "ᗪ": "d", "ᗴ": "e", "ᖴ": "f", "ᘜ": "g", "ᕼ": "h", "ᒍ": "j",
    "ᒪ": "l", "ᗰ": "m", "ᑎ": "n", "ᑭ": "p", "ᑫ": "q", "ᖇ": "r", "ᔕ": "s", "ᑌ": "u", "ᐯ": "v", "ᗯ": "w",
}  # fmt: skip
# White letters on black discs, on black squares, and those that flags are spelled with: each set in a row.
_SIGNS = (0x1F150, 0x1F170, 0x1F1E6)
_LEET = str.maketrans("0345789$@€", "oeastbgsae")
# 1, ! and | are read as i by some and as l by others: both are tried.
_STROKES = "1!|"
# Accents, and what is left without width.
_UNSEEN = frozenset({"Mn", "Me", "Cf"})
_POSSESSIVE = re.compile(r"['’ʼ`´]s\b")
_WORD = re.compile(r"[^\W_]+")
# A symbol counts as a letter only inside of a word or at its edge: "1 cat" and "great!" stay as they are.
_MIXED = re.compile(r"(?=[\w$@€!|]*[^\W\d_])[\w$@€!|]*[$@€!|\d][\w$@€!|]*")
_DIGRAPHS = (("rn", "m"), ("vv", "w"), ("ph", "f"))


@lru_cache(maxsize=1)
def _look_alikes() -> dict[int, str]:
    """Every letter outside ASCII that Unicode calls confusable with a Latin one, to that one."""
    found: dict[int, str] = {}
    for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ":
        for alike in confusables_data.get(letter, ()):
            if len(alike["c"]) == 1 and not alike["c"].isascii():
                found.setdefault(ord(alike["c"]), letter)
    for first in _SIGNS:
        found |= {first + place: letter for place, letter in enumerate(ascii_lowercase)}
    return found


def normalize_text(text: str, *, latin: bool = False) -> str:
    """`text` in one Unicode form: no case, accents or characters without width, single spaces.

    With `latin`, look-alikes of Latin letters are read as these, and possessive endings are dropped.
    """
    # Before NFKC, which makes letters of fillers.
    seen = "".join(" " if is_blank(letter) else letter for letter in text if not is_invisible(letter))
    composed = unicodedata.normalize("NFKC", seen)
    if latin:
        composed = composed.translate(_look_alikes()).casefold().translate(_look_alikes())
    letters = unicodedata.normalize("NFKD", composed.casefold())
    bare = "".join(letter for letter in letters if unicodedata.category(letter) not in _UNSEEN)
    if latin:
        bare = _POSSESSIVE.sub("", "".join(_PLAIN.get(letter, letter) for letter in bare))
    return " ".join(bare.split())


def readings(text: str, *, digraphs: bool = True) -> list[str]:
    """The ways in which a text may be meant, the plain one first: leetspeak, stretched letters, digraphs.

    Digraphs (rn read as m) turn everyday words into others: leave them out where short words are looked for.
    """
    plain = normalize_text(text, latin=True)
    meant = _MIXED.sub(lambda word: _unleet(word[0], "i"), plain)
    found = [
        plain,
        meant,
        _MIXED.sub(lambda word: _unleet(word[0], "l"), plain),
        *("".join(sign * min(most, count) for sign, count in _runs(meant)) for most in (1, 2)),
        *(meant.replace(pair, letter) for pair, letter in (_DIGRAPHS if digraphs else ())),
    ]
    return list(dict.fromkeys(found))


def words(normalized: str) -> list[str]:
    """The words of a normalised text."""
    return _WORD.findall(normalized)


def has_word(texts: Iterable[str], wanted: Sequence[str]) -> bool:
    """Whether any text has any of the words or phrases, as whole words, in one of the ways it can be read."""
    pattern = _any_of(tuple(wanted)) if wanted else None
    return pattern is not None and any(
        pattern.search(reading) is not None for text in texts for reading in _whole_readings(text)
    )


@lru_cache(maxsize=1024)
def _any_of(wanted: tuple[str, ...]) -> re.Pattern[str] | None:
    forms = {normalize_text(word, latin=latin) for word in wanted for latin in (False, True)} - {""}
    escaped = sorted(map(re.escape, forms))
    return re.compile(rf"(?<!\w)(?:{'|'.join(escaped)})(?!\w)") if escaped else None


# The same prompts are judged at each step and reading: 1,024 of at most 6 readings of 2 kB are 12 MB.
@lru_cache(maxsize=1024)
def _whole_readings(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((normalize_text(text), *readings(text, digraphs=False))))


def _unleet(word: str, stroke: str) -> str:
    # A mark at the end of a word is punctuation.
    tail = word[len(word.rstrip("!|")) :]
    body = word[: len(word) - len(tail)]
    return body.translate(_LEET).translate({ord(mark): stroke for mark in _STROKES}) + tail


def _runs(text: str) -> list[tuple[str, int]]:
    """Letters with how often each stands in a row; runs of one or two are left alone by their count."""
    runs = [(sign, sum(1 for _ in group)) for sign, group in groupby(text)]
    return [(sign, count) if count > 2 else (sign * count, 1) for sign, count in runs]
