"""Streams of numbered events. The row lock on the stream's head numbers them, so that `seq` has no holes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from db.engine import dumps, fetch, fetch_one
from db.tables.events import EventTable
from domain.events import references
from domain.events.resume import Head
from schemas.base import unix_seconds
from schemas.events import Event, EventName, Payload

EVENT = "riffle_event"
WORK = "riffle_work"
CANCEL = "riffle_cancel"
SWEEP = "riffle_sweep"
POST_RENDER = "riffle_post_render"


async def append(stream: str, payload: Payload, *, picture: bytes | None = None, now: datetime) -> int:
    """Append one event in the caller's transaction; returns its number. Listeners get `stream seq`."""
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
        payload.name.value,
        dumps(await references.to_stored(payload)),
        picture,
        EVENT,
    )
    assert found is not None
    return int(found["seq"])


async def append_first(payloads: Mapping[str, Payload], *, now: datetime) -> None:
    """Begin new streams, each with one event, in the caller's transaction and in one statement."""
    await fetch(
        """
        WITH new AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS new(stream, name, data)),
        head AS (
            INSERT INTO streams (stream, epoch, seq)
            SELECT stream, left(replace(gen_random_uuid()::text, '-', ''), 12), 1 FROM new
        ), event AS (
            INSERT INTO events (stream, seq, at, name, data)
            SELECT stream, 1, $4, name, data::jsonb FROM new
        )
        SELECT pg_notify($5, stream || ' 1') FROM new
        """,
        list(payloads),
        [payload.name.value for payload in payloads.values()],
        [dumps(await references.to_stored(payload)) for payload in payloads.values()],
        now,
        EVENT,
    )


async def append_to_all(streams: Sequence[str], payload: Payload, *, now: datetime) -> None:
    """Append the same event to several streams in the caller's transaction, locked in one order."""
    await fetch(
        """
        WITH head AS (
            INSERT INTO streams (stream, epoch, seq)
            SELECT stream, left(replace(gen_random_uuid()::text, '-', ''), 12), 1
            FROM (SELECT DISTINCT stream FROM unnest($1::text[]) AS named(stream) ORDER BY stream) AS named
            ON CONFLICT (stream) DO UPDATE SET seq = streams.seq + 1 RETURNING stream, seq
        ), event AS (
            INSERT INTO events (stream, seq, at, name, data) SELECT stream, seq, $2, $3, $4::jsonb FROM head
        )
        SELECT pg_notify($5, stream || ' ' || seq) FROM head
        """,
        list(streams),
        now,
        payload.name.value,
        dumps(await references.to_stored(payload)),
        EVENT,
    )


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
    names = [EventName(row["name"]) for row in rows]
    stored = [msgspec.json.decode(row["data"]) for row in rows]
    words = await references.with_words(list(zip(names, stored, strict=True)))
    return [
        Event(
            stream=row["stream"],
            epoch=row["epoch"],
            seq=row["seq"],
            at=unix_seconds(row["at"]),
            name=name,
            data=data,
            picture=row["picture"],
        )
        for row, name, data in zip(rows, names, words, strict=True)
    ]


async def head(stream: str) -> Head | None:
    """Where a stream stands; None before its first event."""
    found = await fetch_one("SELECT epoch, seq, first_seq AS first FROM streams WHERE stream = $1", stream)
    return None if found is None else Head(**found)


async def forget_pictures(stream: str) -> None:
    """Erase what a stream showed; its facts stay."""
    with_picture = (EventTable.stream == stream) & EventTable.picture.is_not_null()
    await EventTable.update({EventTable.picture: None}).where(with_picture)


async def notify(channel: str, payload: str = "") -> None:
    """Wake the listeners of a channel when the transaction commits."""
    await fetch("SELECT pg_notify($1, $2)", channel, payload)
