"""What every wire type shares: strict requests that refuse unknown fields, and answers that may grow."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

# Every instant on the wire: `at`, or a name that ends in `_at`. Spans in milliseconds end in `_ms`.
UnixSeconds = Annotated[int, Meta(description="Unix time in seconds")]


# What a pattern asks for, in words, for who sent something else.
PATTERNS: dict[str, str] = {}


def whole(pattern: str, words: str = "another form") -> str:
    """A regular expression for all of a text; `$` also fits before a line break at its end.

    The same in Python and in JSON Schema, where such patterns are shown; people are told it in `words`.
    """
    found = rf"^(?:{pattern})(?![\s\S])"
    PATTERNS[found] = words
    return found


def unix_seconds(instant: datetime) -> int:
    """An instant as it stands on the wire."""
    return int(instant.timestamp())


class RequestBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A body a client sends. Unknown fields are refused, so a typo is never ignored."""


class ResponseBody(msgspec.Struct, kw_only=True, omit_defaults=False):
    """A body we send. Clients must ignore fields that they do not know."""


class Page(ResponseBody, kw_only=True):
    """One keyset page in OpenAI's list shape; `after=last_id` asks for the next one."""

    object: str = "list"
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool = False
