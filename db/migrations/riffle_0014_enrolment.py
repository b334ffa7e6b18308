"""Challenges of an enrolment, and the sealed proofs that answer them."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-25T06:00:14:000000"
VERSION = "1.38.0"
DESCRIPTION = "enrolment"

STATEMENTS = (
    """
    CREATE TABLE challenges (
        id text PRIMARY KEY,
        cameo_id text NOT NULL REFERENCES cameos,
        digits text NOT NULL,
        turns jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        used_at timestamptz
    )
    """,
    "CREATE INDEX challenges_cameo ON challenges (cameo_id, created_at)",
    """
    CREATE TABLE proofs (
        id text PRIMARY KEY,
        cameo_id text NOT NULL REFERENCES cameos,
        challenge_id text NOT NULL UNIQUE REFERENCES challenges,
        media_key text NOT NULL,
        hash text NOT NULL CHECK (hash ~ '^[01]+$' AND length(hash) = 256),
        bands integer[] NOT NULL,
        checks jsonb NOT NULL,
        status text NOT NULL CHECK (status IN ('in_review', 'verified', 'rejected')),
        created_at timestamptz NOT NULL,
        decided_at timestamptz,
        decided_by text,
        note text
    )
    """,
    "CREATE INDEX proofs_bands ON proofs USING gin (bands)",
    "CREATE INDEX proofs_cameo ON proofs (cameo_id, created_at)",
    "CREATE INDEX proofs_waiting ON proofs (created_at) WHERE status = 'in_review'",
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
