"""Which phones of this process follow which stream, and reads of events that they share."""

from __future__ import annotations

import asyncio
from typing import Protocol

from domain.clock import Clock
from domain.events import stream
from domain.events.resume import Head
from domain.videos.visibility import can_follow
from realtime import limits
from realtime.database_retry import retry_read
from schemas.events import Event


class Subscriber(Protocol):
    """What a phone offers to be called with; both return at once."""

    def event_appended(self, stream: str, seq: int) -> None:
        """Event `seq` of a followed stream exists."""

    def resync(self) -> None:
        """Wakeups may have been lost: compare with the database."""


class Streams:
    """Followed streams. Identical reads that overlap are one: a popular video costs one query an event."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._subscribers: dict[str, set[Subscriber]] = {}
        self._reads: dict[tuple[str, int], asyncio.Task[list[Event]]] = {}

    def subscribe(self, name: str, subscriber: Subscriber) -> None:
        """From now on `subscriber` is called for each event of a stream."""
        self._subscribers.setdefault(name, set()).add(subscriber)

    def unsubscribe(self, name: str, subscriber: Subscriber) -> None:
        """The opposite of `subscribe`; one that never subscribed is ignored."""
        subscribers = self._subscribers.get(name, set())
        subscribers.discard(subscriber)
        if not subscribers:
            self._subscribers.pop(name, None)

    def event_appended(self, payload: str) -> None:
        """Handle a notification of the channel for events, `STREAM SEQ`."""
        name, _, seq = payload.rpartition(" ")
        for subscriber in self._subscribers.get(name, ()):
            subscriber.event_appended(name, int(seq))

    def resync(self) -> None:
        """Notifications may have been lost: every subscriber compares with the database."""
        for subscriber in set().union(*self._subscribers.values()):
            subscriber.resync()

    async def may_follow(self, account: str, name: str) -> bool:
        """Whether the stream exists and this account may follow it."""
        return await retry_read(lambda: can_follow(name, account, self._clock()))

    async def head(self, name: str) -> Head | None:
        """The last event of a stream; None before its first."""
        return await retry_read(lambda: stream.head(name))

    async def since(self, name: str, after: int) -> list[Event]:
        """The next page of a stream's events, those with `seq` > `after`."""
        key = (name, after)
        read = self._reads.get(key)
        if read is None:
            read = self._reads[key] = asyncio.create_task(
                retry_read(lambda: stream.since(name, after, limit=limits.PAGE))
            )
            read.add_done_callback(lambda _: self._reads.pop(key, None))
        # Shielded: a phone that disconnects must not cancel the read of the others.
        return await asyncio.shield(read)

    def close(self) -> None:
        """Cancel the reads in flight: every phone is disconnected."""
        for read in self._reads.values():
            read.cancel()
