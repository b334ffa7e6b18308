"""If-None-Match and If-Match of RFC 9110: each `*`, or a list of entity tags, maybe in several lines."""

from __future__ import annotations

import re
from collections.abc import Sequence

TAG = re.compile(r'(?P<weak>W/)?(?P<tag>"[^"]*")')
ANY = "*"


def is_known(lines: Sequence[str], etag: str) -> bool:
    """If-None-Match: whether the client has what `etag` (with its quotes) names; compared weakly."""
    text = ", ".join(lines)
    return text.strip() == ANY or etag in {match["tag"] for match in TAG.finditer(text)}


def is_wanted(lines: Sequence[str], etag: str) -> bool:
    """If-Match: whether what `etag` names is what the client asks for; compared strongly."""
    text = ", ".join(lines)
    if not lines or text.strip() == ANY:
        return True
    return etag in {match["tag"] for match in TAG.finditer(text) if not match["weak"]}
