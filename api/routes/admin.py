"""Mounts the moderators' pages under /admin."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec
from litestar import Request, asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from api.http.body import decode
from api.http.form import read_form
from api.http.multipart import media_type
from api.http.rate_limits import sign_in_attempt
from domain.clock import Clock
from media.encryption import BrokenSeal, Seal
from media.store import MediaStore
from schemas.errors import Code, RiffleError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

PREFIX = "/admin"
LOGIN = f"{PREFIX}/public/login"
# A name and a password; Piccolo's columns hold less.
MAX_LOGIN_BYTES = 4096
MAX_LOGIN_CHARS = 255


def admin_handler(media: MediaStore, seal: Seal, clock: Clock, *, secure: bool) -> ASGIRouteHandler:
    """The pages, with a login of their own; `secure` cookies travel by HTTPS alone.

    They are built at their first request: their packages would be a third of the api's start.
    """

    async def open_proof(key: str, proof_id: str) -> bytes:
        try:
            return seal.open(await media.get(key), proof_id)
        except (BrokenSeal, FileNotFoundError):
            raise RiffleError(Code.NOT_FOUND, f"the clip of {proof_id} can't be opened") from None

    async def open_video(key: str) -> bytes:
        try:
            return await media.get(key)
        except FileNotFoundError:
            raise RiffleError(Code.NOT_FOUND, "its clip is gone") from None

    def build() -> ASGIApp:
        from domain.safety.admin.site import pages

        return pages(open_proof, open_video, clock, secure=secure)

    built: list[ASGIApp] = []
    building = asyncio.Lock()

    @asgi(PREFIX, is_mount=True, copy_scope=True)
    async def admin(scope: Scope, receive: Receive, send: Send) -> None:
        """The moderators' pages."""
        # The framework drops the slash at the end, which the pages' own router needs.
        raw = scope.get("raw_path") or scope["path"].encode()
        path = unquote(raw.decode("latin-1").partition("?")[0])
        if path == PREFIX:
            # The page's own files are addressed relative to the slash.
            await send({"type": "http.response.start", "status": 307, "headers": [(b"location", b"/admin/")]})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        async with building:
            if not built:
                # They stay for good, and a collection meanwhile would stop every thread for 100 ms.
                gc.disable()
                try:
                    built.append(await asyncio.to_thread(build))
                finally:
                    gc.freeze()
                    gc.enable()
        inner: Any = {**scope, "path": path, "root_path": PREFIX}
        if scope.get("method") == "POST" and path.rstrip("/") == LOGIN:
            await _sign_in(built[0], Request(scope, receive, send), inner, send)
            return
        await built[0](inner, receive, send)  # type: ignore[arg-type]

    return admin


async def _sign_in(pages: Any, request: Request[Any, Any, Any], inner: Any, send: Send) -> None:
    """Pass a sign-in on to the pages, unless too many of this address or for this name were wrong.

    Raises:
        RiffleError: rate_limited; invalid_request, invalid_json, body_too_large.
    """
    raw, more = b"", True
    while more:
        message: Any = await request.receive()
        if message["type"] != "http.request":
            raise RiffleError(Code.INVALID_REQUEST, "the body ended before it was whole")
        raw, more = raw + message["body"], message.get("more_body", False)
        if len(raw) > MAX_LOGIN_BYTES:
            raise RiffleError(Code.BODY_TOO_LARGE, "a sign-in is a name and a password")
    body = _login_fields(raw, request.headers.get("content-type", ""))
    statuses: list[int] = []

    async def receive_again() -> Any:
        return {"type": "http.request", "body": msgspec.json.encode(body), "more_body": False}

    async def send_seen(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
        await send(message)

    with sign_in_attempt(request, f"moderator {body['username']}") as attempt:
        attempt.keep()
        await pages(inner, receive_again, send_seen)
        if statuses and statuses[0] < 400:
            attempt.forget()


def _login_fields(raw: bytes, content_type: str) -> dict[str, str]:
    if media_type(content_type) == "application/x-www-form-urlencoded":
        raw = msgspec.json.encode(read_form(raw, content_type, None))
    found: dict[str, Any] = decode(raw, dict[str, Any], "application/json")
    fields = {name: found.get(name, "") for name in ("username", "password")}
    for name, value in fields.items():
        if not isinstance(value, str) or not 0 < len(value) <= MAX_LOGIN_CHARS:
            raise RiffleError(
                Code.INVALID_REQUEST, f"`{name}` takes 1 to {MAX_LOGIN_CHARS} characters", param=name
            )
    return fields
