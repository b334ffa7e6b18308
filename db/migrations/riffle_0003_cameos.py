"""Cameos, the consent given for them, and the receipts that videos carry."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-25T06:00:03:000000"
VERSION = "1.38.0"
DESCRIPTION = "cameos"

STATEMENTS = (
    """
    CREATE TABLE cameos (
        id text PRIMARY KEY,
        account_id text NOT NULL REFERENCES accounts,
        handle text NOT NULL UNIQUE,
        display_name text NOT NULL,
        audience text NOT NULL CHECK (audience IN ('only_me', 'people_i_approve', 'mutuals', 'everyone')),
        status text NOT NULL CHECK (status IN ('active', 'revoked')),
        restrictions jsonb NOT NULL,
        revision integer NOT NULL CHECK (revision > 0),
        created_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX cameos_account ON cameos (account_id)",
    """
    CREATE TABLE cameo_revisions (
        id bigserial PRIMARY KEY,
        cameo_id text NOT NULL REFERENCES cameos,
        revision integer NOT NULL,
        display_name text NOT NULL,
        audience text NOT NULL,
        status text NOT NULL,
        restrictions jsonb NOT NULL,
        at timestamptz NOT NULL,
        UNIQUE (cameo_id, revision)
    )
    """,
    # The record of a cameo follows from its row, so that neither can be written without the other.
    """
    CREATE FUNCTION cameos_record() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF NEW.revision <> OLD.revision + 1 OR OLD.status = 'revoked' THEN
                RAISE EXCEPTION 'cameo % can not go from revision % (%) to %',
                    OLD.id, OLD.revision, OLD.status, NEW.revision
                    USING ERRCODE = 'integrity_constraint_violation';
            END IF;
        END IF;
        INSERT INTO cameo_revisions (cameo_id, revision, display_name, audience, status, restrictions, at)
        VALUES (NEW.id, NEW.revision, NEW.display_name, NEW.audience, NEW.status, NEW.restrictions,
                CASE TG_OP WHEN 'INSERT' THEN NEW.created_at ELSE clock_timestamp() END);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER cameos_record AFTER INSERT OR UPDATE ON cameos
    FOR EACH ROW EXECUTE FUNCTION cameos_record()
    """,
    """
    CREATE TABLE grants (
        id bigserial PRIMARY KEY,
        grant_id text NOT NULL,
        revision integer NOT NULL,
        cameo_id text NOT NULL REFERENCES cameos,
        grantee_id text NOT NULL REFERENCES accounts,
        status text NOT NULL CHECK (status IN ('pending', 'accepted', 'refused', 'revoked', 'expired')),
        scope jsonb NOT NULL,
        message text,
        actor_id text REFERENCES accounts,
        at timestamptz NOT NULL,
        UNIQUE (grant_id, revision)
    )
    """,
    "CREATE INDEX grants_cameo ON grants (cameo_id, id)",
    """
    CREATE TABLE grant_heads (
        grant_id text PRIMARY KEY,
        cameo_id text NOT NULL REFERENCES cameos,
        grantee_id text NOT NULL REFERENCES accounts,
        status text NOT NULL,
        revision integer NOT NULL,
        requested_at timestamptz NOT NULL,
        changed_at timestamptz NOT NULL
    )
    """,
    """
    CREATE UNIQUE INDEX grant_heads_one_pending ON grant_heads (cameo_id, grantee_id) WHERE status = 'pending'
    """,
    "CREATE INDEX grant_heads_cameo ON grant_heads (cameo_id, grantee_id)",
    "CREATE INDEX grant_heads_grantee ON grant_heads (grantee_id)",
    """
    CREATE FUNCTION grants_advance() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.revision = 1 AND NEW.status = 'pending' THEN
            INSERT INTO grant_heads VALUES
                (NEW.grant_id, NEW.cameo_id, NEW.grantee_id, NEW.status, NEW.revision, NEW.at, NEW.at);
            RETURN NEW;
        END IF;
        UPDATE grant_heads SET status = NEW.status, revision = NEW.revision, changed_at = NEW.at
        WHERE grant_id = NEW.grant_id AND cameo_id = NEW.cameo_id AND grantee_id = NEW.grantee_id
            AND revision = NEW.revision - 1
            AND (status, NEW.status) IN (
                ('pending', 'accepted'), ('pending', 'refused'),
                ('pending', 'revoked'), ('pending', 'expired'),
                ('accepted', 'revoked'), ('accepted', 'expired'));
        IF NOT FOUND THEN
            RAISE EXCEPTION 'grant % can not become % at revision %', NEW.grant_id, NEW.status, NEW.revision
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER grants_advance BEFORE INSERT ON grants FOR EACH ROW EXECUTE FUNCTION grants_advance()",
    """
    CREATE TABLE receipts (
        id bigserial PRIMARY KEY,
        video_id text NOT NULL REFERENCES videos,
        cameo_id text NOT NULL REFERENCES cameos,
        grant_id text REFERENCES grant_heads,
        revision integer NOT NULL,
        policy_version integer NOT NULL,
        at timestamptz NOT NULL,
        UNIQUE (video_id, cameo_id)
    )
    """,
    "CREATE INDEX receipts_cameo ON receipts (cameo_id, id)",
    "CREATE INDEX receipts_grant ON receipts (grant_id)",
    """
    CREATE TRIGGER cameo_revisions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON cameo_revisions
    EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER grants_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON grants
    EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER receipts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON receipts
    EXECUTE FUNCTION refuse_change()
    """,
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
