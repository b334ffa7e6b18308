"""What videos look like, demands to take them down with their 48-hour clock, and answers to those."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-25T06:00:13:000000"
VERSION = "1.38.0"
DESCRIPTION = "takedowns"

STATEMENTS = (
    """
    CREATE TABLE fingerprints (
        video_id text PRIMARY KEY REFERENCES videos,
        hash text NOT NULL CHECK (hash ~ '^[01]+$' AND length(hash) = 256),
        bands integer[] NOT NULL
    )
    """,
    # Two hashes that differ in fewer bits than there are bands share one band whole: the index misses none.
    "CREATE INDEX fingerprints_bands ON fingerprints USING gin (bands)",
    """
    CREATE TABLE takedowns (
        id text PRIMARY KEY,
        claimant text NOT NULL,
        contact text NOT NULL,
        role text NOT NULL CHECK (role IN ('self', 'guardian', 'rights_holder', 'estate', 'agent')),
        identification text NOT NULL,
        statement text NOT NULL,
        signature text NOT NULL,
        status text NOT NULL CHECK (status IN ('open', 'upheld', 'rejected', 'restored')),
        created_at timestamptz NOT NULL,
        due_at timestamptz NOT NULL,
        decided_at timestamptz,
        decided_by text,
        note text
    )
    """,
    "CREATE INDEX takedowns_open ON takedowns (due_at) WHERE status = 'open'",
    """
    CREATE TABLE takedown_targets (
        id bigserial PRIMARY KEY,
        takedown_id text NOT NULL REFERENCES takedowns,
        video_id text NOT NULL REFERENCES videos,
        match text NOT NULL CHECK (match IN ('named', 'copy', 'render', 'recipe')),
        distance integer,
        UNIQUE (takedown_id, video_id)
    )
    """,
    "CREATE INDEX takedown_targets_video ON takedown_targets (video_id)",
    """
    CREATE TABLE counter_notices (
        id text PRIMARY KEY,
        takedown_id text NOT NULL REFERENCES takedowns,
        account_id text NOT NULL REFERENCES accounts,
        statement text NOT NULL,
        contact text NOT NULL,
        signature text NOT NULL,
        created_at timestamptz NOT NULL,
        UNIQUE (takedown_id, account_id)
    )
    """,
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
