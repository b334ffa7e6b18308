"""What is over can be found without reading a table, and a stream says from where on it is kept."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-30T16:10:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "retention"

STATEMENTS = (
    "ALTER TABLE streams ADD COLUMN first_seq bigint NOT NULL DEFAULT 1",
    "ALTER TABLE cascades ADD COLUMN retry_at timestamptz",
    # Small: pictures go after a day, words after a while.
    "CREATE INDEX events_pictures ON events (at) WHERE picture IS NOT NULL",
    """
    CREATE INDEX videos_ended_words ON videos (ended_at)
    WHERE status IN ('failed', 'cancelled') AND prompt <> ''
    """,
    "CREATE INDEX videos_deleted ON videos (deleted_at) WHERE deleted_at IS NOT NULL",
    """
    CREATE INDEX posts_deleted_captions ON posts (deleted_at) WHERE deleted_at IS NOT NULL AND caption <> ''
    """,
    "CREATE INDEX proofs_clips ON proofs (created_at) WHERE media_key IS NOT NULL",
    "CREATE INDEX tickets_expires ON tickets (expires_at)",
    "CREATE INDEX tokens_expires ON tokens (expires_at)",
    "CREATE INDEX idempotency_created ON idempotency (created_at)",
    "CREATE INDEX refusals_at ON refusals (at)",
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
