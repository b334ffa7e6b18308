"""What the OpenAPI document says of bodies that are files: asked for whole or in part, and sent."""

from __future__ import annotations

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
    "If-None-Match": "ETags that the client has, or `*`: 304 where it is one of them",
    "If-Match": "ETags that the client wants, or `*`: precondition_failed where it is none of them",
}


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
        self.responses = {**(self.responses or {}), "200": whole}


@dataclass
class MediaOperation(ShownFileOperation):
    """An operation that answers with the file, a range of it, or that the client has it."""

    kinds: ClassVar[tuple[str, ...]] = ("video/mp4", "image/webp", "image/jpeg")

    def __post_init__(self) -> None:
        """Name what may be asked of the bytes, and what comes of it."""
        super().__post_init__()
        part = OpenAPIResponse(description="A range of the file", content=dict(_files(*self.kinds)))
        known = OpenAPIResponse(description="The client has it", content=None)
        self.responses = {**(self.responses or {}), "206": part, "304": known}
        asks = [
            Parameter(name=name, param_in="header", schema=TEXT, description=text, required=False)
            for name, text in ASKS.items()
        ]
        self.parameters = [*(self.parameters or []), *asks]


@dataclass
class PictureOperation(RiffleOperation):
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
