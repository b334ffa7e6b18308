"""Revocations and what they reach, reference pictures, and receipts for posting."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-25T06:00:06:000000"
VERSION = "1.38.0"
DESCRIPTION = "revocations"

STATEMENTS = (
    "ALTER TABLE cameos ADD COLUMN reference_key text",
    "ALTER TABLE cameos ADD COLUMN reference_hash text",
    "ALTER TABLE cameo_revisions ADD COLUMN reference_hash text",
    """
    CREATE OR REPLACE FUNCTION cameos_record() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF NEW.revision <> OLD.revision + 1 OR OLD.status = 'revoked' THEN
                RAISE EXCEPTION 'cameo % can not go from revision % (%) to %',
                    OLD.id, OLD.revision, OLD.status, NEW.revision
                    USING ERRCODE = 'integrity_constraint_violation';
            END IF;
        END IF;
        INSERT INTO cameo_revisions
            (cameo_id, revision, display_name, audience, status, restrictions, reference_hash, at)
        VALUES (NEW.id, NEW.revision, NEW.display_name, NEW.audience, NEW.status, NEW.restrictions,
                NEW.reference_hash,
                CASE TG_OP WHEN 'INSERT' THEN NEW.created_at ELSE clock_timestamp() END);
        RETURN NULL;
    END $$
    """,
    # Dropping the picture of a revoked cameo is no new revision: its hash stays.
    "DROP TRIGGER cameos_record ON cameos",
    """
    CREATE TRIGGER cameos_record AFTER INSERT OR UPDATE OF id, account_id, handle, display_name, audience,
        status, restrictions, revision, reference_hash, created_at ON cameos
    FOR EACH ROW EXECUTE FUNCTION cameos_record()
    """,
    # Grants and receipts of before were given under policy 1.
    "ALTER TABLE grants ADD COLUMN policy_version integer NOT NULL DEFAULT 1",
    "ALTER TABLE grants ALTER COLUMN policy_version DROP DEFAULT",
    "ALTER TABLE grants ADD COLUMN mode text CHECK (mode IN ('block_new', 'hide_posts', 'tombstone'))",
    """
    CREATE INDEX grants_until ON grants (((scope ->> 'until')::bigint)) WHERE scope ->> 'until' IS NOT NULL
    """,
    """
    ALTER TABLE receipts ADD COLUMN action text NOT NULL DEFAULT 'draw' CHECK (action IN ('draw', 'post'))
    """,
    "ALTER TABLE receipts DROP CONSTRAINT receipts_video_id_cameo_id_key",
    "CREATE UNIQUE INDEX receipts_drawn ON receipts (video_id, cameo_id) WHERE action = 'draw'",
    "CREATE INDEX receipts_video ON receipts (video_id)",
    "CREATE INDEX receipts_cameo_video ON receipts (cameo_id, video_id) WHERE action = 'draw'",
    # One sequence for both, drawn under the lock of the cameo: the smaller id came first.
    """
    CREATE TABLE revocations (
        id bigint PRIMARY KEY DEFAULT nextval('receipts_id_seq'),
        cameo_id text NOT NULL REFERENCES cameos,
        grantee_id text REFERENCES accounts,
        grant_id text REFERENCES grant_heads,
        video_id text REFERENCES videos,
        mode text NOT NULL CHECK (mode IN ('block_new', 'hide_posts', 'tombstone')),
        actor_id text NOT NULL REFERENCES accounts,
        at timestamptz NOT NULL,
        CONSTRAINT revocations_one_target CHECK (num_nonnulls(grantee_id, grant_id, video_id) <= 1)
    )
    """,
    "CREATE INDEX revocations_cameo ON revocations (cameo_id, id)",
    """
    CREATE TRIGGER revocations_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON revocations
    EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE FUNCTION withdrawn(r receipts, w revocations) RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT w.cameo_id = r.cameo_id AND w.mode <> 'block_new' AND r.id < w.id
            AND (w.grant_id IS NULL OR w.grant_id = r.grant_id)
            AND (w.video_id IS NULL OR w.video_id = r.video_id)
            AND (w.grantee_id IS NULL
                OR w.grantee_id = (SELECT account_id FROM videos WHERE videos.id = r.video_id))
    $$
    """,
    # Reads of videos ask this, so that a revocation counts at once, however long its cascade takes.
    """
    CREATE FUNCTION withdrawal_of(video text) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT max(w.mode) FROM ancestors a JOIN receipts r ON r.video_id = a.ancestor_id
        JOIN revocations w ON w.cameo_id = r.cameo_id AND withdrawn(r, w) WHERE a.video_id = video
    $$
    """,
    # No foreign key: checking it takes the right to UPDATE revocations, which nobody shall have.
    """
    CREATE TABLE cascades (
        revocation_id bigint PRIMARY KEY,
        cursor text NOT NULL DEFAULT '',
        copies boolean NOT NULL DEFAULT false,
        reached integer NOT NULL DEFAULT 0,
        began_at timestamptz NOT NULL,
        ended_at timestamptz
    )
    """,
    "CREATE INDEX cascades_open ON cascades (revocation_id) WHERE ended_at IS NULL",
    "CREATE TABLE garbage (key text PRIMARY KEY, at timestamptz NOT NULL)",
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
