"""Whether a text has a word, however it is written or disguised: as whole words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from domain.safety.text import fold, readings

# Accents, and characters that show nothing.
UNSEEN = frozenset({"Mn", "Cf"})


def plain(text: str) -> str:
    """Text by its letters alone: one Unicode form, no case, accents or unseen characters, single spaces."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(char for char in folded if unicodedata.category(char) not in UNSEEN).split())


def mentions(texts: Iterable[str], words: Sequence[str]) -> bool:
    """Whether any text has any of the words or phrases, as whole words, in one of the ways it can be read."""
    pattern = _pattern(tuple(words)) if words else None
    return pattern is not None and any(
        pattern.search(reading) is not None for text in texts for reading in _readings(text)
    )


@lru_cache(maxsize=1024)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str] | None:
    plains = {re.escape(found) for word in words for found in (plain(word), _spaced(fold(word))) if found}
    return re.compile(rf"(?<!\w)(?:{'|'.join(sorted(plains))})(?!\w)") if plains else None


# The same prompts are judged at each step and reading: 1,024 of at most 6 readings of 2 kB are 12 MB.
@lru_cache(maxsize=1024)
def _readings(text: str) -> tuple[str, ...]:
    meant = (_spaced(reading) for reading in readings(text, digraphs=False))
    return tuple(dict.fromkeys((plain(text), *meant)))


def _spaced(text: str) -> str:
    return " ".join(text.split())
