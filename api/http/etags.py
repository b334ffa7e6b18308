"""If-None-Match and If-Match of RFC 9110: each `*`, or a list of entity tags, maybe in several lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from litestar import Request

from schemas.errors import Code, RiffleError

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


class Preconditions(NamedTuple):
    """What a request asks of the representation that there is, by RFC 9110, 13.2.2."""

    if_match: Sequence[str]
    if_none_match: Sequence[str]

    @classmethod
    def of(cls, request: Request[Any, Any, Any]) -> Self:
        """Those of a request; none of them is the same as nothing asked."""
        return cls(request.headers.getall("if-match", []), request.headers.getall("if-none-match", []))

    def has_newest(self, etag: str) -> bool:
        """For a reading: whether the client has it already, so that the answer is 304.

        Raises:
            RiffleError: precondition_failed, where the client wants another one.
        """
        self._check_match(etag)
        return is_known(self.if_none_match, etag)

    def check_change(self, etag: str | None) -> None:
        """For a change: refuse it unless what it changes is what the client thinks; None: there is nothing.

        Raises:
            RiffleError: precondition_failed.
        """
        self._check_match(etag)
        if etag is not None and is_known(self.if_none_match, etag):
            raise RiffleError(Code.PRECONDITION_FAILED, f"it is there already: {etag}")

    def _check_match(self, etag: str | None) -> None:
        if etag is None and self.if_match:
            raise RiffleError(Code.PRECONDITION_FAILED, "there is none yet")
        if etag is not None and not is_wanted(self.if_match, etag):
            raise RiffleError(Code.PRECONDITION_FAILED, f"it is another one by now: {etag}")
