"""Posts whose previews are to be rendered, and videos that nobody waits for."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-30T21:46:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "post renders"

STATEMENTS = (
    "ALTER TABLE videos ADD COLUMN background boolean NOT NULL DEFAULT false",
    "CREATE INDEX videos_posted_as ON videos (post_id) WHERE post_id IS NOT NULL",
    """
    CREATE TABLE post_renders (
        post_id text PRIMARY KEY REFERENCES posts,
        account_id text NOT NULL REFERENCES accounts,
        render_id text REFERENCES videos,
        tries smallint NOT NULL DEFAULT 0,
        due_at timestamptz NOT NULL,
        created_at timestamptz NOT NULL,
        outcome text
    )
    """,
    "CREATE INDEX post_renders_open ON post_renders (due_at, post_id) WHERE outcome IS NULL",
    "CREATE INDEX post_renders_of ON post_renders (account_id, created_at)",
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
