"""Streams of numbered events, and the way out to the journal."""

from __future__ import annotations

from piccolo.columns import JSONB, BigInt, BigSerial, Bytea, ForeignKey, SmallInt, Text, Timestamptz
from piccolo.table import Table

from db.engine import ENGINE


class StreamTable(Table, tablename="streams", db=ENGINE):
    """The head of a stream; its row lock numbers the events, of which those from `first_seq` on are kept."""

    stream = Text(primary_key=True)
    epoch = Text()
    seq = BigInt()
    first_seq = BigInt()


class JournalOutboxTable(Table, tablename="journal_outbox", db=ENGINE):
    """What a restored backup must not undo, until it stands in the journal outside of the database."""

    id = BigSerial(primary_key=True)
    kind = Text()
    data = JSONB()


class BeatTable(Table, tablename="beats", db=ENGINE):
    """One row, which counts up while Riffle runs: a restored database is behind what the journal last saw."""

    id = SmallInt(primary_key=True)
    beat = BigInt()


class EventTable(Table, tablename="events", db=ENGINE):
    """A numbered fact. `picture` is an image/webp."""

    id = BigSerial(primary_key=True)
    stream = ForeignKey(StreamTable, null=False)
    seq = BigInt()
    at = Timestamptz()
    name = Text()
    data = JSONB()
    picture = Bytea(null=True)
