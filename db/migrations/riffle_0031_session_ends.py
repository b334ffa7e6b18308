"""Tickets belong to a session; the end of a session is announced; a rotation can be repeated for a while."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-30T15:31:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "session ends"

STATEMENTS = (
    # They live for half a minute: whoever holds one asks for another.
    "DELETE FROM tickets",
    "DROP INDEX tickets_account",
    "ALTER TABLE tickets DROP COLUMN account_id",
    "ALTER TABLE tickets ADD COLUMN session_id text NOT NULL REFERENCES sessions",
    "CREATE INDEX tickets_session ON tickets (session_id)",
    "ALTER TABLE tokens ADD COLUMN salt bytea",
    "ALTER TABLE sessions ADD COLUMN device text NOT NULL DEFAULT ''",
    "ALTER TABLE sessions ALTER COLUMN device DROP DEFAULT",
    "ALTER TABLE sessions ADD COLUMN refreshed_at timestamptz",
    "UPDATE sessions SET refreshed_at = created_at",
    "ALTER TABLE sessions ALTER COLUMN refreshed_at SET NOT NULL",
    # In the database, so that no way to end a session can forget the sockets that it opened.
    """
    CREATE FUNCTION sessions_announce_end() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('riffle_session', NEW.id);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER sessions_end AFTER UPDATE ON sessions FOR EACH ROW
    WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION sessions_announce_end()
    """,
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
