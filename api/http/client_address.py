"""Requests by way of a trusted proxy: their scope names the client, and the protocol that it speaks."""

from __future__ import annotations

from collections.abc import Sequence

from litestar.types import ASGIApp, Receive, Scope, Send

from domain.client_address import Network, find_origin


def read_origins(app: ASGIApp, trusted: Sequence[Network]) -> ASGIApp:
    """An app that is told whom a request comes from, where one of the `trusted` proxies passes it on."""

    async def forwarded(scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if client is not None and trusted:
            origin = find_origin(
                client[0], _values(scope, b"x-forwarded-for"), _values(scope, b"x-forwarded-proto"), trusted
            )
            scope["client"] = (origin.address, client[1])
            if origin.secure is not None:
                scope["scheme"] = "https" if origin.secure else "http"
        await app(scope, receive, send)

    return forwarded


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
