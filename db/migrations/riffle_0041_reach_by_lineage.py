"""A revocation reaches what rests on the withdrawn use, by receipt or lineage, and no look-alikes."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-30T15:41:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "reach by lineage"

STATEMENTS = (
    # Posts that were hidden for nothing but an equal hash stand again. Of tombstones the media is gone.
    """
    UPDATE videos SET withheld = NULL, withheld_at = NULL, withheld_by = NULL
    WHERE withheld = 'hide_posts' AND withdrawal_of(id) IS NULL
    """,
    "DROP INDEX videos_media_hash",
    "ALTER TABLE videos DROP COLUMN media_hash",
    "ALTER TABLE cascades DROP COLUMN copies",
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
