"""Names of people and characters who never enrolled, who speaks for them, and the log of moderators."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-25T06:00:11:000000"
VERSION = "1.38.0"
DESCRIPTION = "registry"

STATEMENTS = (
    """
    CREATE TABLE audit_log (
        id bigserial PRIMARY KEY,
        at timestamptz NOT NULL,
        actor text NOT NULL,
        action text NOT NULL,
        subject text NOT NULL,
        detail jsonb NOT NULL
    )
    """,
    """
    CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TABLE registry_entries (
        id text PRIMARY KEY,
        name text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('public', 'deceased', 'minor', 'character')),
        names jsonb NOT NULL,
        handles jsonb NOT NULL,
        near jsonb NOT NULL,
        unless jsonb NOT NULL,
        origin text NOT NULL CHECK (origin IN ('shipped', 'added')),
        active boolean NOT NULL,
        changed_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE registry_representatives (
        id text PRIMARY KEY,
        entry_id text NOT NULL REFERENCES registry_entries,
        account_id text NOT NULL REFERENCES accounts,
        role text NOT NULL CHECK (role IN ('self', 'rights_holder', 'estate')),
        since timestamptz NOT NULL,
        ended_at timestamptz
    )
    """,
    """
    CREATE UNIQUE INDEX registry_representatives_one ON registry_representatives (entry_id, account_id)
    WHERE ended_at IS NULL
    """,
    "CREATE INDEX registry_representatives_account ON registry_representatives (account_id)",
    """
    CREATE TABLE registry_grants (
        id text PRIMARY KEY,
        entry_id text NOT NULL REFERENCES registry_entries,
        grantee_id text NOT NULL REFERENCES accounts,
        granted_by text NOT NULL REFERENCES accounts,
        until timestamptz,
        created_at timestamptz NOT NULL,
        revoked_at timestamptz
    )
    """,
    "CREATE INDEX registry_grants_grantee ON registry_grants (grantee_id, entry_id)",
    "CREATE INDEX registry_grants_entry ON registry_grants (entry_id)",
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
