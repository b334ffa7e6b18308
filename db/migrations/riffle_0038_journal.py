"""What a restored backup must not undo is put out to a journal; a beat tells an old database from now."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-30T16:08:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "journal"


def _put_out(table: str, kind: str, event: str, fields: str) -> tuple[str, str]:
    """Triggers that put what happened to a row, by ids, into the outbox in its transaction."""
    return (
        f"""
        CREATE FUNCTION {table}_put_out() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO journal_outbox (kind, data) VALUES ('{kind}', jsonb_build_object({fields}));
            PERFORM pg_notify('riffle_journal', '');
            RETURN NULL;
        END $$
        """,
        f"CREATE TRIGGER {table}_put_out AFTER {event} EXECUTE FUNCTION {table}_put_out()",
    )


STATEMENTS = (
    """
    CREATE TABLE journal_outbox (
        id bigserial PRIMARY KEY,
        kind text NOT NULL CHECK (kind IN ('revocation', 'deletion', 'erasure', 'session_end')),
        data jsonb NOT NULL
    )
    """,
    "CREATE TABLE beats (id smallint PRIMARY KEY CHECK (id = 1), beat bigint NOT NULL)",
    "INSERT INTO beats VALUES (1, 0)",
    *_put_out(
        "revocations",
        "revocation",
        "INSERT ON revocations FOR EACH ROW",
        """
        'cameo_id', NEW.cameo_id, 'grantee_id', NEW.grantee_id, 'grant_id', NEW.grant_id,
        'video_id', NEW.video_id, 'mode', NEW.mode, 'actor_id', NEW.actor_id, 'at', NEW.at
        """,
    ),
    *_put_out(
        "videos",
        "deletion",
        """
        UPDATE ON videos FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
        """,
        "'video_id', NEW.id, 'account_id', NEW.account_id, 'at', NEW.deleted_at",
    ),
    *_put_out(
        "accounts",
        "erasure",
        """
        UPDATE ON accounts FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
        """,
        "'account_id', NEW.id, 'at', NEW.deleted_at",
    ),
    *_put_out(
        "sessions",
        "session_end",
        """
        UPDATE ON sessions FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
        """,
        "'session_id', NEW.id, 'at', NEW.revoked_at",
    ),
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
