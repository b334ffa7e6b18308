"""How a prompt differs from the one it was made from. Pure."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Literal

from schemas.feed import DiffPart


def prompt_diff(source: str, target: str) -> list[DiffPart]:
    """Runs of words that were kept, added or removed on the way from `source` to `target`."""
    before, after = source.split(), target.split()
    parts: list[DiffPart] = []

    def add(op: Literal["keep", "add", "remove"], words: list[str]) -> None:
        if words:
            parts.append(DiffPart(op=op, text=" ".join(words)))

    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            add("keep", before[i1:i2])
        else:
            add("remove", before[i1:i2])
            add("add", after[j1:j2])
    return parts
