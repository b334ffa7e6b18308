"""A body where a route takes none is refused: nobody should think that what they said was heard."""

from __future__ import annotations

from typing import Any

from litestar import Request

from api.http.body import decode
from schemas.base import RequestBody

# `opt` of a handler that reads the body by itself.
READS_BODY = {"reads_body": True}


class Nothing(RequestBody, kw_only=True):
    """A body without any field."""


async def refuse_unread_body(request: Request[Any, Any, Any]) -> None:
    """Refuse fields that no handler would look at; an empty object has none (a `before_request` hook).

    Raises:
        RiffleError: unknown_field, invalid_json, unsupported_media_type, body_too_large.
    """
    handler = request.route_handler
    if handler.parsed_data_field is not None or handler.opt.get("reads_body"):
        return
    if "content-length" not in request.headers and "transfer-encoding" not in request.headers:
        return
    raw = await request.body()
    if raw.strip():
        decode(raw, Nothing, request.headers.get("content-type", ""))
