"""Whether a text has a word, however it is written: by letters alone, as whole words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

# Accents, and characters that show nothing.
UNSEEN = frozenset({"Mn", "Cf"})


def plain(text: str) -> str:
    """Text by its letters alone: one Unicode form, no case, accents or unseen characters, single spaces."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(char for char in folded if unicodedata.category(char) not in UNSEEN).split())


def mentions(texts: Iterable[str], words: Sequence[str]) -> bool:
    """Whether any text has any of the words or phrases, as whole words."""
    pattern = _pattern(tuple(words)) if words else None
    return pattern is not None and any(pattern.search(plain(text)) for text in texts)


@lru_cache(maxsize=1024)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str] | None:
    plains = [re.escape(found) for word in words if (found := plain(word))]
    return re.compile(rf"(?<!\w)(?:{'|'.join(plains)})(?!\w)") if plains else None
