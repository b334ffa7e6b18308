"""Refused texts, appeals against a refusal, and reports of what should not be there."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-25T06:00:12:000000"
VERSION = "1.38.0"
DESCRIPTION = "moderation"

STATEMENTS = (
    """
    CREATE TABLE refusals (
        request_id text PRIMARY KEY,
        account_id text NOT NULL REFERENCES accounts,
        texts jsonb NOT NULL,
        texts_hash text NOT NULL,
        rules jsonb NOT NULL,
        at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX refusals_account ON refusals (account_id, texts_hash)",
    """
    CREATE TABLE appeals (
        id text PRIMARY KEY,
        request_id text NOT NULL UNIQUE REFERENCES refusals,
        account_id text NOT NULL REFERENCES accounts,
        reason text NOT NULL,
        status text NOT NULL CHECK (status IN ('open', 'upheld', 'rejected')),
        created_at timestamptz NOT NULL,
        decided_at timestamptz,
        decided_by text,
        note text
    )
    """,
    "CREATE INDEX appeals_account ON appeals (account_id, created_at)",
    "CREATE INDEX appeals_open ON appeals (created_at) WHERE status = 'open'",
    """
    CREATE TABLE reports (
        id text PRIMARY KEY,
        account_id text NOT NULL REFERENCES accounts,
        kind text NOT NULL CHECK (kind IN ('video', 'post', 'cameo', 'account')),
        subject_id text NOT NULL,
        reason text NOT NULL,
        note text,
        status text NOT NULL CHECK (status IN ('open', 'acted', 'dismissed')),
        created_at timestamptz NOT NULL,
        decided_at timestamptz,
        decided_by text,
        outcome text
    )
    """,
    # One person's second report of the same thing is the first one again.
    "CREATE UNIQUE INDEX reports_once ON reports (account_id, kind, subject_id) WHERE status = 'open'",
    "CREATE INDEX reports_open ON reports (created_at) WHERE status = 'open'",
    "CREATE INDEX reports_account ON reports (account_id, created_at)",
    """
    CREATE TABLE hidden_videos (
        id bigserial PRIMARY KEY,
        video_id text NOT NULL REFERENCES videos,
        reason text NOT NULL,
        since timestamptz NOT NULL,
        ended_at timestamptz
    )
    """,
    "CREATE UNIQUE INDEX hidden_videos_one ON hidden_videos (video_id) WHERE ended_at IS NULL",
    """
    CREATE TABLE minor_cameos (
        id bigserial PRIMARY KEY,
        cameo_id text NOT NULL REFERENCES cameos,
        since timestamptz NOT NULL,
        ended_at timestamptz
    )
    """,
    "CREATE UNIQUE INDEX minor_cameos_one ON minor_cameos (cameo_id) WHERE ended_at IS NULL",
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
