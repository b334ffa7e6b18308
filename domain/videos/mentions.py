"""How a prompt mentions a cameo: the model knows no names, only "someone" whose picture it is given. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from domain.videos.steer import Vocabulary, names_in
from schemas.vocabulary import REFERRING, SOMEONE


class CameoIdentity(msgspec.Struct, kw_only=True, frozen=True):
    """What a cameo is called, and whether there is a reference picture of it."""

    id: str
    handle: str
    display_name: str
    pictured: bool = False


def model_prompt(
    prompt: str, cameos: Sequence[CameoIdentity], vocabulary: Vocabulary, *, conditioned: bool
) -> str:
    """The model's prompt for one that may name these cameos.

    `@handle`, the handle and the display name become "someone"; a name that is a word of the model's own (a
    person called Fox) only after an @. `conditioned` says that a picture of a subject conditions the drawing:
    where the words then name no subject, "someone" is put before them.
    """
    words = prompt.strip()
    pattern = _mentions(cameos, vocabulary)
    if pattern is not None:
        words = pattern.sub(SOMEONE, words)
    if conditioned and not _names_subject(words, vocabulary):
        words = f"{SOMEONE} {words}"
    return words


def marked(prompt: str, cameos: Sequence[CameoIdentity], vocabulary: Vocabulary) -> str:
    """The prompt in which each mention of a cameo is an @ and its id."""
    words = prompt.strip()
    for cameo in cameos:
        pattern = _mentions([cameo], vocabulary)
        if pattern is not None:
            words = pattern.sub(f"@{cameo.id}", words)
    return words


def _mentions(cameos: Sequence[CameoIdentity], vocabulary: Vocabulary) -> re.Pattern[str] | None:
    known = {
        word.casefold()
        for phrasings in vocabulary.values()
        for phrases in phrasings.values()
        for phrase in phrases
        for word in (phrase, *phrase.split())
    }
    mentioned_as = {f"@{name}" for cameo in cameos for name in (cameo.handle, cameo.display_name)}
    for cameo in cameos:
        mentioned_as |= {text for text in (cameo.handle, cameo.display_name) if text.casefold() not in known}
    texts = sorted((text for text in mentioned_as if text.strip("@ ")), key=len, reverse=True)
    if not texts:
        return None
    # @ada is not @ada.2, and a full stop may follow it.
    return re.compile(rf"(?<![\w@])(?:{'|'.join(map(re.escape, texts))})(?!\.?\w)", re.IGNORECASE)


def _names_subject(prompt: str, vocabulary: Vocabulary) -> bool:
    subjects = vocabulary.get("subjects", {})
    return bool(names_in(prompt, {SOMEONE: REFERRING}) or (subjects and names_in(prompt, subjects)))
