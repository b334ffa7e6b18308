"""Why a job could not be drawn, in the words of the wire."""

from __future__ import annotations

from schemas.work import Fault, Render

# The queue is full: the same job may be sent again later.
BUSY = "busy"
# The job itself is wrong: sending it again would fail again.
BAD_INPUT = "bad_input"
# A newer attempt of the same job is already here.
STALE_ATTEMPT = "stale_attempt"
# The engine for this tier could not be loaded.
ENGINE_UNAVAILABLE = "engine_unavailable"
# The model produced numbers that are no video.
NOT_FINITE = "not_finite"
# A defect of ours; another attempt may find another server.
INTERNAL = "internal"


class JobError(Exception):
    """One job failed for a reason that its sender can act on."""

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable


def fault(task: Render, error: BaseException) -> Fault:
    """The frame that tells a job's sender about `error`."""
    if isinstance(error, JobError):
        return Fault(
            job=task.job,
            attempt=task.attempt,
            code=error.code,
            message=error.message,
            retryable=error.retryable,
        )
    return Fault(
        job=task.job,
        attempt=task.attempt,
        code=INTERNAL,
        message=f"{type(error).__name__} while drawing",
        retryable=True,
    )
