"""Events: the numbered facts of a stream, and the data that each kind carries."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar

import msgspec

from schemas.base import UnixSeconds
from schemas.cameos import Grant


class EventName(StrEnum):
    """Every event name."""

    VIDEO_QUEUED = "video.queued"
    VIDEO_STARTED = "video.started"
    VIDEO_STEP = "video.step"
    VIDEO_COMPLETED = "video.completed"
    VIDEO_FAILED = "video.failed"
    VIDEO_CANCELLED = "video.cancelled"
    VIDEO_WITHDRAWN = "video.withdrawn"
    CAMEO_REQUESTED = "cameo.requested"
    CAMEO_ACCEPTED = "cameo.accepted"
    CAMEO_REFUSED = "cameo.refused"
    CAMEO_REVOKED = "cameo.revoked"
    CAMEO_USED = "cameo.used"
    CAMEO_COPIED = "cameo.copied"
    POST_REMIXED = "post.remixed"
    POST_RENDERED = "post.rendered"
    FEED_CHANGED = "feed.changed"


class VideoQueued(msgspec.Struct, kw_only=True, frozen=True):
    """A video waits to be drawn, for the first time or again; `price` is in credits, `position` 1 is next."""

    name: ClassVar = EventName.VIDEO_QUEUED
    price: int
    position: int
    eta_ms: int
    attempt: int


class VideoStarted(msgspec.Struct, kw_only=True, frozen=True):
    """A worker draws it; attempts count from 1."""

    name: ClassVar = EventName.VIDEO_STARTED
    attempt: int


class VideoStep(msgspec.Struct, kw_only=True, frozen=True):
    """Denoising step `i` of `n` is done; `progress` is 0..99. Its picture, where there is one, follows it."""

    name: ClassVar = EventName.VIDEO_STEP
    i: int
    n: int
    progress: int


class VideoCompleted(msgspec.Struct, kw_only=True, frozen=True):
    """The media is there; `fidelity` is how like its preview a render is, 0..1."""

    name: ClassVar = EventName.VIDEO_COMPLETED
    credits: int
    cpu_seconds: float
    fidelity: float | None


class VideoFailed(msgspec.Struct, kw_only=True, frozen=True):
    """There will be no media; `refunded` credits went back."""

    name: ClassVar = EventName.VIDEO_FAILED
    code: str
    message: str
    refunded: int


class VideoCancelled(msgspec.Struct, kw_only=True, frozen=True):
    """Its maker stopped it; `refunded` credits went back: all, or those of the steps that were not done."""

    name: ClassVar = EventName.VIDEO_CANCELLED
    refunded: int


class WithdrawalReason(StrEnum):
    """Why a video is out of sight.

    Its maker deleted it, or took the post back; a person in it withdrew consent, to what was posted
    (`hidden`) or to all that was made (`revoked`); moderators took it down.
    """

    DELETED = "deleted"
    TAKEN_BACK = "taken_back"
    HIDDEN = "hidden"
    REVOKED = "revoked"
    TAKEN_DOWN = "taken_down"


class VideoWithdrawn(msgspec.Struct, kw_only=True, frozen=True):
    """The video may be out of sight from now on: whoever shows it reads it again, and takes it away.

    `reason` is a WithdrawalReason.
    """

    name: ClassVar = EventName.VIDEO_WITHDRAWN
    reason: str


class CameoRequested(msgspec.Struct, kw_only=True, frozen=True):
    """Somebody asks to use an own cameo."""

    name: ClassVar = EventName.CAMEO_REQUESTED
    grant: Grant


class CameoAccepted(msgspec.Struct, kw_only=True, frozen=True):
    """A request of one's own was accepted."""

    name: ClassVar = EventName.CAMEO_ACCEPTED
    grant: Grant


class CameoRefused(msgspec.Struct, kw_only=True, frozen=True):
    """A request of one's own was refused."""

    name: ClassVar = EventName.CAMEO_REFUSED
    grant: Grant


class CameoRevoked(msgspec.Struct, kw_only=True, frozen=True):
    """A grant to oneself was taken back."""

    name: ClassVar = EventName.CAMEO_REVOKED
    grant: Grant


class CameoUsed(msgspec.Struct, kw_only=True, frozen=True):
    """Somebody else (`by`, a handle) draws with an own cameo, or posts it; `action` is one of consent's."""

    name: ClassVar = EventName.CAMEO_USED
    cameo_id: str
    cameo_name: str
    by: str
    action: str
    video_ids: list[str]
    prompt: str


class CameoCopied(msgspec.Struct, kw_only=True, frozen=True):
    """Somebody else (`by`, a handle) uploaded a copy of an own cameo's picture, or of a video with it.

    It was refused. `upload` is what it was meant as: reference, proof or input_reference; `found_by` is
    credentials (its content credentials) or picture (what it looks like);
    `video_id` the video that it is a copy of, if it is one.
    """

    name: ClassVar = EventName.CAMEO_COPIED
    cameo_id: str
    cameo_name: str
    by: str
    upload: str
    found_by: str
    video_id: str | None = None


class PostRemixed(msgspec.Struct, kw_only=True, frozen=True):
    """Somebody else (`by`, a handle) posted what was made from an own post."""

    name: ClassVar = EventName.POST_REMIXED
    post_id: str
    source_post_id: str
    trend_id: str
    video_id: str
    by: str


class PostRendered(msgspec.Struct, kw_only=True, frozen=True):
    """A posted preview was drawn in full: its post shows `video_id` from now on.

    It comes in the stream of the preview, so that whoever shows that hears of it.
    """

    name: ClassVar = EventName.POST_RENDERED
    post_id: str
    video_id: str


class FeedChanged(msgspec.Struct, kw_only=True, frozen=True):
    """What this account may see of others may have changed: whoever shows posts to it reads them again.

    It says neither whose posts nor why.
    """

    name: ClassVar = EventName.FEED_CHANGED


Payload = (
    VideoQueued
    | VideoStarted
    | VideoStep
    | VideoCompleted
    | VideoFailed
    | VideoCancelled
    | VideoWithdrawn
    | CameoRequested
    | CameoAccepted
    | CameoRefused
    | CameoRevoked
    | CameoUsed
    | CameoCopied
    | PostRemixed
    | PostRendered
    | FeedChanged
)
# On the wire the name stands beside the data, so the union is told apart by it and not by a tag inside.
PAYLOADS: MappingProxyType[EventName, type[Payload]] = MappingProxyType(
    {kind.name: kind for kind in Payload.__args__}
)


class Event(msgspec.Struct, kw_only=True):
    """One fact. `(epoch, seq)` places it: seq starts at 1 and has no holes.

    `data` is the payload of that `name`, as it is stored. `picture` (image/webp) never travels inside JSON:
    it follows as one binary frame.
    """

    stream: str
    epoch: str
    seq: int
    at: UnixSeconds
    name: EventName
    data: dict[str, Any]
    picture: bytes | None = None


def video_stream(video_id: str) -> str:
    """The stream of one video."""
    return f"video:{video_id}"


def inbox_stream(account_id: str) -> str:
    """The private stream of one account; phones call it just `inbox`."""
    return f"inbox:{account_id}"
