"""One followed stream without I/O: what a phone has seen, what it lacks, whether the gap can be closed.

The caller reads events and reports wake-ups in any order, late, twice or not at all; what `offer` returns
is always exactly the next events, in order. A hole is never jumped: the follower stays `behind` until a
read fills it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from schemas.events import Event

# A phone that missed more re-reads over HTTP: 1,000 facts of about 300 bytes are 300 kB, as much as one call
# that fills its screens, and no video has a tenth of that many events.
MAX_MISSED = 1000


class Head(NamedTuple):
    """The last event of a stream; `seq` 0 and an empty epoch = nothing has happened in it yet.

    Events before `first` are kept no more.
    """

    epoch: str
    seq: int
    first: int = 1


UNBEGUN = Head("", 0)


class Follower:
    """The state of one stream that one phone follows."""

    __slots__ = ("cursor", "epoch", "known", "recovered", "stale")

    def __init__(self, epoch: str | None, after: int | None, head: Head | None) -> None:
        """Start from a phone's position (`epoch` None or empty: none yet) and the stream's head."""
        head = head or UNBEGUN
        after = after or 0
        self.recovered = (
            (not epoch or epoch == head.epoch)
            and 0 <= head.seq - after <= MAX_MISSED
            and after >= head.first - 1
        )
        self.epoch = head.epoch
        self.cursor = after if self.recovered else head.seq
        self.known = head.seq
        self.stale = False

    @property
    def behind(self) -> bool:
        """Whether an event is known of that has not been emitted."""
        return self.known > self.cursor

    def notified(self, seq: int) -> bool:
        """Event `seq` exists; True when it is news."""
        self.known = max(self.known, seq)
        return self.behind

    def offer(self, events: Iterable[Event]) -> list[Event]:
        """Take events read in any way; returns those to emit now.

        An event of another epoch is not emitted: it sets `stale`, and the caller must `check` the head.
        """
        fresh: list[Event] = []
        for event in events:
            if not self.epoch and event.seq == 1:
                self.epoch = event.epoch
            if event.epoch != self.epoch:
                self.stale = True
            elif event.seq == self.cursor + 1:
                self.cursor = event.seq
                fresh.append(event)
            else:
                self.known = max(self.known, event.seq)
        self.known = max(self.known, self.cursor)
        return fresh

    def check(self, head: Head | None) -> bool:
        """Compare with the stream's head after doubt (a lost connection, a foreign event).

        Returns False when the position still holds. True when the stream was replaced, such as by a restored
        backup: the follower then stands at the new head, and the phone is told `recovered: false`.
        """
        head = head or UNBEGUN
        self.stale = False
        begins = not self.epoch and self.cursor == 0
        if (head.epoch == self.epoch or begins) and head.seq >= self.cursor:
            self.epoch = head.epoch
            self.known = max(self.known, head.seq)
            return False
        self.epoch, self.cursor, self.known = head.epoch, head.seq, head.seq
        self.recovered = False
        return True
