"""Byte ranges of RFC 9110: one range, open or closed; anything else is answered whole."""

from __future__ import annotations

import re
from typing import NamedTuple

# Names of units are read in any case.
ONE_RANGE = re.compile(r"(?i:bytes)=(?P<first>[0-9]*)-(?P<last>[0-9]*)")
# A number of more digits lies beyond any object; Python refuses to read one of thousands.
MAX_DIGITS = 18


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
        count = min(_number(match["last"]), size)
        span = ByteRange(size - count, size)
    else:
        first, last = _number(match["first"]), _number(match["last"] or str(size))
        if last < first and match["last"]:
            return None
        span = ByteRange(first, min(last + 1, size))
    if span.start >= span.end:
        raise RangeNotSatisfiable
    return span


def _number(digits: str) -> int:
    bare = digits.lstrip("0")
    return 10**MAX_DIGITS if len(bare) > MAX_DIGITS else int(bare or "0")
