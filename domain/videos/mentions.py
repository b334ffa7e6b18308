"""How a prompt speaks of a cameo: the model knows no names, only "someone" whose picture it sees. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from domain.videos.steer import Vocabulary, said
from schemas.vocabulary import REFERRING, SOMEONE


class Name(msgspec.Struct, kw_only=True, frozen=True):
    """What a cameo is called."""

    handle: str
    display_name: str


def referred(prompt: str, names: Sequence[Name], vocabulary: Vocabulary, *, shown: bool) -> str:
    """What the model is told for a prompt that may name these cameos.

    `@handle`, the handle and the display name become "someone"; a name that is a word of the model's own (a
    person called Fox) only after an @. With `shown`, the model is shown a subject: where the words then name
    nobody, "someone" is put before them.
    """
    told = prompt.strip()
    pattern = _mentions(names, vocabulary)
    if pattern is not None:
        told = pattern.sub(SOMEONE, told)
    if shown and not _names_somebody(told, vocabulary):
        told = f"{SOMEONE} {told}"
    return told


def _mentions(names: Sequence[Name], vocabulary: Vocabulary) -> re.Pattern[str] | None:
    known = {
        word.casefold()
        for phrasings in vocabulary.values()
        for phrases in phrasings.values()
        for phrase in phrases
        for word in (phrase, *phrase.split())
    }
    said_as = {f"@{name.handle}" for name in names}
    for name in names:
        said_as |= {f"@{name.display_name}"}
        said_as |= {text for text in (name.handle, name.display_name) if text.casefold() not in known}
    texts = sorted((text for text in said_as if text.strip("@ ")), key=len, reverse=True)
    if not texts:
        return None
    # @ada is not @ada.2, and a full stop may follow it.
    return re.compile(rf"(?<![\w@])(?:{'|'.join(map(re.escape, texts))})(?!\.?\w)", re.IGNORECASE)


def _names_somebody(prompt: str, vocabulary: Vocabulary) -> bool:
    subjects = vocabulary.get("subjects", {})
    return bool(said(prompt, {SOMEONE: REFERRING}) or (subjects and said(prompt, subjects)))
