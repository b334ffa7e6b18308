"""Media objects that no row owns are written down before they are put, and until they are deleted."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-30T15:34:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "loose media"

STATEMENTS = (
    "ALTER TABLE garbage RENAME TO loose_media",
    "ALTER TABLE loose_media RENAME CONSTRAINT garbage_pkey TO loose_media_pkey",
    # What was garbage is due at once.
    "ALTER TABLE loose_media RENAME COLUMN at TO due_at",
    "ALTER TABLE loose_media ADD COLUMN claimed boolean NOT NULL DEFAULT false",
    "ALTER TABLE loose_media ADD COLUMN failures integer NOT NULL DEFAULT 0",
    "CREATE INDEX loose_media_due ON loose_media (due_at, key)",
    # A proof's clip goes when nobody needs it any more; what it showed stays as a hash.
    "ALTER TABLE proofs ALTER COLUMN media_key DROP NOT NULL",
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
