"""Streams of numbered events."""

from __future__ import annotations

from piccolo.columns import JSONB, BigInt, BigSerial, Bytea, ForeignKey, Text, Timestamptz
from piccolo.table import Table

from db.engine import ENGINE


class StreamTable(Table, tablename="streams", db=ENGINE):
    """The head of a stream; its row lock numbers the events, of which those from `first_seq` on are kept."""

    stream = Text(primary_key=True)
    epoch = Text()
    seq = BigInt()
    first_seq = BigInt()


class EventTable(Table, tablename="events", db=ENGINE):
    """A numbered fact. `picture` is an image/webp."""

    id = BigSerial(primary_key=True)
    stream = ForeignKey(StreamTable, null=False)
    seq = BigInt()
    at = Timestamptz()
    name = Text()
    data = JSONB()
    picture = Bytea(null=True)
