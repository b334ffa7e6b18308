"""Mounts the moderators' pages under /admin."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import unquote

from litestar import asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from domain.clock import Clock
from media.encryption import BrokenSeal, Seal
from media.store import MediaStore
from schemas.errors import Code, RiffleError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

PREFIX = "/admin"


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
                built.append(await asyncio.to_thread(build))
        await built[0]({**scope, "path": path, "root_path": PREFIX}, receive, send)  # type: ignore[arg-type]

    return admin
