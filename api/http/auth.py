"""Who is asking: bearer tokens, and the guard that every private route stands behind."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from api.http.clock import read_clock
from api.http.request_id import request_id
from domain.accounts import sessions
from domain.accounts.accounts import AccountRow
from domain.safety.screen import Asker
from schemas.errors import Code, RiffleError

# Ours are 50 characters; anything much longer is no token.
MAX_TOKEN_CHARS = 256
# `opt` of a handler that anybody may call.
PUBLIC = {"public": True}
# `request.user` is the account, `request.auth` the id of its session.
AuthedRequest: TypeAlias = Request[AccountRow, str, State]
PublicRequest: TypeAlias = Request[Any, Any, State]


async def require_sign_in(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard: a valid access token is needed; `request.user` is its account, `request.auth` its session.

    Raises:
        RiffleError: unauthenticated or token_expired.
    """
    if handler.opt.get("public") or connection.scope.get("method") == "OPTIONS":
        return
    token = bearer(connection)
    user, session = await sessions.authenticate(token, read_clock(connection))
    connection.scope["user"], connection.scope["auth"] = user, session


def bearer(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The token of the Authorization header.

    Raises:
        RiffleError: there is none.
    """
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN_CHARS or not token.isascii():
        raise RiffleError(Code.UNAUTHENTICATED, "sign in first: send `Authorization: Bearer <access token>`")
    return token


def asker(request: AuthedRequest, now: datetime) -> Asker:
    """Who asks, for domain.safety.screen."""
    return Asker(request.user.id, request_id(request.scope), now)
