"""Idempotency-Key: the same request twice makes one thing and gets one answer."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import msgspec
from litestar import Response

from api.http.auth import AuthedRequest
from api.http.clock import read_clock
from db import idempotency
from db.engine import transaction
from schemas.errors import Code, RiffleError


class Made(Protocol):
    """What a request made, as it is answered: it has an id."""

    @property
    def id(self) -> str:
        """The id by which it can be read again."""


T = TypeVar("T", bound=Made)
Checked = TypeVar("Checked")
# A UUID has 36 characters; room for a readable prefix.
MAX_KEY_CHARS = 255
KEY_HEADER = "idempotency-key"
REPLAY_HEADER = {"idempotent-replayed": "true"}


async def _body_hash(data: msgspec.Struct | None) -> str:
    """SHA-256 of a body, whether it came as JSON or as a form; of files their own stands for them."""
    plain = msgspec.to_builtins(data, builtin_types=(bytes,))
    fields = plain if isinstance(plain, dict) else {}
    for name in [name for name, value in fields.items() if isinstance(value, bytes)]:
        # It lets the event loop go on; of 32 MB it takes a tenth of a second.
        fields[name] = (await asyncio.to_thread(hashlib.sha256, fields[name])).hexdigest()
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()


async def idempotent(
    request: AuthedRequest,
    data: msgspec.Struct | None,
    create: Callable[[], Awaitable[T]],
    reread: Callable[[str], Awaitable[T]],
    *,
    status: int = 201,
    headers: dict[str, str] | None = None,
) -> Response[T]:
    """As `idempotent_with_check`, without a check."""

    async def check() -> None:
        return None

    async def create_unchecked(_: None) -> T:
        return await create()

    return await idempotent_with_check(
        request, data, check, create_unchecked, reread, status=status, headers=headers
    )


async def idempotent_with_check(
    request: AuthedRequest,
    data: msgspec.Struct | None,
    check: Callable[[], Awaitable[Checked]],
    create: Callable[[Checked], Awaitable[T]],
    reread: Callable[[str], Awaitable[T]],
    *,
    status: int = 201,
    headers: dict[str, str] | None = None,
) -> Response[T]:
    """Run `create` in one transaction with the record of its id; a repeat is answered by `reread` of that.

    So a repeat makes nothing, and shows what was made as it is by then. `check` runs before, outside of any
    transaction, and not at all where something is recorded: what was made stays made, whatever would be
    refused today. Its result goes to `create`. The body is compared after parsing, so the same fields as JSON
    or as a form are the same request.

    Raises:
        RiffleError: a bad key, idempotency_mismatch, or what `check` or `create` raise (then nothing is
            recorded), or what `reread` raises where it is gone.
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
        "body_hash": await _body_hash(data),
    }

    async def replay(made_id: str) -> Response[T]:
        return Response(
            await reread(made_id), status_code=status, headers={**(headers or {}), **REPLAY_HEADER}
        )

    if (stored := await idempotency.find(**record)) is not None:
        return await replay(stored)
    try:
        checked = await check()
    except RiffleError:
        # The same request may have been carried out while this one was checked.
        if (stored := await idempotency.find(**record)) is not None:
            return await replay(stored)
        raise
    async with transaction():
        stored = await idempotency.begin(**record)
        if stored is None:
            made = await create(checked)
            await idempotency.store(**record, made_id=made.id, now=read_clock(request))
            return Response(made, status_code=status, headers=headers)
    return await replay(stored)
