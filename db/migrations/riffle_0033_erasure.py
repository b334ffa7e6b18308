"""Accounts say how old their person is, and can be deleted: what is left to do stands in `erasures`."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-30T15:33:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "erasure"

STATEMENTS = (
    """
    ALTER TABLE accounts ADD COLUMN age_bracket text NOT NULL DEFAULT 'undeclared'
        CHECK (age_bracket IN ('undeclared', '13_17', '18_plus'))
    """,
    "ALTER TABLE accounts ALTER COLUMN age_bracket DROP DEFAULT",
    "ALTER TABLE accounts ADD COLUMN deleted_at timestamptz",
    # The SHA-256 of a handle that nobody gets any more: old mentions must not point at somebody else.
    "ALTER TABLE accounts ADD COLUMN retired_hash text UNIQUE CHECK (length(retired_hash) = 64)",
    """
    CREATE TABLE erasures (
        account_id text PRIMARY KEY REFERENCES accounts,
        step smallint NOT NULL,
        began_at timestamptz NOT NULL,
        retry_at timestamptz,
        ended_at timestamptz
    )
    """,
    "CREATE INDEX erasures_open ON erasures (began_at) WHERE ended_at IS NULL",
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
