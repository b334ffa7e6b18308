"""Idempotency-Key: the same request twice makes one thing and gets one answer."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import msgspec
from litestar import Response

from api.http.auth import Authed
from api.http.clock import now
from db import idempotency
from db.engine import transaction
from schemas.errors import Code, RiffleError

T = TypeVar("T", bound=msgspec.Struct)
K = TypeVar("K")
# A UUID has 36 characters; room for a readable prefix.
MAX_KEY_CHARS = 255
KEY_HEADER = "idempotency-key"
REPLAYED = {"idempotent-replayed": "true"}


async def once(
    request: Authed,
    data: msgspec.Struct | None,
    make: Callable[[], Awaitable[T]],
    *,
    status: int = 201,
    headers: dict[str, str] | None = None,
) -> Response[T]:
    """As `once_checked`, with nothing to look at beforehand."""

    async def check() -> None:
        return None

    async def made(_: None) -> T:
        return await make()

    return await once_checked(request, data, check, made, status=status, headers=headers)


async def once_checked(
    request: Authed,
    data: msgspec.Struct | None,
    check: Callable[[], Awaitable[K]],
    make: Callable[[K], Awaitable[T]],
    *,
    status: int = 201,
    headers: dict[str, str] | None = None,
) -> Response[T]:
    """Run `make` in one transaction with the record of its answer; a repeat gets that answer.

    `check` runs before, outside of any transaction, and not at all where the answer is there already: what
    was made stays made, whatever would be refused today. Its result goes to `make`. The body is compared
    after parsing, so the same fields as JSON or as a form are the same request.

    Raises:
        RiffleError: a bad key, idempotency_mismatch, or what `check` or `make` raise (then nothing is
            recorded).
    """
    key = request.headers.get(KEY_HEADER)
    if key is None:
        known = await check()
        async with transaction():
            return Response(await make(known), status_code=status, headers=headers)
    if not 0 < len(key) <= MAX_KEY_CHARS or not key.isascii() or not key.isprintable():
        raise RiffleError(
            Code.INVALID_REQUEST,
            f"Idempotency-Key takes 1 to {MAX_KEY_CHARS} printable characters",
            param=KEY_HEADER,
        )
    mark = {
        "account_id": request.user.id,
        "key": key,
        "route": f"{request.method} {request.scope['path']}",
        "body_hash": hashlib.sha256(msgspec.json.encode(data, order="sorted")).hexdigest(),
    }
    again = {**(headers or {}), **REPLAYED}
    if stored := await idempotency.find(**mark):
        return _reply(stored[1], stored[0], again)
    try:
        known = await check()
    except RiffleError:
        # Its twin may have been made while this one was looked at.
        if stored := await idempotency.find(**mark):
            return _reply(stored[1], stored[0], again)
        raise
    async with transaction():
        if stored := await idempotency.begin(**mark):
            return _reply(stored[1], stored[0], again)
        body = msgspec.json.encode(await make(known))
        await idempotency.store(**mark, status=status, body=body, now=now())
    return _reply(body, status, headers)


def _reply(body: bytes, status: int, headers: dict[str, str] | None) -> Response[Any]:
    return Response(cast(Any, body), status_code=status, headers=headers, media_type="application/json")
