"""The id of a request: in each answer's `x-request-id`, in each error, and on each line that is logged."""

from __future__ import annotations

from typing import Any

import structlog
from litestar.types import ASGIApp, Receive, Scope, Send

from domain.ids import new_id

HEADER = "x-request-id"


def request_id(scope: Scope) -> str:
    """The id of a request, made when it is first asked for."""
    state: dict[str, Any] = scope.setdefault("state", {})
    found: str = state.setdefault("riffle_request_id", new_id("req"))
    return found


def bind_request_id(app: ASGIApp) -> ASGIApp:
    """Middleware: what is logged while a request is handled carries its id."""

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id(scope))
        await app(scope, receive, send)

    return middleware
