"""Failures of one job, as exceptions here and as Fault frames on the wire."""

from __future__ import annotations

from schemas.work import Fault, FaultCode, Render


class JobError(Exception):
    """One job failed for a reason that its sender can act on."""

    def __init__(self, code: FaultCode, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable


def fault(request: Render, error: BaseException) -> Fault:
    """The frame that reports `error` to a job's sender; what is no JobError is internal and retryable."""
    if not isinstance(error, JobError):
        message = f"{type(error).__name__} while drawing"
        error = JobError(FaultCode.INTERNAL, message, retryable=True)
    return Fault(
        job=request.id,
        attempt=request.attempt,
        code=error.code,
        message=error.message,
        retryable=error.retryable,
    )
