"""Verdicts on the words of videos, stored so that nothing that grows with a lineage is decided at reading."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-25T06:00:24:000000"
VERSION = "1.38.0"
DESCRIPTION = "text_verdicts"

STATEMENTS = (
    """
    CREATE TABLE text_verdicts (
        id bigserial PRIMARY KEY,
        video_id text NOT NULL REFERENCES videos ON DELETE CASCADE,
        cameo_id text NOT NULL REFERENCES cameos ON DELETE CASCADE,
        revision integer NOT NULL,
        digest text NOT NULL,
        lists text NOT NULL,
        reason text NOT NULL,
        UNIQUE (video_id, cameo_id)
    )
    """,
    "CREATE INDEX text_verdicts_cameo ON text_verdicts (cameo_id)",
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
