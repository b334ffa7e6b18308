"""What the OpenAPI document says of bodies that are files: asked for whole or in part, and sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Parameter,
    RequestBody,
    Schema,
)

from api.http.multipart import MEDIA_TYPE
from api.http.openapi import TEXT, RiffleOperation
from api.http.upload import FIELD
from media.reference import CLIP, PICTURES

FILE = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
FORM = Schema(type=OpenAPIType.OBJECT, required=[FIELD], properties={FIELD: FILE})
# What a client may ask of the bytes (RFC 9110).
ASKS = {
    "Range": "one range of bytes",
    "If-Range": "the ETag that the range is of; the whole comes where it is another",
}
READ_ASKS = {
    "If-None-Match": "ETags that the client has, or `*`: 304 where it is one of them",
    "If-Match": "ETags that the client wants, or `*`: precondition_failed where it is none of them",
}
# And of a file that it replaces or removes.
CHANGE_ASKS = {
    "If-None-Match": "ETags, or `*`: precondition_failed where there is one of them (`*`: any)",
    "If-Match": "ETags, or `*`: precondition_failed unless there is one of them (`*`: any)",
}


def _headers(asks: Mapping[str, str]) -> list[Parameter]:
    return [
        Parameter(name=name, param_in="header", schema=TEXT, description=text, required=False)
        for name, text in asks.items()
    ]


def _files(*kinds: str) -> dict[str, OpenAPIMediaType]:
    return {kind: OpenAPIMediaType(schema=FILE) for kind in kinds}


@dataclass
class ShownFileOperation(RiffleOperation):
    """An operation that answers with the file itself."""

    kinds: ClassVar[tuple[str, ...]] = ("image/webp", "video/mp4")

    def __post_init__(self) -> None:
        """Name the kinds of file that it answers with."""
        super().__post_init__()
        whole = OpenAPIResponse(description="The file", content=dict(_files(*self.kinds)))
        known = OpenAPIResponse(description="The client has it", content=None)
        self.responses = {**(self.responses or {}), "200": whole, "304": known}
        self.parameters = [*(self.parameters or []), *_headers(READ_ASKS)]


@dataclass
class MediaOperation(ShownFileOperation):
    """An operation that answers with the file, a range of it, or that the client has it."""

    kinds: ClassVar[tuple[str, ...]] = ("video/mp4", "image/webp", "image/jpeg")

    def __post_init__(self) -> None:
        """Name what may be asked of the bytes, and what comes of it."""
        super().__post_init__()
        part = OpenAPIResponse(description="A range of the file", content=dict(_files(*self.kinds)))
        self.responses = {**(self.responses or {}), "206": part}
        self.parameters = [*(self.parameters or []), *_headers(ASKS)]


@dataclass
class ChangeOperation(RiffleOperation):
    """An operation that replaces or removes what has an ETag."""

    def __post_init__(self) -> None:
        """Name what a client may ask of what there is."""
        super().__post_init__()
        self.parameters = [*(self.parameters or []), *_headers(CHANGE_ASKS)]


@dataclass
class PictureOperation(ChangeOperation):
    """An operation whose body is the file itself."""

    def __post_init__(self) -> None:
        """Name the kinds of file that it takes."""
        super().__post_init__()
        self.request_body = RequestBody(required=True, content=_files(*PICTURES, CLIP))


@dataclass
class ClipOperation(RiffleOperation):
    """An operation whose body is an MP4, or a form with one."""

    def __post_init__(self) -> None:
        """Name the two ways."""
        super().__post_init__()
        form = {MEDIA_TYPE: OpenAPIMediaType(schema=FORM)}
        self.request_body = RequestBody(required=True, content={**_files(CLIP), **form})
