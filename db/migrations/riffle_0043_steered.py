"""Whether a video's model was given more than the prompt that was typed."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-30T15:43:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "steered"

STATEMENTS = ("ALTER TABLE videos ADD COLUMN steered boolean NOT NULL DEFAULT false",)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
