"""Refusals of parts that aren't ours (moderators' pages, OpenAPI pages), in the one error shape too."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from api.http.errors import CODE_BY_STATUS, MESSAGES, error_type
from api.http.request_id import request_id
from schemas.errors import Code, ErrorBody

# Those pages answer with a sentence or a list of fields; what is longer is a page, which nobody reads.
MAX_KEPT_BYTES = 16 * 1024


def put_in_shape(app: ASGIApp) -> ASGIApp:
    """Middleware: a refusal without `error` gets it; what its own page reads of it (`detail`) stays."""

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        start: Any = None
        kept = b""

        async def send_in_shape(message: Message) -> None:
            nonlocal start, kept
            if message["type"] == "http.response.start" and message["status"] >= 400:
                start = message
                return
            if start is None or message["type"] != "http.response.body":
                await send(message)
                return
            kept = (kept + message.get("body", b""))[:MAX_KEPT_BYTES]
            if message.get("more_body", False):
                return
            body = _shaped(scope, start["status"], kept)
            headers = [
                pair
                for pair in start["headers"]
                if pair[0].lower() not in (b"content-type", b"content-length")
            ]
            headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send(cast(Message, {**start, "headers": headers}))
            # A HEAD has the headers alone.
            await send({"type": "http.response.body", "body": body if kept else b"", "more_body": False})

        await app(scope, receive, send_in_shape)

    return middleware


def _shaped(scope: Scope, status: int, raw: bytes) -> bytes:
    try:
        said = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        said = None
    fields = said if isinstance(said, dict) else {}
    if isinstance(fields.get("error"), dict):
        return raw
    code = CODE_BY_STATUS.get(status, Code.INTERNAL if status >= 500 else Code.INVALID_REQUEST)
    detail = fields.get("detail")
    text = detail if isinstance(detail, str) else MESSAGES.get(code, "this is not possible here")
    error = ErrorBody(code=code, message=text, type=error_type(status), request_id=request_id(scope))
    return msgspec.json.encode({**fields, "error": error})
