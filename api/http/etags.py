"""If-None-Match of RFC 9110: `*`, or a list of entity tags, compared weakly."""

from __future__ import annotations

import re

TAG = re.compile(r'(?:W/)?("[^"]*")')


def is_known(header: str | None, etag: str) -> bool:
    """Whether the client says that it has what `etag` (with its quotes) names."""
    return header is not None and (header.strip() == "*" or etag in TAG.findall(header))
