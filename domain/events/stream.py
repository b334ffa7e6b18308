"""Streams of numbered events. The row lock on the stream's head numbers them, so that `seq` has no holes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from db.engine import dumps, fetch, fetch_one
from schemas.events import Event, Name

EVENT = "riffle_event"
WORK = "riffle_work"
CANCEL = "riffle_cancel"
SWEEP = "riffle_sweep"


async def append(
    stream: str, name: Name, data: dict[str, Any], *, picture: bytes | None = None, now: datetime
) -> int:
    """Append one event in the caller's transaction; returns its number. Listeners are told `stream seq`."""
    found = await fetch_one(
        """
        WITH head AS (
            INSERT INTO streams (stream, epoch, seq)
            VALUES ($1, left(replace(gen_random_uuid()::text, '-', ''), 12), 1)
            ON CONFLICT (stream) DO UPDATE SET seq = streams.seq + 1 RETURNING seq
        ), event AS (
            INSERT INTO events (stream, seq, at, name, data, picture)
            SELECT $1, seq, $2, $3, $4::jsonb, $5 FROM head
        )
        SELECT seq, pg_notify($6, $1 || ' ' || seq) FROM head
        """,
        stream,
        now,
        name.value,
        dumps(data),
        picture,
        EVENT,
    )
    assert found is not None
    return int(found["seq"])


async def since(stream: str, after: int, limit: int) -> list[Event]:
    """At most `limit` events after number `after`, in order."""
    rows = await fetch(
        """
        SELECT e.stream, s.epoch, e.seq, e.at, e.name, e.data, e.picture
        FROM events e JOIN streams s USING (stream)
        WHERE e.stream = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3
        """,
        stream,
        after,
        limit,
    )
    return [
        Event(
            stream=row["stream"],
            epoch=row["epoch"],
            seq=row["seq"],
            at=round(row["at"].timestamp() * 1000),
            name=Name(row["name"]),
            data=msgspec.json.decode(row["data"]),
            picture=row["picture"],
        )
        for row in rows
    ]


async def head(stream: str) -> tuple[str, int] | None:
    """Epoch and number of the last event; None before the first."""
    found = await fetch_one("SELECT epoch, seq FROM streams WHERE stream = $1", stream)
    return None if found is None else (found["epoch"], found["seq"])


async def forget_pictures(stream: str) -> None:
    """Erase what a stream showed; its facts stay."""
    await fetch("UPDATE events SET picture = NULL WHERE stream = $1 AND picture IS NOT NULL", stream)


async def notify(channel: str, payload: str = "") -> None:
    """Wake the listeners of a channel when the transaction commits."""
    await fetch("SELECT pg_notify($1, $2)", channel, payload)
