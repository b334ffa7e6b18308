"""The first picture that a person gives a video."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-30T15:44:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "input reference"

STATEMENTS = ("ALTER TABLE videos ADD COLUMN input_key text",)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
