"""The order of the feed, its opaque cursors, and how a prompt differs from the one it was made from."""

from __future__ import annotations

import base64
import math
from datetime import datetime
from difflib import SequenceMatcher
from typing import Literal

import msgspec

from schemas.errors import Code, RiffleError
from schemas.feed import DiffPart

# One decade of points is worth half a day: 100 points tie with 10 of a trend that began 12 hours later.
HOT_DECADE_S = 12 * 3600
# A remix takes far more than a like.
POINTS_OF_A_POST = 3
POINTS_OF_A_LIKE = 1

Key = list[int | float | str]


class _Cursor(msgspec.Struct, array_like=True, frozen=True):
    kind: str
    key: list[int | float | str]


def encode_cursor(kind: str, key: Key) -> str:
    """A cursor that goes on after the row with this sort key, in the listing named by `kind`."""
    return base64.urlsafe_b64encode(msgspec.json.encode(_Cursor(kind, key))).rstrip(b"=").decode()


def decode_cursor(kind: str, cursor: str, *parts: type) -> Key:
    """The sort key of a cursor made for the same listing; `parts` are its types (int, float or str).

    Raises:
        RiffleError: invalid_cursor.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found = msgspec.json.decode(raw, type=_Cursor)
    except (ValueError, msgspec.MsgspecError):
        found = None
    if found is None or found.kind != kind or not _fits(found.key, parts):
        raise RiffleError(
            Code.INVALID_CURSOR, "this cursor belongs to no page of this listing", param="cursor"
        )
    return found.key


def _fits(key: Key, parts: tuple[type, ...]) -> bool:
    return len(key) == len(parts) and all(map(_comparable, key, parts))


def _comparable(value: int | float | str, part: type) -> bool:
    """Whether the database can compare a column of type `part` with it: no NUL, no number beyond 64 bits."""
    if isinstance(value, str):
        return part is str and "\0" not in value
    return (isinstance(value, part) or part is float) and abs(value) < 2**63


def hot(points: int, began: datetime) -> float:
    """The trending score. It grows with points and never with time, so pages keep their order."""
    return math.log10(1 + max(0, points)) + began.timestamp() / HOT_DECADE_S


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
