"""The one error shape and the closed list of codes, each with its HTTP status."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from schemas.base import ResponseBody


class Code(StrEnum):
    """Every code a client can meet."""

    INVALID_JSON = "invalid_json"
    INVALID_REQUEST = "invalid_request"
    UNKNOWN_FIELD = "unknown_field"
    PROMPT_TOO_LONG = "prompt_too_long"
    INVALID_SIZE = "invalid_size"
    INVALID_N = "invalid_n"
    UNKNOWN_MODEL = "unknown_model"
    INVALID_CURSOR = "invalid_cursor"
    INVALID_STATE = "invalid_state"
    UNAUTHENTICATED = "unauthenticated"
    TOKEN_EXPIRED = "token_expired"
    WRONG_CREDENTIALS = "wrong_credentials"
    INSUFFICIENT_CREDITS = "insufficient_credits"
    CONSENT_REFUSED = "consent_refused"
    LIKENESS_PROTECTED = "likeness_protected"
    MODERATION_REFUSED = "moderation_refused"
    TAKEN_DOWN = "taken_down"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    GONE = "gone"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    HANDLE_TAKEN = "handle_taken"
    CONFLICT = "conflict"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    NOT_READY = "not_ready"
    REQUEST_TIMEOUT = "request_timeout"
    BODY_TOO_LARGE = "body_too_large"
    PRECONDITION_FAILED = "precondition_failed"
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"
    GENERATION_FAILED = "generation_failed"
    CONSENT_REVOKED = "consent_revoked"
    INTERNAL = "internal"


STATUS: dict[Code, int] = {
    Code.INVALID_JSON: 400,
    Code.INVALID_REQUEST: 400,
    Code.UNKNOWN_FIELD: 400,
    Code.PROMPT_TOO_LONG: 400,
    Code.INVALID_SIZE: 400,
    Code.INVALID_N: 400,
    Code.UNKNOWN_MODEL: 400,
    Code.INVALID_CURSOR: 400,
    Code.INVALID_STATE: 409,
    Code.UNAUTHENTICATED: 401,
    Code.TOKEN_EXPIRED: 401,
    Code.WRONG_CREDENTIALS: 401,
    Code.INSUFFICIENT_CREDITS: 402,
    Code.CONSENT_REFUSED: 403,
    Code.LIKENESS_PROTECTED: 403,
    Code.MODERATION_REFUSED: 403,
    Code.TAKEN_DOWN: 451,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.GONE: 410,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.HANDLE_TAKEN: 409,
    Code.CONFLICT: 409,
    Code.IDEMPOTENCY_MISMATCH: 409,
    Code.NOT_READY: 409,
    Code.REQUEST_TIMEOUT: 408,
    Code.BODY_TOO_LARGE: 413,
    Code.PRECONDITION_FAILED: 412,
    Code.RANGE_NOT_SATISFIABLE: 416,
    Code.UNSUPPORTED_MEDIA_TYPE: 415,
    Code.RATE_LIMITED: 429,
    Code.BUSY: 503,
    Code.GENERATION_FAILED: 500,
    Code.CONSENT_REVOKED: 403,
    Code.INTERNAL: 500,
}


class ErrorBody(ResponseBody, kw_only=True):
    """What went wrong, in words a person can act on; `param` names the field or path at fault."""

    code: Code
    message: str
    param: str | None = None
    type: str = "invalid_request_error"
    request_id: str | None = None


class ErrorResponse(ResponseBody, kw_only=True):
    """The envelope of every error reply."""

    error: ErrorBody


class VideoError(msgspec.Struct, kw_only=True):
    """Why a generation failed, as it stands in a video's `error`."""

    code: str
    message: str


class RiffleError(Exception):
    """Raised anywhere below the edge; the api turns it into the one error shape."""

    def __init__(
        self, code: Code, message: str, *, param: str | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s
