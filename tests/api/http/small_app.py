"""A few routes behind the bounds of the real server: `python -m tests.api.http.small_app PORT`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

from litestar import Litestar, Request, get, post
from litestar.response import Stream

from api.app import serve
from api.http import connections
from api.http.errors import to_error_response
from schemas.errors import Code, RiffleError

MEGABYTE = 1024 * 1024


@get("/health")
async def health() -> str:
    return "ok"


@post("/body", request_max_body_size=64 * MEGABYTE)
async def body(request: Request[Any, Any, Any]) -> int:
    return len(await request.body())


@post("/refused", request_max_body_size=64 * MEGABYTE)
async def refused() -> None:
    raise RiffleError(Code.UNAUTHENTICATED, "sign in first")


@get("/origin")
async def origin(request: Request[Any, Any, Any]) -> str:
    assert request.client is not None
    return f"{request.scope['scheme']} {request.client.host}"


async def _megabytes() -> AsyncIterator[bytes]:
    for _ in range(64):
        yield b"x" * MEGABYTE


@get("/large")
async def large() -> Stream:
    return Stream(_megabytes())


if __name__ == "__main__":
    app = Litestar(
        [health, body, refused, origin, large],
        exception_handlers={Exception: to_error_response},
        logging_config=None,
    )
    connections.MAX_SEND_S = 2.0
    trusted = [ip_network(network) for network in sys.argv[2:]]
    asyncio.run(serve(app, int(sys.argv[1]), trusted))
