"""What the model server answers by HTTP: JSON, and errors in the one shape."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from schemas.errors import STATUS, Code, ErrorBody, ErrorResponse

# Loading takes a few seconds; asking more often than this is no use.
RETRY_AFTER_S = 1


def error(code: Code, message: str, headers: Any = None) -> Response:
    """An error in the one shape."""
    return reply(STATUS[code], ErrorResponse(error=ErrorBody(code=code, message=message)), headers)


def reply(status: int, body: Any, headers: Any = None) -> Response:
    """A body as JSON."""
    answer = Response(msgspec.json.encode(body), status, headers, media_type="application/json")
    if status == 503:
        answer.headers["retry-after"] = str(RETRY_AFTER_S)
    return answer
