"""The parts of a multipart/form-data body, for forms and uploads alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from domain.work_threads import WorkThreads
from schemas.errors import Code, RiffleError

MEDIA_TYPE = "multipart/form-data"
# A larger form is taken apart beside the event loop: 32 MB take a tenth of a second.
THREADS = WorkThreads(
    "forms", threads=2, max_waiting=32, busy="many files are coming in: try again in a moment"
)
INLINE_BYTES = 256 * 1024
# The parser copies what it has not looked at yet each time.
CHUNK_BYTES = 64 * 1024


class FormPart(NamedTuple):
    """One field of the form; `filename` is None where it is no file."""

    name: str
    filename: str | None
    data: bytes


def media_type(content_type: str) -> str:
    """The media type of a Content-Type header, without its parameters."""
    found: str = parse_options_header(content_type)[0]
    return found.lower()


def read_parts(raw: bytes, content_type: str, *, max_parts: int) -> Iterator[FormPart]:
    """The parts of the body `raw`, in their order.

    Raises:
        RiffleError: invalid_request (no boundary, more than `max_parts`, or broken).
    """
    boundary = parse_options_header(content_type)[1].get("boundary", "")
    if not boundary:
        raise RiffleError(Code.INVALID_REQUEST, "the Content-Type of a multipart body needs a boundary")
    try:
        with PushMultipartParser(boundary, max_segment_count=max_parts) as parser:
            segment: MultipartSegment | None = None
            data = bytearray()
            # The empty chunk at the end tells the parser that the body ends here.
            for start in range(0, len(raw) + CHUNK_BYTES, CHUNK_BYTES):
                for event in parser.parse(raw[start : start + CHUNK_BYTES]):
                    if isinstance(event, MultipartSegment):
                        segment, data = event, bytearray()
                    elif event:
                        data += event
                    elif segment is not None:
                        yield FormPart(segment.name, segment.filename, bytes(data))
    # Headers of a part name characters that no codec has, or lie about them.
    except (MultipartError, ValueError, LookupError, RecursionError) as wrong:
        raise RiffleError(Code.INVALID_REQUEST, f"the multipart body is broken: {wrong}") from None
