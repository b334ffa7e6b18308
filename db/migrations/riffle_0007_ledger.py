"""The ledger: whatever changes consent is chained by hashes, in the transaction that changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.migrations import plain

if TYPE_CHECKING:
    from piccolo.apps.migrations.auto.migration_manager import MigrationManager

ID = "2026-11-25T06:00:07:000000"
VERSION = "1.38.0"
DESCRIPTION = "ledger"

# kind -> (table, what its entry says). Every value is text, an integer, null, or JSON of those.
KINDS = {
    "cameo": (
        "cameo_revisions",
        """
        'revision', r.revision, 'display_name', r.display_name, 'audience', r.audience, 'status', r.status,
        'restrictions', r.restrictions, 'reference', r.reference_hash, 'at', utc_text(r.at)
        """,
    ),
    "grant": (
        "grants",
        """
        'grant_id', r.grant_id, 'revision', r.revision, 'grantee', r.grantee_id, 'status', r.status,
        'scope', r.scope, 'message', r.message, 'policy_version', r.policy_version, 'mode', r.mode,
        'actor', r.actor_id, 'at', utc_text(r.at)
        """,
    ),
    "receipt": (
        "receipts",
        """
        'video_id', r.video_id, 'action', r.action, 'grant_id', r.grant_id, 'revision', r.revision,
        'policy_version', r.policy_version, 'at', utc_text(r.at)
        """,
    ),
    "revocation": (
        "revocations",
        """
        'grantee', r.grantee_id, 'grant_id', r.grant_id, 'video_id', r.video_id, 'mode', r.mode,
        'actor', r.actor_id, 'at', utc_text(r.at)
        """,
    ),
}


def _chained(kind: str, table: str, fields: str) -> tuple[str, ...]:
    return (
        f"""
        CREATE FUNCTION ledger_body(r {table}) RETURNS jsonb LANGUAGE sql STABLE AS $$
            SELECT jsonb_build_object('id', r.id, {fields})
        $$
        """,
        f"""
        CREATE FUNCTION {table}_chain() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM ledger_append(NEW.cameo_id, '{kind}', NEW.id, NEW.at, ledger_body(NEW));
            RETURN NULL;
        END $$
        """,
        f"""
        CREATE TRIGGER {table}_chain AFTER INSERT ON {table}
        FOR EACH ROW EXECUTE FUNCTION {table}_chain()
        """,
    )


STATEMENTS = (
    """
    CREATE TABLE ledger (
        id bigserial PRIMARY KEY,
        cameo_id text NOT NULL REFERENCES cameos,
        seq bigint NOT NULL,
        kind text NOT NULL,
        fact_id bigint NOT NULL,
        at timestamptz NOT NULL,
        body jsonb NOT NULL,
        prev text NOT NULL,
        hash text NOT NULL,
        UNIQUE (cameo_id, seq),
        UNIQUE (kind, fact_id)
    )
    """,
    """
    CREATE TABLE ledger_heads (
        cameo_id text PRIMARY KEY REFERENCES cameos,
        seq bigint NOT NULL,
        hash text NOT NULL
    )
    """,
    """
    CREATE FUNCTION utc_text(t timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    $$
    """,
    # Keys sorted by code point, no spaces; of strings only what JSON demands is escaped.
    """
    CREATE FUNCTION canonical_json(j jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN
        CASE jsonb_typeof(j)
        WHEN 'object' THEN
            RETURN '{' || coalesce((
                SELECT string_agg(to_jsonb(key)::text || ':' || canonical_json(value), ','
                    ORDER BY key COLLATE "C")
                FROM jsonb_each(j)), '') || '}';
        WHEN 'array' THEN
            RETURN '[' || coalesce((
                SELECT string_agg(canonical_json(value), ',' ORDER BY nr)
                FROM jsonb_array_elements(j) WITH ORDINALITY AS e(value, nr)), '') || ']';
        ELSE
            RETURN j::text;
        END CASE;
    END $$
    """,
    """
    CREATE FUNCTION ledger_hash(cameo text, seq bigint, kind text, at timestamptz, body jsonb, prev text)
    RETURNS text LANGUAGE sql STABLE AS $$
        SELECT encode(sha256(convert_to(canonical_json(jsonb_build_object('cameo_id', cameo, 'seq', seq,
            'kind', kind, 'at', utc_text(at), 'body', body, 'prev', prev)), 'UTF8')), 'hex')
    $$
    """,
    """
    CREATE FUNCTION ledger_append(cameo text, what text, fact bigint, moment timestamptz, facts jsonb)
    RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        head ledger_heads;
        mine text;
    BEGIN
        INSERT INTO ledger_heads VALUES (cameo, 0, '') ON CONFLICT DO NOTHING;
        SELECT * INTO head FROM ledger_heads h WHERE h.cameo_id = cameo FOR UPDATE;
        mine := ledger_hash(cameo, head.seq + 1, what, moment, facts, head.hash);
        INSERT INTO ledger (cameo_id, seq, kind, fact_id, at, body, prev, hash)
        VALUES (cameo, head.seq + 1, what, fact, moment, facts, head.hash, mine);
        UPDATE ledger_heads h SET seq = head.seq + 1, hash = mine WHERE h.cameo_id = cameo;
    END $$
    """,
    *(statement for kind, (table, fields) in KINDS.items() for statement in _chained(kind, table, fields)),
    # What was written before there was a ledger, in the order of its time.
    """
    DO $$
    DECLARE
        fact record;
    BEGIN
        FOR fact IN
            SELECT cameo_id, 'cameo' AS kind, id, at, 1 AS turn, ledger_body(r) AS body FROM cameo_revisions r
            UNION ALL SELECT cameo_id, 'grant', id, at, 2, ledger_body(r) FROM grants r
            UNION ALL SELECT cameo_id, 'receipt', id, at, 3, ledger_body(r) FROM receipts r
            ORDER BY at, turn, id
        LOOP
            PERFORM ledger_append(fact.cameo_id, fact.kind, fact.id, fact.at, fact.body);
        END LOOP;
    END $$
    """,
    """
    CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
    EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER ledger_heads_stay BEFORE DELETE OR TRUNCATE ON ledger_heads
    EXECUTE FUNCTION refuse_change()
    """,
    "REVOKE UPDATE, DELETE, TRUNCATE ON ledger FROM PUBLIC, CURRENT_USER",
    """
    REVOKE UPDATE, DELETE, TRUNCATE ON cameo_revisions, grants, receipts, revocations
    FROM PUBLIC, CURRENT_USER
    """,
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
