"""Turns whatever goes wrong into the one error shape."""

from __future__ import annotations

import logging
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, InternalServerException, ValidationException

from api.http.request_id import request_id
from db.engine import AWAY
from domain.media_keys import ReservationLost
from media.decode_pool import DecoderBusy
from media.fingerprint import UnreadableVideo
from schemas.errors import STATUS, Code, ErrorBody, ErrorResponse, RiffleError

log = logging.getLogger(__name__)

# Litestar's own refusals, by status.
CODE_BY_STATUS: dict[int, Code] = {
    400: Code.INVALID_REQUEST,
    401: Code.UNAUTHENTICATED,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    405: Code.METHOD_NOT_ALLOWED,
    408: Code.REQUEST_TIMEOUT,
    413: Code.BODY_TOO_LARGE,
    415: Code.UNSUPPORTED_MEDIA_TYPE,
    429: Code.RATE_LIMITED,
}
MESSAGES: dict[Code, str] = {
    Code.NOT_FOUND: "there is nothing at this address",
    Code.BODY_TOO_LARGE: "the body is larger than this server takes",
}
# What Litestar says of a body that a client did not send to its end.
DISCONNECTED = "client disconnected prematurely"
# For a 429 or 503 that does not know better.
RETRY_AFTER_S = 2


class ErrorWithHeaders(RiffleError):
    """A refusal whose response needs headers of its own."""

    def __init__(self, code: Code, message: str, *, headers: dict[str, str]) -> None:
        super().__init__(code, message)
        self.headers = headers


def to_error_response(request: Request[Any, Any, Any], problem: Exception) -> Response[ErrorResponse]:
    """The exception handler of the app: an unexpected `problem` is logged in full and sent as `internal`."""
    headers: dict[str, str] = dict(getattr(problem, "headers", None) or {})
    if isinstance(problem, RiffleError):
        error = problem
    elif isinstance(problem, HTTPException) and problem.status_code < 500:
        error = _from_framework(request, problem)
    elif isinstance(problem, InternalServerException) and problem.detail == DISCONNECTED:
        log.info("%s %s: the client left before its body was whole", request.method, request.scope["path"])
        error = RiffleError(Code.INVALID_REQUEST, "the body ended before it was whole")
    elif isinstance(problem, DecoderBusy):
        error = RiffleError(Code.BUSY, "too many uploads are being looked at: try again in a moment")
    elif isinstance(problem, UnreadableVideo):
        # Each upload is decoded in several tasks, and any of them may be one too much.
        error = RiffleError(Code.INVALID_REQUEST, str(problem) or "the file can't be read")
    elif isinstance(problem, (*AWAY, ReservationLost)):
        log.warning("a service this needs is away: %r", problem)
        error = RiffleError(Code.BUSY, "a service this needs is away for a moment: try again")
    else:
        log.error("%s %s failed", request.method, request.scope["path"], exc_info=problem)
        error = RiffleError(
            Code.INTERNAL, "something went wrong on our side; the request id helps to find it"
        )
    status = STATUS[error.code]
    if status in (429, 503):
        headers["retry-after"] = str(error.retry_after_s or RETRY_AFTER_S)
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    body = ErrorBody(
        code=error.code,
        message=error.message,
        param=error.param,
        type=error_type(status),
        request_id=request_id(request.scope),
    )
    return Response(ErrorResponse(error=body), status_code=status, headers=headers)


def error_type(status: int) -> str:
    """The type of the SDK's errors for a status."""
    return {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}.get(
        status, "server_error" if status >= 500 else "invalid_request_error"
    )


def _from_framework(request: Request[Any, Any, Any], problem: HTTPException) -> RiffleError:
    code = CODE_BY_STATUS.get(problem.status_code, Code.INVALID_REQUEST)
    if isinstance(problem, ValidationException):
        return _from_validation(problem)
    if code is Code.METHOD_NOT_ALLOWED:
        return RiffleError(code, f"{request.method} is not possible here")
    return RiffleError(code, MESSAGES.get(code, problem.detail))


def _from_validation(problem: ValidationException) -> RiffleError:
    """Litestar checks path and query parameters (bodies are read by api.http.body)."""
    first = problem.extra[0] if isinstance(problem.extra, list) and problem.extra else None
    if not isinstance(first, dict):
        return RiffleError(Code.INVALID_REQUEST, problem.detail.split(" for ")[0])
    if first.get("key") == "data":
        return RiffleError(Code.INVALID_JSON, "this request needs a JSON body")
    return RiffleError(Code.INVALID_REQUEST, str(first.get("message")), param=first.get("key"))
