"""How far a video was drawn, whether a picture of it was sent, and what it was charged in the end."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-30T15:35:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "shown uses"

STATEMENTS = (
    "ALTER TABLE videos ADD COLUMN steps_done smallint NOT NULL DEFAULT 0",
    "ALTER TABLE videos ADD COLUMN steps_total smallint NOT NULL DEFAULT 0",
    "ALTER TABLE videos ADD COLUMN shown boolean NOT NULL DEFAULT false",
    "ALTER TABLE videos ADD COLUMN charged integer CHECK (charged BETWEEN 0 AND price)",
    # Of what ended before, everything went back; nobody is charged for it now. Its pictures go all the same.
    "UPDATE videos SET charged = (status = 'completed')::integer * price WHERE ended_at IS NOT NULL",
    """
    UPDATE events e SET picture = NULL FROM videos v
    WHERE e.stream = 'video:' || v.id AND v.status IN ('failed', 'cancelled') AND e.picture IS NOT NULL
    """,
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
