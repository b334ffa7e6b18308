"""Whether a leased video is being drawn, or still waits for the model."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-30T16:29:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "begun"

STATEMENTS = (
    "ALTER TABLE videos ADD COLUMN begun boolean NOT NULL DEFAULT false",
    "UPDATE videos SET begun = true WHERE status = 'in_progress'",
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
