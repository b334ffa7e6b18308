"""Idempotency-Key: the same request twice makes one thing and gets one answer."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import msgspec
from litestar import Response

from api.http.auth import AuthedRequest
from api.http.clock import read_clock
from db import idempotency
from db.engine import transaction
from schemas.errors import Code, RiffleError

T = TypeVar("T", bound=msgspec.Struct)
Checked = TypeVar("Checked")
# A UUID has 36 characters; room for a readable prefix.
MAX_KEY_CHARS = 255
KEY_HEADER = "idempotency-key"
REPLAY_HEADER = {"idempotent-replayed": "true"}


async def idempotent(
    request: AuthedRequest,
    data: msgspec.Struct | None,
    create: Callable[[], Awaitable[T]],
    *,
    status: int = 201,
    headers: dict[str, str] | None = None,
) -> Response[T]:
    """As `idempotent_with_check`, without a check."""

    async def check() -> None:
        return None

    async def create_unchecked(_: None) -> T:
        return await create()

    return await idempotent_with_check(request, data, check, create_unchecked, status=status, headers=headers)


async def idempotent_with_check(
    request: AuthedRequest,
    data: msgspec.Struct | None,
    check: Callable[[], Awaitable[Checked]],
    create: Callable[[Checked], Awaitable[T]],
    *,
    status: int = 201,
    headers: dict[str, str] | None = None,
) -> Response[T]:
    """Run `create` in one transaction with the record of its response; a repeat gets that.

    `check` runs before, outside of any transaction, and not at all where the response is recorded: what
    was made stays made, whatever would be refused today. Its result goes to `create`. The body is compared
    after parsing, so the same fields as JSON or as a form are the same request.

    Raises:
        RiffleError: a bad key, idempotency_mismatch, or what `check` or `create` raise (then nothing is
            recorded).
    """
    key = request.headers.get(KEY_HEADER)
    if key is None:
        checked = await check()
        async with transaction():
            return Response(await create(checked), status_code=status, headers=headers)
    if not 0 < len(key) <= MAX_KEY_CHARS or not key.isascii() or not key.isprintable():
        raise RiffleError(
            Code.INVALID_REQUEST,
            f"Idempotency-Key takes 1 to {MAX_KEY_CHARS} printable characters",
            param=KEY_HEADER,
        )
    record = {
        "account_id": request.user.id,
        "key": key,
        "route": f"{request.method} {request.scope['path']}",
        "body_hash": hashlib.sha256(msgspec.json.encode(data, order="sorted")).hexdigest(),
    }
    replay_headers = {**(headers or {}), **REPLAY_HEADER}
    if stored := await idempotency.find(**record):
        return _json(stored[1], stored[0], replay_headers)
    try:
        checked = await check()
    except RiffleError:
        # The same request may have been carried out while this one was checked.
        if stored := await idempotency.find(**record):
            return _json(stored[1], stored[0], replay_headers)
        raise
    async with transaction():
        if stored := await idempotency.begin(**record):
            return _json(stored[1], stored[0], replay_headers)
        body = msgspec.json.encode(await create(checked))
        await idempotency.store(**record, status=status, body=body, now=read_clock(request))
    return _json(body, status, headers)


def _json(body: bytes, status: int, headers: dict[str, str] | None) -> Response[Any]:
    return Response(cast(Any, body), status_code=status, headers=headers, media_type="application/json")
