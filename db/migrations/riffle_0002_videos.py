"""Videos, where they come from, their events, and what they cost."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-25T06:00:02:000000"
VERSION = "1.38.0"
DESCRIPTION = "videos"

STATEMENTS = (
    """
    CREATE TABLE videos (
        id text PRIMARY KEY,
        account_id text NOT NULL REFERENCES accounts,
        swarm_id text NOT NULL,
        swarm_index smallint NOT NULL,
        tier text NOT NULL CHECK (tier IN ('preview', 'full')),
        status text NOT NULL CHECK (status IN ('queued', 'in_progress', 'completed', 'failed', 'cancelled')),
        model text NOT NULL,
        prompt text NOT NULL,
        recipe jsonb NOT NULL,
        source jsonb,
        relation text,
        cameos text[] NOT NULL,
        price integer NOT NULL CHECK (price >= 0),
        progress smallint NOT NULL CHECK (progress BETWEEN 0 AND 100),
        attempt integer NOT NULL,
        worker text,
        lease_until timestamptz,
        created_at timestamptz NOT NULL,
        started_at timestamptz,
        ended_at timestamptz,
        error_code text,
        error_message text,
        cpu_seconds double precision,
        fidelity double precision,
        video_key text,
        thumbnail_key text,
        spritesheet_key text,
        latents_key text,
        post_id text,
        deleted_at timestamptz,
        UNIQUE (swarm_id, swarm_index),
        CONSTRAINT videos_leased CHECK (
            (status = 'in_progress') = (lease_until IS NOT NULL AND worker IS NOT NULL)
        ),
        CONSTRAINT videos_ended CHECK ((status IN ('queued', 'in_progress')) = (ended_at IS NULL)),
        CONSTRAINT videos_posted CHECK (post_id IS NULL OR (status = 'completed' AND deleted_at IS NULL))
    )
    """,
    "CREATE INDEX videos_of_account ON videos (account_id, created_at, swarm_index, id)",
    """
    CREATE INDEX videos_running ON videos (status, tier, created_at) WHERE status IN ('queued', 'in_progress')
    """,
    "CREATE INDEX videos_pace ON videos (tier, ended_at) WHERE status = 'completed'",
    """
    CREATE FUNCTION videos_end_once() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'video % is % already', OLD.id, OLD.status USING ERRCODE = 'check_violation';
    END $$
    """,
    """
    CREATE TRIGGER videos_end_once BEFORE UPDATE OF status ON videos FOR EACH ROW
    WHEN (OLD.status IN ('completed', 'failed', 'cancelled') AND NEW.status <> OLD.status)
    EXECUTE FUNCTION videos_end_once()
    """,
    """
    CREATE TABLE sources (
        id bigserial PRIMARY KEY,
        child_id text NOT NULL REFERENCES videos,
        parent_id text NOT NULL REFERENCES videos CHECK (parent_id <> child_id),
        relation text NOT NULL,
        position smallint NOT NULL,
        UNIQUE (child_id, position)
    )
    """,
    "CREATE INDEX sources_parent ON sources (parent_id)",
    """
    CREATE TABLE closenesses (
        id bigserial PRIMARY KEY,
        video_id text NOT NULL REFERENCES videos,
        other_id text NOT NULL REFERENCES videos,
        value double precision NOT NULL CHECK (value BETWEEN 0 AND 1),
        UNIQUE (video_id, other_id)
    )
    """,
    """
    CREATE TABLE streams (
        stream text PRIMARY KEY,
        epoch text NOT NULL,
        seq bigint NOT NULL
    )
    """,
    """
    CREATE TABLE events (
        id bigserial PRIMARY KEY,
        stream text NOT NULL REFERENCES streams,
        seq bigint NOT NULL,
        at timestamptz NOT NULL,
        name text NOT NULL,
        data jsonb NOT NULL,
        picture bytea,
        UNIQUE (stream, seq)
    )
    """,
    """
    CREATE TABLE credit_entries (
        id bigserial PRIMARY KEY,
        account_id text NOT NULL REFERENCES accounts,
        video_id text REFERENCES videos,
        kind text NOT NULL,
        amount integer NOT NULL,
        at timestamptz NOT NULL,
        UNIQUE (video_id, kind),
        CONSTRAINT credit_entries_signs CHECK (
            (kind = 'start' AND amount > 0 AND video_id IS NULL)
            OR (kind = 'hold' AND amount <= 0 AND video_id IS NOT NULL)
            OR (kind = 'refund' AND amount >= 0 AND video_id IS NOT NULL)
            OR (kind = 'settle' AND amount = 0 AND video_id IS NOT NULL)
        )
    )
    """,
    "CREATE INDEX credit_entries_account ON credit_entries (account_id, id)",
    "CREATE UNIQUE INDEX credit_entries_start ON credit_entries (account_id) WHERE kind = 'start'",
    "CREATE UNIQUE INDEX credit_entries_end ON credit_entries (video_id) WHERE kind IN ('settle', 'refund')",
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER credit_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_entries
    EXECUTE FUNCTION refuse_change()
    """,
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
