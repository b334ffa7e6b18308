"""What a key has made and what an event tells of are kept by id: words stand where they can be deleted."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-30T15:32:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "ids not words"

STATEMENTS = (
    "ALTER TABLE idempotency ADD COLUMN made_id text",
    "UPDATE idempotency SET made_id = convert_from(body, 'UTF8')::jsonb ->> 'id'",
    "DELETE FROM idempotency WHERE made_id IS NULL",
    "ALTER TABLE idempotency ALTER COLUMN made_id SET NOT NULL",
    "ALTER TABLE idempotency DROP COLUMN body",
    "ALTER TABLE idempotency DROP COLUMN status",
    """
    UPDATE events SET data = jsonb_build_object('grant_id', data -> 'grant' -> 'id',
        'revision', data -> 'grant' -> 'revision')
    WHERE name IN ('cameo.requested', 'cameo.accepted', 'cameo.refused', 'cameo.revoked')
    """,
    """
    UPDATE events SET data = data - ARRAY['cameo_name', 'by', 'prompt']
    WHERE name IN ('cameo.used', 'post.remixed')
    """,
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
