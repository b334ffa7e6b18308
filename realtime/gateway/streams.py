"""Who follows what in this process, and reads of events that phones share."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Protocol

from domain.events import stream as events
from domain.events.resume import Head
from domain.videos.visibility import can_follow
from realtime import limits
from realtime.outage import patiently
from schemas.events import Event


class Listener(Protocol):
    """What a phone offers to be told; both return at once."""

    def notified(self, stream: str, seq: int) -> None:
        """Event `seq` of a followed stream exists."""

    def doubt(self) -> None:
        """Wake-ups may have been lost."""


class Streams:
    """Followed streams. Identical reads that overlap are one: a popular video costs one query an event."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        self._reads: dict[tuple[str, int], asyncio.Task[list[Event]]] = {}

    def add(self, stream: str, listener: Listener) -> None:
        """From now on `listener` hears of `stream`."""
        self._listeners.setdefault(stream, set()).add(listener)

    def remove(self, stream: str, listener: Listener) -> None:
        """The opposite of `add`."""
        listeners = self._listeners.get(stream, set())
        listeners.discard(listener)
        if not listeners:
            self._listeners.pop(stream, None)

    def woken(self, payload: str) -> None:
        """A notification of the event channel: `stream seq`."""
        stream, _, seq = payload.rpartition(" ")
        for listener in self._listeners.get(stream, ()):
            listener.notified(stream, int(seq))

    def doubt(self) -> None:
        """Notifications may have been lost: everybody checks what they follow."""
        for listener in set().union(*self._listeners.values()):
            listener.doubt()

    async def may_follow(self, account: str, stream: str) -> bool:
        """Whether the stream exists and is this account's to follow."""
        return await patiently(lambda: can_follow(stream, account, datetime.now(UTC)))

    async def head(self, stream: str) -> Head | None:
        """The last event of a stream; None before its first."""
        found = await patiently(lambda: events.head(stream))
        return None if found is None else Head(*found)

    async def since(self, stream: str, after: int) -> list[Event]:
        """The next page of events after `after`."""
        key = (stream, after)
        read = self._reads.get(key)
        if read is None:
            read = self._reads[key] = asyncio.create_task(
                patiently(lambda: events.since(stream, after, limit=limits.PAGE))
            )
            read.add_done_callback(lambda _: self._reads.pop(key, None))
        # Shielded: a phone that goes must not take the read away from the others.
        return await asyncio.shield(read)

    def close(self) -> None:
        """End the reads that nobody waits for any more."""
        for read in self._reads.values():
            read.cancel()
