"""Events: the numbered facts of a stream."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class Name(StrEnum):
    """Every event name."""

    VIDEO_QUEUED = "video.queued"
    VIDEO_STARTED = "video.started"
    VIDEO_STEP = "video.step"
    VIDEO_PREVIEW = "video.preview"
    VIDEO_COMPLETED = "video.completed"
    VIDEO_FAILED = "video.failed"
    VIDEO_CANCELLED = "video.cancelled"
    CAMEO_REQUESTED = "cameo.requested"
    CAMEO_ACCEPTED = "cameo.accepted"
    CAMEO_REFUSED = "cameo.refused"
    CAMEO_REVOKED = "cameo.revoked"
    CAMEO_USED = "cameo.used"
    POST_REMIXED = "post.remixed"


class Event(msgspec.Struct, kw_only=True):
    """One fact. `(epoch, seq)` places it: seq starts at 1 and has no holes; `at` is unix milliseconds.

    `picture` (image/webp) never travels inside JSON: it follows as one binary frame.
    """

    stream: str
    epoch: str
    seq: int
    at: int
    name: Name
    data: dict[str, Any]
    picture: bytes | None = None


def video_stream(video_id: str) -> str:
    """The stream of one video."""
    return f"video:{video_id}"


def inbox_stream(account_id: str) -> str:
    """The private stream of one account; phones call it just `inbox`."""
    return f"inbox:{account_id}"
