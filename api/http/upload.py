"""A clip that somebody uploads: the body itself, or the one file of a form."""

from __future__ import annotations

from typing import Any

from litestar import Request
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from schemas.errors import Code, RiffleError

# A minute from a phone at 4 Mbit/s; it lies in memory whole while it is looked at.
MAX_CLIP_BYTES = 32 * 1024 * 1024
FIELD = "file"
RAW = ("video/mp4", "application/octet-stream", "application/x-www-form-urlencoded", "")


async def clip(request: Request[Any, Any, Any]) -> bytes:
    """The bytes of the clip.

    Raises:
        RiffleError: invalid_request (empty, or a broken form), unsupported_media_type; body_too_large by the
            framework.
    """
    content_type = request.headers.get("content-type", "")
    media, options = parse_options_header(content_type)
    # curl calls raw bytes a form unless it is told otherwise.
    if media not in (*RAW, "multipart/form-data"):
        raise RiffleError(Code.UNSUPPORTED_MEDIA_TYPE, f"send video/mp4, not {media}")
    data = await request.body()
    if media == "multipart/form-data":
        data = _file(data, options.get("boundary", ""))
    if not data:
        raise RiffleError(
            Code.INVALID_REQUEST, "send an MP4 as the body, or as the file of a form", param=FIELD
        )
    return data


def _file(raw: bytes, boundary: str) -> bytes:
    if not boundary:
        raise RiffleError(Code.INVALID_REQUEST, "the Content-Type of a multipart body needs a boundary")
    found, current = bytearray(), None
    try:
        limit = {"max_segment_count": 4, "max_segment_size": MAX_CLIP_BYTES}
        with PushMultipartParser(boundary, **limit) as parser:
            for event in (*parser.parse(raw), *parser.parse(b"")):
                if isinstance(event, MultipartSegment):
                    current = event.name
                    if current != FIELD:
                        raise RiffleError(
                            Code.UNKNOWN_FIELD, f"this request has no field `{current}`", param=current
                        )
                elif event:
                    found += event
    except MultipartError as wrong:
        raise RiffleError(Code.INVALID_REQUEST, f"the multipart body is broken: {wrong}") from None
    return bytes(found)
