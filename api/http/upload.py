"""A clip that somebody uploads: the body itself, or the one file of a form."""

from __future__ import annotations

from typing import Any

from litestar import Request

from api.http.multipart import MEDIA_TYPE, THREADS, media_type, read_parts
from schemas.errors import Code, RiffleError

# A minute from a phone at 4 Mbit/s; it lies in memory whole while it is looked at.
MAX_CLIP_BYTES = 32 * 1024 * 1024
FIELD = "file"
# One is taken; a few more are read to say which of them is wrong.
MAX_PARTS = 4
# The same container with Apple's brand, as iPhones record.
QUICKTIME = "video/quicktime"
RAW = ("video/mp4", QUICKTIME, "application/octet-stream", "application/x-www-form-urlencoded", "")


async def read_clip(request: Request[Any, Any, Any]) -> bytes:
    """The bytes of the clip.

    Raises:
        RiffleError: invalid_request (empty, or a broken form), unknown_field, unsupported_media_type, busy;
            body_too_large by the framework.
    """
    content_type = request.headers.get("content-type", "")
    media = media_type(content_type)
    # curl calls raw bytes a form unless it is told otherwise.
    if media not in (*RAW, MEDIA_TYPE):
        raise RiffleError(Code.UNSUPPORTED_MEDIA_TYPE, f"send video/mp4, not {media}")
    data = await request.body()
    if media == MEDIA_TYPE:
        data = await THREADS.run(_only_file, data, content_type)
    if not data:
        raise RiffleError(
            Code.INVALID_REQUEST, "send an MP4 as the body, or as the file of a form", param=FIELD
        )
    return data


def _only_file(raw: bytes, content_type: str) -> bytes:
    found: bytes | None = None
    for part in read_parts(raw, content_type, max_parts=MAX_PARTS):
        if part.name != FIELD:
            raise RiffleError(Code.UNKNOWN_FIELD, f"this request has no field `{part.name}`", param=part.name)
        if found is not None:
            raise RiffleError(Code.INVALID_REQUEST, f"send one `{FIELD}`, not several", param=FIELD)
        found = part.data
    return found or b""
