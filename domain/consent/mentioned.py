"""Which cameos a text mentions: "@handle" is that cameo, and asks for the same consent as naming it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from db.engine import fetch
from domain.safety.text import normalize_text
from schemas.errors import Code, RiffleError
from schemas.videos import MAX_CAMEOS

# What may be a handle after an @, however it is written; the full stop of a sentence may follow it.
_MENTION = re.compile(r"@([\w.]+)")


async def mentioned_cameos(texts: Sequence[str]) -> list[str]:
    """The ids of the cameos that texts mention, in the order in which they do, revoked ones too."""
    groups = [group for text in texts for group in _candidates(text)]
    handles = list(dict.fromkeys(name for group in groups for name in group))
    if not handles:
        return []
    rows = await fetch("SELECT id, handle FROM cameos WHERE handle = ANY ($1::text[])", handles)
    known = {row["handle"]: row["id"] for row in rows}
    found = (next((known[name] for name in group if name in known), None) for group in groups)
    return list(dict.fromkeys(cameo for cameo in found if cameo is not None))


async def with_mentioned(cameos: Sequence[str], texts: Sequence[str], param: str = "prompt") -> list[str]:
    """Cameos that are named, and those that texts mention.

    Raises:
        RiffleError: invalid_request, where they are more than one video may have.
    """
    found = list(dict.fromkeys([*cameos, *await mentioned_cameos(texts)]))
    if len(found) > MAX_CAMEOS:
        raise RiffleError(
            Code.INVALID_REQUEST, f"it mentions more than {MAX_CAMEOS} people with a cameo", param=param
        )
    return found


def _candidates(text: str) -> Iterator[list[str]]:
    """For each mention what may be its handle, the longest first: @ada.2 is ada.2, or else ada."""
    # As it is written, and as it is read where look-alikes stand for Latin letters.
    for form in dict.fromkeys((normalize_text(text), normalize_text(text, latin=True))):
        for found in _MENTION.finditer(form):
            parts = found[1].split(".")
            names = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
            group = [name for whole in names for name in (whole, whole.strip("_")) if name]
            if group:
                yield list(dict.fromkeys(group))
