"""Headers of every response: the request id, and what keeps browsers from running any but our files."""

from __future__ import annotations

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from api.http.request_id import HEADER as REQUEST_ID_HEADER
from api.http.request_id import request_id

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
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "content-security-policy": PAGE_POLICY,
}
# The icons of the moderators' pages bring their own styles.
ADMIN_PREFIX = "/admin"
ADMIN_POLICY = PAGE_POLICY + "; style-src 'self' 'unsafe-inline'"


async def add_response_headers(message: Message, scope: Scope) -> None:
    """Put the request's id and the security headers on every response (a `before_send` hook)."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    headers[REQUEST_ID_HEADER] = request_id(scope)
    # A mount changes `path`; what was asked for stays in `raw_path`.
    path = (scope.get("raw_path") or b"").decode("latin-1").partition("?")[0]
    if path == ADMIN_PREFIX or path.startswith(f"{ADMIN_PREFIX}/"):
        headers.setdefault("content-security-policy", ADMIN_POLICY)
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
