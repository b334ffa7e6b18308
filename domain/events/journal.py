"""The journal: what a restored backup must not undo, appended to a file outside of the database.

Triggers put revocations, deletions and ended sessions, by their ids, into `journal_outbox` in the transaction
that makes them; `write_out` moves them to the file. A crash in between writes a line twice, never not at all,
so whoever reads it must bear repeats. Beside it stands the last beat of the database that this home has seen.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from db.engine import fetch, fetch_one, transaction

# The channel on which the triggers say that there is something to write.
PUT_OUT = "riffle_journal"
FOLDER, LINES, BEAT = "journal", "journal.jsonl", "beat"
# 100 lines of about 300 bytes: one write of 30 kB and one sync of the disk.
BATCH = 100


class JournalEntry(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One line: what happened to which ids, when."""

    kind: Literal["revocation", "deletion", "erasure", "session_end"]
    at: datetime
    account_id: str | None = None
    actor_id: str | None = None
    cameo_id: str | None = None
    grant_id: str | None = None
    grantee_id: str | None = None
    mode: str | None = None
    session_id: str | None = None
    video_id: str | None = None


class Journal:
    """The journal of a home; the folder is made when something is written."""

    def __init__(self, home: Path) -> None:
        self.folder = home / FOLDER

    async def write_out(self) -> bool:
        """Move one batch from the outbox to the file; False where there is none."""
        async with transaction():
            rows = await fetch(
                "SELECT id, kind, data FROM journal_outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED", BATCH
            )
            if not rows:
                return False
            lines = b"".join(
                msgspec.json.encode({"kind": row["kind"], **msgspec.json.decode(row["data"])}) + b"\n"
                for row in rows
            )
            await asyncio.to_thread(self._append, lines)
            await fetch(
                "DELETE FROM journal_outbox WHERE id = ANY ($1::bigint[])", [row["id"] for row in rows]
            )
        return True

    async def beat(self) -> None:
        """Count the database on, and remember how far it was."""
        found = await fetch_one("UPDATE beats SET beat = beat + 1 RETURNING beat")
        assert found is not None
        await asyncio.to_thread(self._write_beat, int(found["beat"]))

    async def is_restored(self) -> bool:
        """Whether the database is older than the one that this home has seen."""
        found = await fetch_one("SELECT beat FROM beats")
        return found is not None and int(found["beat"]) < self.last_beat()

    async def catch_up(self) -> None:
        """Bring a restored database past all beats that were seen."""
        await fetch("UPDATE beats SET beat = greatest(beat, $1) + 1", self.last_beat())

    def last_beat(self) -> int:
        """The last beat that this home has seen; 0 before the first."""
        try:
            return int((self.folder / BEAT).read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def entries(self) -> Iterator[JournalEntry]:
        """What was written, oldest first; a line that a crash cut off is left out."""
        try:
            file = (self.folder / LINES).open("rb")
        except FileNotFoundError:
            return
        with file:
            for line in file:
                try:
                    yield msgspec.json.decode(line, type=JournalEntry)
                # Nesting ends in a RecursionError, text that is none in a UnicodeDecodeError.
                except (msgspec.MsgspecError, RecursionError, ValueError):
                    continue

    def _append(self, lines: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / LINES
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        with os.fdopen(os.open(path, flags, 0o600), "ab") as file:
            # What a crash cut off must not swallow the next line.
            cut = path.stat().st_size > 0 and _last_byte(path) != b"\n"
            file.write((b"\n" if cut else b"") + lines)
            # All of it: one write to a full disk may take a part, and say so by a number alone.
            file.flush()
            os.fsync(file.fileno())

    def _write_beat(self, beat: int) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self.folder / f".{BEAT}.{os.getpid()}"
        fresh.write_text(str(beat))
        fresh.replace(self.folder / BEAT)


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)
