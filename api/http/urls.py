"""Only URLs that can be stored and compared reach a route."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

from litestar import Request

from schemas.errors import Code, RiffleError


async def refuse_unstorable_url(request: Request[Any, Any, Any]) -> None:
    """Refuse a URL that PostgreSQL could not compare with what it stores (a `before_request` hook).

    Raises:
        RiffleError: a NUL character, or bytes that are no UTF-8.
    """
    raw = request.scope.get("raw_path", b"") + b"?" + request.scope.get("query_string", b"")
    decoded = unquote_to_bytes(raw)
    try:
        text = decoded.decode()
    except UnicodeDecodeError:
        raise RiffleError(Code.INVALID_REQUEST, "the address is not valid UTF-8") from None
    if "\0" in text:
        raise RiffleError(Code.INVALID_REQUEST, "the address holds a NUL character")
