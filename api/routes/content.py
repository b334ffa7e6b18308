"""The bytes of a finished video: MP4, thumbnail, spritesheet, whole or in ranges."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from litestar import Controller, Response, route
from litestar.params import Parameter
from litestar.response import Stream

from api.http.auth import AuthedRequest
from api.http.errors import ErrorWithHeaders
from api.http.etags import Preconditions
from api.http.file_names import content_disposition
from api.http.openapi_files import MediaOperation
from api.http.ranges import ByteRange, RangeNotSatisfiable, parse_range
from domain.videos.record import VideoRow
from domain.videos.visibility import get_playable, is_taken_down
from media.store import MediaStore
from schemas.errors import Code, RiffleError
from schemas.videos import Status, Variant

KINDS: dict[str, str] = {"video": "video/mp4", "thumbnail": "image/webp", "spritesheet": "image/jpeg"}
ENDINGS: dict[str, str] = {"video": "mp4", "thumbnail": "webp", "spritesheet": "jpg"}
# Read from the store in pieces, so that a long video never lies in memory whole.
CHUNK_BYTES = 1024 * 1024
# Asked for again each time: consent may have ended since.
CACHE = "private, no-cache"


class Content(Controller):
    """Media of videos."""

    path = "/videos"
    tags = ("videos",)

    @route(
        "/{video_id:str}/content",
        http_method=["GET", "HEAD"],
        status_code=200,
        summary="The MP4, thumbnail or spritesheet",
        operation_class=MediaOperation,
    )
    async def content(
        self,
        request: AuthedRequest,
        now: datetime,
        video_id: str,
        media: MediaStore,
        variant: Annotated[Variant, Parameter(description="video, thumbnail or spritesheet")] = "video",
    ) -> Response[Any]:
        """The media of a completed video. One byte range is served (206); `If-None-Match` (304),
        `If-Match` and `If-Range` work.

        Raises:
            RiffleError: not_found, gone, not_ready, invalid_state, taken_down, precondition_failed,
                range_not_satisfiable.
        """
        video = await get_playable(video_id, request.user.id, now)
        key = _key(video, variant)
        if await is_taken_down([video_id], now):
            raise RiffleError(Code.TAKEN_DOWN, "this video is out of sight; GET /v1/takedowns says more")
        try:
            found = await media.stat(key)
        except FileNotFoundError:
            raise RiffleError(Code.NOT_FOUND, f"the {variant} of this video is gone") from None
        etag = f'"{found.etag}"'
        headers = {"etag": etag, "accept-ranges": "bytes", "cache-control": CACHE}
        if Preconditions.of(request).has_newest(etag):
            return Response(b"", status_code=304, headers=headers)
        headers["content-disposition"] = content_disposition(video.prompt, video.id, ENDINGS[variant])
        whole = ByteRange(0, found.size)
        span = _span(request, etag, found.size)
        if span is not None:
            headers["content-range"] = f"bytes {span.start}-{span.end - 1}/{found.size}"
        served = span or whole
        headers["content-length"] = str(served.end - served.start)
        body = _nothing() if request.method == "HEAD" else _read(media, key, served)
        return Stream(body, status_code=206 if span else 200, headers=headers, media_type=KINDS[variant])


def _key(video: VideoRow, variant: str) -> str:
    if video.status in (Status.QUEUED, Status.IN_PROGRESS):
        raise RiffleError(
            Code.NOT_READY, f"the video is {video.status}: its media comes when it is completed"
        )
    key = {"video": video.video_key, "thumbnail": video.thumbnail_key, "spritesheet": video.spritesheet_key}[
        variant
    ]
    if video.status != Status.COMPLETED or not key:
        raise RiffleError(Code.INVALID_STATE, f"the video is {video.status} and has no media")
    return str(key)


def _span(request: AuthedRequest, etag: str, size: int) -> ByteRange | None:
    # A range is for GET alone, and only of the object that the client has the first part of.
    counts = request.method == "GET" and request.headers.get("if-range", etag) == etag
    try:
        return parse_range(request.headers.get("range"), size) if counts else None
    except RangeNotSatisfiable:
        raise ErrorWithHeaders(
            Code.RANGE_NOT_SATISFIABLE,
            f"the range lies outside the {size} bytes",
            headers={"content-range": f"bytes */{size}"},
        ) from None


async def _read(media: MediaStore, key: str, span: ByteRange) -> AsyncIterator[bytes]:
    for start in range(span.start, span.end, CHUNK_BYTES):
        yield await media.get_range(key, start, min(start + CHUNK_BYTES, span.end))


async def _nothing() -> AsyncIterator[bytes]:
    yield b""
