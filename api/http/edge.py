"""What every answer passes on its way out, and every request on its way in."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

import structlog
from litestar import Request
from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send

from domain.ids import new_id
from schemas.errors import Code, RiffleError

# Nothing but our own files runs in the page; blobs are videos and pictures that it fetched with its token.
PAGE_POLICY = "; ".join(
    (
        "default-src 'self'",
        "connect-src 'self' ws: wss:",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "content-security-policy": PAGE_POLICY,
}
DOCS_PREFIX = "/schema"
# The icons of the moderators' pages bring their own styles.
ADMIN_PREFIX = "/admin"
ADMIN_POLICY = PAGE_POLICY + "; style-src 'self' 'unsafe-inline'"
# A phone's clip with room to spare; whoever sends more than this to be refused loses the connection.
MAX_DRAINED_BYTES = 64 * 1024 * 1024


def request_id(scope: Scope) -> str:
    """The id of a request, made when it is first asked for."""
    state: dict[str, Any] = scope.setdefault("state", {})
    found: str = state.setdefault("riffle_request_id", new_id("req"))
    return found


async def finish(message: Message, scope: Scope) -> None:
    """Put the request's id and the security headers on every answer."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    headers["x-request-id"] = request_id(scope)
    # A mount changes `path`; what was asked for stays in `raw_path`.
    path = (scope.get("raw_path") or b"").decode("latin-1").partition("?")[0]
    if path == ADMIN_PREFIX or path.startswith(f"{ADMIN_PREFIX}/"):
        headers.setdefault("content-security-policy", ADMIN_POLICY)
    for name, value in HEADERS.items():
        # The pages of the OpenAPI viewer load their scripts from elsewhere.
        if name != "content-security-policy" or not path.startswith(DOCS_PREFIX):
            headers.setdefault(name, value)


def drained(app: ASGIApp) -> ASGIApp:
    """Read a refused body to its end before answering: a client that still sends would only see a reset."""

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id(scope))
        unread = MAX_DRAINED_BYTES

        async def count() -> HTTPReceiveMessage:
            nonlocal unread
            message: HTTPReceiveMessage = await receive()  # type: ignore[assignment]
            if message["type"] == "http.request" and message["more_body"]:
                unread -= len(message["body"])
            else:
                unread = 0
            return message

        async def answer(message: Message) -> None:
            while message["type"] == "http.response.start" and unread > 0:
                await count()
            await send(message)

        await app(scope, count, answer)

    return middleware


async def refuse_unstorable(request: Request[Any, Any, Any]) -> None:
    """Refuse an address that PostgreSQL could not even compare with what it stores.

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
