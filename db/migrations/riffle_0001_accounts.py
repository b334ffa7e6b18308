"""People, their sign-ins, whom they follow and block, and answers to requests with a key."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-25T06:00:01:000000"
VERSION = "1.38.0"
DESCRIPTION = "accounts"

STATEMENTS = (
    """
    CREATE TABLE accounts (
        id text PRIMARY KEY,
        handle text NOT NULL UNIQUE,
        display_name text NOT NULL,
        password_hash text NOT NULL,
        demo boolean NOT NULL,
        balance integer NOT NULL CHECK (balance >= 0),
        created_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE sessions (
        id text PRIMARY KEY,
        account_id text NOT NULL REFERENCES accounts,
        created_at timestamptz NOT NULL,
        revoked_at timestamptz
    )
    """,
    "CREATE INDEX sessions_account ON sessions (account_id)",
    """
    CREATE TABLE tokens (
        hash text PRIMARY KEY CHECK (length(hash) = 64),
        session_id text NOT NULL REFERENCES sessions,
        kind text NOT NULL CHECK (kind IN ('access', 'refresh')),
        expires_at timestamptz NOT NULL,
        used_at timestamptz
    )
    """,
    "CREATE INDEX tokens_session ON tokens (session_id)",
    """
    CREATE TABLE tickets (
        hash text PRIMARY KEY CHECK (length(hash) = 64),
        account_id text NOT NULL REFERENCES accounts,
        expires_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX tickets_account ON tickets (account_id)",
    """
    CREATE TABLE follows (
        id bigserial PRIMARY KEY,
        follower_id text NOT NULL REFERENCES accounts,
        followed_id text NOT NULL REFERENCES accounts CHECK (followed_id <> follower_id),
        created_at timestamptz NOT NULL,
        UNIQUE (follower_id, followed_id)
    )
    """,
    """
    CREATE TABLE blocks (
        id bigserial PRIMARY KEY,
        blocker_id text NOT NULL REFERENCES accounts,
        blocked_id text NOT NULL REFERENCES accounts CHECK (blocked_id <> blocker_id),
        created_at timestamptz NOT NULL,
        UNIQUE (blocker_id, blocked_id)
    )
    """,
    """
    CREATE TABLE idempotency (
        id bigserial PRIMARY KEY,
        account_id text NOT NULL REFERENCES accounts,
        key text NOT NULL,
        route text NOT NULL,
        body_hash text NOT NULL,
        status smallint NOT NULL,
        body bytea NOT NULL,
        created_at timestamptz NOT NULL,
        UNIQUE (account_id, key)
    )
    """,
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
