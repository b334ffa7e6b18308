"""What a takedown reaches is found by indexes, and the search for copies holds no lock."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-30T16:25:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "takedown reach"

STATEMENTS = (
    # Of a field that is newer than a recipe, absence and null say the same.
    "CREATE INDEX videos_recipe ON videos USING hash (jsonb_strip_nulls(recipe)) WHERE relation IS NULL",
    # Of takedowns of before, copies were sought in the transaction that filed them.
    "ALTER TABLE takedowns ADD COLUMN sought boolean NOT NULL DEFAULT true",
    "ALTER TABLE takedowns ALTER COLUMN sought DROP DEFAULT",
    "CREATE INDEX takedowns_unsought ON takedowns (created_at) WHERE NOT sought",
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
