"""Opaque cursors of keyset pages: a sort key and the id after which the next page goes on. Pure."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from schemas.errors import Code, RiffleError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

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
    except (ValueError, msgspec.MsgspecError, RecursionError):
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


def encode_position(kind: str, key: Any, after: str | None) -> str:
    """A cursor that goes on after the row with this sort key and id; instants travel as microseconds."""
    if isinstance(key, datetime):
        key = (key - EPOCH) // timedelta(microseconds=1)
    return encode_cursor(kind, [key, after or ""])


def decode_position(kind: str, cursor: str | None, part: type) -> tuple[Any, str | None]:
    """The sort key, of type `part`, and the id to go on after; None and None for the first page.

    Raises:
        RiffleError: invalid_cursor.
    """
    if cursor is None:
        return None, None
    value, after = decode_cursor(kind, cursor, int if part is datetime else part, str)
    if part is not datetime:
        return value, str(after)
    try:
        return EPOCH + timedelta(microseconds=int(value)), str(after)
    except OverflowError:
        raise RiffleError(Code.INVALID_CURSOR, "this cursor points nowhere", param="cursor") from None
