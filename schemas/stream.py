"""Frames between phone and gateway (subprotocol `riffle.v1`, JSON text; pictures are binary)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from schemas.base import UnixSeconds
from schemas.events import EventName

SUBPROTOCOL = "riffle.v1"
# A phone shows at most two swarms of 16 and its inbox, with room to scroll: 2 * 16 + 1 -> 64.
MAX_STREAMS_PER_SOCKET = 64
# hello with 64 streams of at most 120 bytes each is under 8 kB; 16 kB leaves room.
MAX_CLIENT_FRAME_BYTES = 16 * 1024


class Position(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A stream and the last event seen of it; without epoch, from `after` (0 = from the start)."""

    stream: Annotated[str, Meta(min_length=1, max_length=120)]
    epoch: str | None = None
    after: Annotated[int, Meta(ge=0)] | None = None


class Hello(msgspec.Struct, tag="hello", kw_only=True, forbid_unknown_fields=True):
    """First frame of a phone: its ticket and what it follows."""

    ticket: Annotated[str, Meta(max_length=256)]
    follow: Annotated[list[Position], Meta(max_length=MAX_STREAMS_PER_SOCKET)] = msgspec.field(
        default_factory=list
    )


class Follow(msgspec.Struct, tag="follow", kw_only=True, forbid_unknown_fields=True):
    """Follow more streams."""

    follow: Annotated[list[Position], Meta(min_length=1, max_length=MAX_STREAMS_PER_SOCKET)]


class Unfollow(msgspec.Struct, tag="unfollow", kw_only=True, forbid_unknown_fields=True):
    """Stop following streams."""

    streams: Annotated[list[str], Meta(min_length=1, max_length=MAX_STREAMS_PER_SOCKET)]


class Ping(msgspec.Struct, tag="ping", kw_only=True, forbid_unknown_fields=True):
    """Is anybody there? Browsers don't show pages the pings of the protocol."""


ClientFrame = Hello | Follow | Unfollow | Ping


class Welcome(msgspec.Struct, tag="welcome", kw_only=True):
    """A stream is followed. recovered: all events after the phone's position follow; else re-read by HTTP.

    `seq` is the stream's last event at this moment: with recovered False the phone continues from there.
    """

    stream: str
    epoch: str
    recovered: bool
    seq: int


class EventFrame(msgspec.Struct, tag="event", kw_only=True):
    """One event, whose `data` is that of its name (`schemas.events`).

    With `picture` True a binary frame comes right after.
    """

    stream: str
    epoch: str
    seq: int
    at: UnixSeconds
    name: EventName
    data: dict[str, Any]
    picture: bool = False


class FollowRefused(msgspec.Struct, tag="refused", kw_only=True):
    """A stream that this account may not follow, or that does not exist."""

    stream: str
    code: str
    message: str


class Pong(msgspec.Struct, tag="pong", kw_only=True):
    """The answer to a ping."""


class GoodbyeReason(StrEnum):
    """Why the gateway closes a socket."""

    TOO_SLOW = "too_slow"
    BAD_TICKET = "bad_ticket"
    BAD_FRAME = "bad_frame"
    TOO_MANY_SOCKETS = "too_many_sockets"
    SHUTDOWN = "shutdown"
    HELLO_TIMEOUT = "hello_timeout"
    TOO_MANY_FRAMES = "too_many_frames"
    SIGNED_OUT = "signed_out"


class Goodbye(msgspec.Struct, tag="goodbye", kw_only=True):
    """The last frame before the gateway closes the socket."""

    reason: GoodbyeReason


ServerFrame = Welcome | EventFrame | FollowRefused | Pong | Goodbye


class Ticket(msgspec.Struct, kw_only=True):
    """`POST /v1/realtime/ticket`: single use, `expires_in` seconds."""

    ticket: str
    url: str
    expires_in: int
