"""All that is kept of an account, for its person to take along: JSON lines by subject, and keys of media."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import NamedTuple

from db.engine import fetch
from domain.videos.record import select
from domain.videos.visibility import can_play, is_taken_down

# Rows read at once: of at most some kB each, under a megabyte.
PAGE = 200
# Files are sent for as long as their page takes, and are asked about before: some seconds.
FILES = 20
# subject -> rows of (key to go on after, one object); $1 is the account, $2 the last key, $3 the page's size.
SUBJECTS = {
    "account": """
        SELECT id AS key, jsonb_build_object('id', id, 'handle', handle, 'display_name', display_name,
            'age_bracket', age_bracket, 'credits', balance, 'created_at', created_at) AS line
        FROM accounts WHERE id = $1
    """,
    "sessions": """
        SELECT id AS key, to_jsonb(s) - 'account_id' AS line FROM sessions s WHERE account_id = $1
    """,
    "videos": """
        SELECT id AS key, jsonb_build_object('id', id, 'prompt', prompt, 'tier', tier, 'status', status,
            'model', model, 'recipe', recipe, 'source', source, 'cameos', cameos, 'swarm_id', swarm_id,
            'price', price, 'post_id', post_id, 'created_at', created_at, 'ended_at', ended_at) AS line
        FROM videos WHERE account_id = $1 AND deleted_at IS NULL
    """,
    "posts": """
        SELECT id AS key, to_jsonb(p) - 'account_id' AS line FROM posts p
        WHERE account_id = $1 AND deleted_at IS NULL
    """,
    "likes": """
        SELECT lpad(id::text, 20, '0') AS key, jsonb_build_object('post_id', post_id, 'at', created_at)
            AS line FROM likes WHERE account_id = $1
    """,
    "cameos": """
        SELECT id AS key, to_jsonb(c) - 'account_id' - 'reference_key' AS line FROM cameos c
        WHERE account_id = $1
    """,
    "consent_ledger": """
        SELECT lpad(l.id::text, 20, '0') AS key, to_jsonb(l) - 'id' AS line
        FROM ledger l JOIN cameos c ON c.id = l.cameo_id WHERE c.account_id = $1
    """,
    "proofs": """
        SELECT p.id AS key, to_jsonb(p) - 'media_key' - 'hash' - 'bands' - 'decided_by' AS line
        FROM proofs p JOIN cameos c ON c.id = p.cameo_id WHERE c.account_id = $1
    """,
    "requests": """
        SELECT lpad(id::text, 20, '0') AS key, to_jsonb(g) - 'id' AS line FROM grants g WHERE grantee_id = $1
    """,
    "follows": """
        SELECT lpad(f.id::text, 20, '0') AS key, jsonb_build_object('handle', a.handle, 'at', f.created_at)
            AS line FROM follows f JOIN accounts a ON a.id = f.followed_id WHERE f.follower_id = $1
    """,
    "blocks": """
        SELECT lpad(b.id::text, 20, '0') AS key, jsonb_build_object('handle', a.handle, 'at', b.created_at)
            AS line FROM blocks b JOIN accounts a ON a.id = b.blocked_id WHERE b.blocker_id = $1
    """,
    "credits": """
        SELECT lpad(id::text, 20, '0') AS key, to_jsonb(e) - 'account_id' AS line FROM credit_entries e
        WHERE account_id = $1
    """,
    "reports": """
        SELECT id AS key, to_jsonb(r) - 'account_id' - 'decided_by' AS line FROM reports r
        WHERE account_id = $1
    """,
    "refusals": """
        SELECT request_id AS key, jsonb_build_object('request_id', request_id, 'rules', rules, 'at', at)
            AS line FROM refusals WHERE account_id = $1
    """,
    "appeals": """
        SELECT id AS key, to_jsonb(a) - 'account_id' - 'decided_by' AS line FROM appeals a
        WHERE account_id = $1
    """,
    "counter_notices": """
        SELECT id AS key, to_jsonb(n) - 'account_id' AS line FROM counter_notices n WHERE account_id = $1
    """,
}
_MEDIA = """
    SELECT id || ' ' || nr AS key, 'videos/' || id || ending AS name, object, id AS video_id FROM videos,
        unnest(ARRAY[video_key, thumbnail_key], ARRAY['.mp4', '.webp'])
            WITH ORDINALITY AS f(object, ending, nr)
    WHERE account_id = $1 AND deleted_at IS NULL AND object IS NOT NULL
        AND withdrawal_of(id) IS DISTINCT FROM 'tombstone'
    UNION ALL SELECT id, 'cameos/' || id || substring(reference_key FROM '\\.[a-z0-9]+$'), reference_key,
        NULL
    FROM cameos c WHERE account_id = $1 AND reference_key IS NOT NULL
        AND NOT EXISTS (SELECT FROM minor_cameos m WHERE m.cameo_id = c.id AND m.ended_at IS NULL)
"""


class MediaFile(NamedTuple):
    """A file of the archive, and the key of its bytes in the media store."""

    name: str
    key: str


async def lines(account_id: str, subject: str) -> AsyncIterator[bytes]:
    """Everything of one subject, in chunks of whole lines of JSON."""
    after = ""
    while True:
        rows = await fetch(
            f"""
            SELECT key, line::text FROM ({SUBJECTS[subject]}) AS found
            WHERE key COLLATE "C" > $2 ORDER BY key COLLATE "C" LIMIT $3
            """,
            account_id,
            after,
            PAGE,
        )
        if rows:
            yield "".join(f"{row['line']}\n" for row in rows).encode()
        if len(rows) < PAGE:
            return
        after = rows[-1]["key"]


async def media_files(account_id: str, *, now: datetime) -> AsyncIterator[MediaFile]:
    """Every video that its maker may still play, with its picture, and the picture of each cameo."""
    after = ""
    while True:
        rows = await fetch(
            f"""
            SELECT key, name, object, video_id FROM ({_MEDIA}) AS found
            WHERE key COLLATE "C" > $2 ORDER BY key COLLATE "C" LIMIT $3
            """,
            account_id,
            after,
            FILES,
        )
        videos = [row["video_id"] for row in rows if row["video_id"] is not None]
        found = await select("v.id = ANY ($1::text[])", videos)
        playable = await can_play(found, account_id, now) - await is_taken_down(videos, now)
        for row in rows:
            if row["video_id"] is None or row["video_id"] in playable:
                yield MediaFile(row["name"], row["object"])
        if len(rows) < FILES:
            return
        after = rows[-1]["key"]
