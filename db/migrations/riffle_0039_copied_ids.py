"""Events of copies keep the id of who uploaded one, as those of uses do; names are read with the event."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-30T16:18:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "copied ids"

STATEMENTS = (
    """
    UPDATE events e SET data = e.data - ARRAY['cameo_name', 'by'] || jsonb_build_object('by_id', a.id)
    FROM accounts a WHERE e.name = 'cameo.copied' AND a.handle = e.data ->> 'by'
    """,
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
