"""Byte ranges of RFC 9110: one range, open or closed; anything else is answered whole."""

from __future__ import annotations

import re
from typing import NamedTuple

ONE_RANGE = re.compile(r"bytes=(?P<first>\d{0,18})-(?P<last>\d{0,18})")


class ByteRange(NamedTuple):
    """Bytes `start` up to, not including, `end`."""

    start: int
    end: int


class RangeNotSatisfiable(ValueError):
    """The range lies outside the object."""


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The range that is asked for; None for the whole (no range, several, or one that makes no sense).

    Raises:
        RangeNotSatisfiable: it names no byte that is there.
    """
    match = ONE_RANGE.fullmatch((header or "").replace(" ", ""))
    if match is None or not (match["first"] or match["last"]):
        return None
    if not match["first"]:
        count = min(int(match["last"]), size)
        span = ByteRange(size - count, size)
    else:
        first, last = int(match["first"]), int(match["last"] or size)
        if last < first and match["last"]:
            return None
        span = ByteRange(first, min(last + 1, size))
    if span.start >= span.end:
        raise RangeNotSatisfiable
    return span
