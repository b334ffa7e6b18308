"""The resume machine under every interleaving hypothesis can find."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events.resume import MAX_MISSED, Follower, Head
from schemas.events import Event, EventName

STREAM = "video:video_1"


def event(seq: int, epoch: str = "e1") -> Event:
    return Event(stream=STREAM, epoch=epoch, seq=seq, at=seq, name=EventName.VIDEO_STEP, data={"i": seq})


class Log:
    """The stored stream: append-only, read by page."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def append(self) -> int:
        self.events.append(event(len(self.events) + 1))
        return len(self.events)

    def since(self, after: int, limit: int) -> list[Event]:
        return self.events[after : after + limit]

    @property
    def head(self) -> Head | None:
        return Head("e1", len(self.events)) if self.events else None


class World:
    """A phone, its follower, and everything in flight between log and follower."""

    def __init__(self, before: int) -> None:
        self.log = Log()
        for _ in range(before):
            self.log.append()
        self.seen: list[int] = []
        self.notes: list[int] = []
        self.reads: list[list[Event]] = []
        self.connect()

    def connect(self) -> None:
        """The phone comes (back) with what it has; all that was in flight to the old socket is gone."""
        epoch = "e1" if self.seen else None
        self.follower = Follower(epoch, len(self.seen), self.log.head)
        assert self.follower.recovered
        self.reads.clear()

    def append(self, _: int) -> None:
        self.notes.append(self.log.append())

    def lose_note(self, pick: int) -> None:
        if self.notes:
            self.notes.pop(pick % len(self.notes))

    def deliver_note(self, pick: int) -> None:
        if self.notes:
            self.follower.notified(self.notes.pop(pick % len(self.notes)))

    def repeat_note(self, pick: int) -> None:
        if self.notes:
            self.follower.notified(self.notes[pick % len(self.notes)])

    def begin_read(self, limit: int) -> None:
        self.reads.append(self.log.since(self.follower.cursor, limit % 4 + 1))

    def end_read(self, pick: int) -> None:
        if self.reads:
            fresh = self.follower.offer(self.reads.pop(pick % len(self.reads)))
            self.seen += [item.seq for item in fresh]

    def cut(self, _: int) -> None:
        self.connect()

    def settle(self) -> None:
        """The wake-up connection came back: check the head, then read while behind."""
        assert not self.follower.check(self.log.head)
        while self.follower.behind:
            self.begin_read(3)
            self.end_read(-1)


ACTIONS: list[Callable[[World, int], None]] = [
    World.append,
    World.lose_note,
    World.deliver_note,
    World.repeat_note,
    World.begin_read,
    World.end_read,
    World.cut,
]


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 6), st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 99)), max_size=60))
def test_exactly_the_missing_events_in_order(
    before: int, actions: list[tuple[Callable[[World, int], None], int]]
) -> None:
    world = World(before)
    for act, argument in actions:
        act(world, argument)
        assert world.seen == list(range(1, len(world.seen) + 1))
    world.settle()
    assert world.seen == list(range(1, len(world.log.events) + 1))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.integers(1, 12), max_size=6), max_size=20))
def test_any_batches_yield_no_hole_and_no_double(batches: list[list[int]]) -> None:
    follower = Follower(None, 0, Head("e1", 0))
    emitted = [item.seq for batch in batches for item in follower.offer([event(seq) for seq in batch])]
    assert emitted == list(range(1, len(emitted) + 1))
    assert follower.cursor == len(emitted)
    assert follower.behind == any(seq > len(emitted) for batch in batches for seq in batch)


@pytest.mark.parametrize(
    ("epoch", "after", "head", "recovered", "cursor"),
    [
        (None, None, Head("e1", 5), True, 0),
        (None, 3, Head("e1", 5), True, 3),
        ("e1", 5, Head("e1", 5), True, 5),
        ("e1", 6, Head("e1", 5), False, 5),
        (None, 6, Head("e1", 5), False, 5),
        ("other", 2, Head("e1", 5), False, 5),
        ("other", 0, Head("e1", 5), False, 5),
        (None, 0, None, True, 0),
        ("", 0, None, True, 0),
        ("", 0, Head("e1", 5), True, 0),
        ("e1", 0, None, False, 0),
        (None, 1, None, False, 0),
        ("e1", 5, Head("e1", 5 + MAX_MISSED), True, 5),
        ("e1", 4, Head("e1", 5 + MAX_MISSED), False, 5 + MAX_MISSED),
    ],
)
def test_recovered_is_honest(
    epoch: str | None, after: int | None, head: Head | None, recovered: bool, cursor: int
) -> None:
    follower = Follower(epoch, after, head)
    assert (follower.recovered, follower.cursor) == (recovered, cursor)
    assert follower.known == (head.seq if head else 0)


def test_a_stream_that_begins_while_followed() -> None:
    follower = Follower(None, 0, None)
    assert follower.notified(2)
    assert [item.seq for item in follower.offer([event(1), event(2)])] == [1, 2]
    assert follower.epoch == "e1"
    assert not follower.check(Head("e1", 2))


@pytest.mark.parametrize("head", [Head("e2", 9), Head("e1", 1), None])
def test_a_replaced_stream_is_told(head: Head | None) -> None:
    follower = Follower("e1", 2, Head("e1", 3))
    assert follower.check(head)
    assert not follower.recovered
    assert (follower.epoch, follower.cursor) == (head[:2] if head else ("", 0))
    assert not follower.behind


def test_an_event_of_another_epoch_is_never_emitted() -> None:
    follower = Follower("e1", 2, Head("e1", 2))
    assert follower.offer([event(3, "e2")]) == []
    assert follower.stale
    assert follower.check(Head("e2", 3))
    assert not follower.stale
    assert [item.seq for item in follower.offer([event(3, "e2"), event(4, "e2")])] == [4]
