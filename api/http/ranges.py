"""Byte ranges of RFC 9110: one range, open or closed; anything else is answered whole."""

from __future__ import annotations

import re
from typing import NamedTuple

ONE_RANGE = re.compile(r"^bytes=(?P<first>\d{0,18})-(?P<last>\d{0,18})$")


class Span(NamedTuple):
    """Bytes `start` up to, not including, `end`."""

    start: int
    end: int


class Unsatisfiable(ValueError):
    """The range lies outside the object."""


def wanted(header: str | None, size: int) -> Span | None:
    """The range that is asked for; None for the whole (no range, several, or one that makes no sense).

    Raises:
        Unsatisfiable: it names no byte that is there.
    """
    match = ONE_RANGE.match((header or "").replace(" ", ""))
    if match is None or not (match["first"] or match["last"]):
        return None
    if not match["first"]:
        count = min(int(match["last"]), size)
        span = Span(size - count, size)
    else:
        first, last = int(match["first"]), int(match["last"] or size)
        if last < first and match["last"]:
            return None
        span = Span(first, min(last + 1, size))
    if span.start >= span.end:
        raise Unsatisfiable
    return span
