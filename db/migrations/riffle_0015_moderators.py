"""The people who moderate: a login of their own, apart from accounts."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-25T06:00:15:000000"
VERSION = "1.38.0"
DESCRIPTION = "moderators"

# The columns are those of Piccolo's BaseUser and SessionsBase, which their login reads.
STATEMENTS = (
    """
    CREATE TABLE moderators (
        id serial PRIMARY KEY,
        username varchar(100) NOT NULL UNIQUE DEFAULT '',
        password varchar(255) NOT NULL DEFAULT '',
        first_name varchar(255) DEFAULT '',
        last_name varchar(255) DEFAULT '',
        email varchar(255) NOT NULL UNIQUE DEFAULT '',
        active boolean NOT NULL DEFAULT false,
        admin boolean NOT NULL DEFAULT false,
        superuser boolean NOT NULL DEFAULT false,
        last_login timestamp
    )
    """,
    """
    CREATE TABLE moderator_sessions (
        id serial PRIMARY KEY,
        token varchar(100) NOT NULL DEFAULT '',
        user_id integer NOT NULL DEFAULT 0,
        expiry_date timestamp NOT NULL,
        max_expiry_date timestamp NOT NULL
    )
    """,
    "CREATE INDEX moderator_sessions_token ON moderator_sessions (token)",
    # Signing in and changing a password are done by the pages' library, which knows no audit log.
    """
    CREATE FUNCTION moderators_record() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_TABLE_NAME = 'moderators' THEN
            INSERT INTO audit_log (at, actor, action, subject, detail)
            VALUES (clock_timestamp(), NEW.username, 'moderator.password', NEW.username, '{}');
        ELSE
            INSERT INTO audit_log (at, actor, action, subject, detail)
            SELECT clock_timestamp(), username, 'moderator.signed_in', username, '{}'
            FROM moderators WHERE id = NEW.user_id;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER moderators_password AFTER UPDATE ON moderators FOR EACH ROW
    WHEN (OLD.password IS DISTINCT FROM NEW.password AND NEW.active) EXECUTE FUNCTION moderators_record()
    """,
    """
    CREATE TRIGGER moderators_sign_in AFTER INSERT ON moderator_sessions
    FOR EACH ROW EXECUTE FUNCTION moderators_record()
    """,
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
