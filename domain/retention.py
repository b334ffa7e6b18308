"""How long each table keeps its rows, and the sweep that carries it out in bounded batches.

Every table stands in SWEEPS or in KEPT; docs/reference/retention.md says the same for people.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from db.engine import AWAY, fetch, transaction
from domain import media_keys

# A batch holds its locks for some tens of milliseconds.
BATCH = 500
# Batches of one sweep in one go: 10,000 rows, a few seconds of one connection. The next round goes on.
MAX_BATCHES = 20
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
log = logging.getLogger(__name__)


class Sweep(NamedTuple):
    """Rows of `table` (as t) that `where` says are over since `$1` = now - `kept`.

    They are deleted, or, with `erase`, changed like this.
    """

    name: str
    table: str
    kept: timedelta
    where: str
    erase: str | None = None


SWEEPS = (
    Sweep("tickets that were not redeemed", "tickets", HOUR, "t.expires_at < $1"),
    # A used refresh token is there until it would have run out, so that its reuse is noticed.
    Sweep("tokens that have run out", "tokens", DAY, "t.expires_at < $1"),
    Sweep(
        "sessions without a token",
        "sessions",
        DAY,
        """
        t.created_at < $1 AND NOT EXISTS (SELECT FROM tokens k WHERE k.session_id = t.id)
            AND NOT EXISTS (SELECT FROM tickets k WHERE k.session_id = t.id)
        """,
    ),
    Sweep("answers by Idempotency-Key", "idempotency", DAY, "t.created_at < $1"),
    Sweep(
        "moderators' sign-ins that have run out",
        "moderator_sessions",
        DAY,
        "t.max_expiry_date AT TIME ZONE 'UTC' < $1",
    ),
    Sweep(
        "challenges that nobody answered",
        "challenges",
        2 * DAY,
        "t.expires_at < $1 AND NOT EXISTS (SELECT FROM proofs p WHERE p.challenge_id = t.id)",
    ),
    Sweep(
        "pictures of a drawing's steps",
        "events",
        DAY,
        "t.picture IS NOT NULL AND t.at < $1",
        "picture = NULL",
    ),
    Sweep(
        "words of refused requests that nobody appealed",
        "refusals",
        90 * DAY,
        "t.at < $1 AND NOT EXISTS (SELECT FROM appeals a WHERE a.request_id = t.request_id)",
    ),
    Sweep("reports that were decided", "reports", 365 * DAY, "t.decided_at < $1"),
    Sweep("copies that were refused", "refused_copies", 365 * DAY, "t.at < $1"),
    Sweep("cascades that have ended", "cascades", 90 * DAY, "t.ended_at < $1"),
    Sweep("erasures that have ended", "erasures", 90 * DAY, "t.ended_at < $1"),
    Sweep(
        "words of videos that failed or were cancelled",
        "videos",
        90 * DAY,
        "t.status IN ('failed', 'cancelled') AND t.ended_at < $1 AND t.prompt <> ''",
        "prompt = '', recipe = CASE jsonb_typeof(t.recipe) WHEN 'object'"
        " THEN jsonb_set(t.recipe, '{prompt}', '\"\"') - 'understood' ELSE '{}' END",
    ),
    Sweep(
        "captions of posts that were taken back",
        "posts",
        30 * DAY,
        "t.deleted_at < $1 AND t.caption <> ''",
        "caption = ''",
    ),
    Sweep(
        "closenesses of deleted videos",
        "closenesses",
        30 * DAY,
        "EXISTS (SELECT FROM videos v WHERE v.id = t.video_id AND v.deleted_at < $1)",
    ),
    Sweep(
        "verdicts on the words of deleted videos",
        "text_verdicts",
        30 * DAY,
        "EXISTS (SELECT FROM videos v WHERE v.id = t.video_id AND v.deleted_at < $1)",
    ),
    Sweep(
        "fingerprints of deleted videos that no takedown is about",
        "fingerprints",
        30 * DAY,
        """
        EXISTS (SELECT FROM videos v WHERE v.id = t.video_id AND v.deleted_at < $1)
            AND NOT EXISTS (SELECT FROM takedown_targets d WHERE d.video_id = t.video_id)
        """,
    ),
)
# Events are numbered, so they go from the front of a stream alone, and its head says where it begins now.
EVENTS_KEPT = 90 * DAY
# A clip is needed until somebody has decided, and for as long as that may be decided again.
PROOF_KEPT_DECIDED = 30 * DAY
PROOF_KEPT_UNDECIDED = 180 * DAY
KEPT = {
    "accounts": "until their person deletes them; a deleted one keeps a number and the hash of its name",
    "follows": "until either side ends it or is deleted",
    "blocks": "until the blocker ends it or either side is deleted",
    "likes": "until they are taken back, or their account is deleted",
    "trends": "one row a trend, without words",
    "posts": "their numbers, for the lineage; captions of deleted ones go",
    "post_renders": "one row a posted preview, without words",
    "videos": "their numbers, for lineage, receipts and credits; words and media go with the video",
    "sources": "the lineage, by which revocations reach what was made",
    "ancestors": "the lineage, by which revocations reach what was made",
    "proofs": "what was decided and the clip's hash; the clip goes",
    "streams": "a stream's head goes with its last event, an inbox's stays, so that its numbers go on",
    "journal_outbox": "what waits for the journal, milliseconds; the journal itself is never shortened",
    "beats": "one number, by which a restored database is known",
    "loose_media": "keys of media on their way in or out; the sweep of media empties it",
    "sketches": "what a likeness looks like, so that a kept copy of it is refused",
    "credit_entries": "the ledger of credits: append-only",
    "cameos": "one row a cameo; names and pictures go with the account",
    "cameo_revisions": "the record of consent: append-only",
    "grants": "the record of consent: append-only",
    "grant_heads": "the record of consent",
    "receipts": "the record of consent: append-only",
    "revocations": "the record of consent: append-only",
    "ledger": "the ledger of consent: append-only",
    "ledger_heads": "the ledger of consent",
    "audit_log": "what moderators did: append-only",
    "moderators": "until they are removed",
    "registry_entries": "the registry of names",
    "registry_representatives": "the registry of names",
    "registry_grants": "the registry of names",
    "appeals": "an upheld one lets a text through for as long as there is an account",
    "hidden_videos": "why a video is out of sight",
    "minor_cameos": "that a cameo shows a minor",
    "takedowns": "what was demanded, by whom, and what was decided: a legal record",
    "takedown_targets": "what a takedown is about",
    "counter_notices": "what was answered to a takedown: a legal record",
}


async def sweep(*, now: datetime) -> int:
    """Carry out what is over, at most MAX_BATCHES batches of each kind; how many rows that was.

    One kind that fails keeps none of the others from it.
    """
    total = 0
    for kind in SWEEPS:
        total += await _batches(kind.name, partial(_sweep_rows, kind, now))
    total += await _batches("events", partial(trim_events, now))
    total += await _batches("clips of proofs", partial(drop_clips, now))
    return total


async def trim_events(now: datetime) -> int:
    """Delete the oldest events of all streams, a batch; how many."""
    oldest = await fetch("SELECT stream, seq, at FROM events ORDER BY id LIMIT $1", BATCH)
    last: dict[str, int] = {}
    for row in oldest:
        if row["at"] < now - EVENTS_KEPT:
            last[row["stream"]] = max(row["seq"], last.get(row["stream"], 0))
    if not last:
        return 0
    async with transaction():
        # Who appends to one holds its head: it is left for the next round.
        locked = await fetch(
            "SELECT stream FROM streams WHERE stream = ANY ($1::text[]) FOR UPDATE SKIP LOCKED", list(last)
        )
        names = [row["stream"] for row in locked]
        gone = await fetch(
            """
            WITH old AS (SELECT * FROM unnest($1::text[], $2::bigint[]) AS old(stream, seq)), head AS (
                UPDATE streams s SET first_seq = greatest(s.first_seq, old.seq + 1)
                FROM old WHERE s.stream = old.stream
            )
            DELETE FROM events e USING old WHERE e.stream = old.stream AND e.seq <= old.seq RETURNING e.id
            """,
            names,
            [last[name] for name in names],
        )
        await fetch(
            """
            DELETE FROM streams s WHERE s.stream = ANY ($1::text[]) AND starts_with(s.stream, 'video:')
                AND NOT EXISTS (SELECT FROM events e WHERE e.stream = s.stream)
            """,
            names,
        )
        return len(gone)


async def drop_clips(now: datetime) -> int:
    """Let go of proof clips that nobody needs any more, a batch; how many."""
    async with transaction():
        rows = await fetch(
            """
            SELECT id, media_key FROM proofs
            WHERE media_key IS NOT NULL AND (decided_at < $1 OR created_at < $2) LIMIT $3
            FOR NO KEY UPDATE SKIP LOCKED
            """,
            now - PROOF_KEPT_DECIDED,
            now - PROOF_KEPT_UNDECIDED,
            BATCH,
        )
        ids = [row["id"] for row in rows]
        await fetch("UPDATE proofs SET media_key = NULL WHERE id = ANY ($1::text[])", ids)
        await media_keys.discard([row["media_key"] for row in rows])
        return len(rows)


async def _sweep_rows(kind: Sweep, now: datetime) -> int:
    over = f"SELECT t.ctid FROM {kind.table} t WHERE {kind.where} LIMIT $2 FOR UPDATE SKIP LOCKED"
    act = f"DELETE FROM {kind.table} t" if kind.erase is None else f"UPDATE {kind.table} t SET {kind.erase}"
    # An array, so that the rows are chosen once.
    rows = await fetch(f"{act} WHERE t.ctid = ANY (ARRAY({over})) RETURNING 1", now - kind.kept, BATCH)
    return len(rows)


async def _batches(name: str, batch: Callable[[], Awaitable[int]]) -> int:
    total = 0
    try:
        for _ in range(MAX_BATCHES):
            count = await batch()
            total += count
            if count == 0:
                break
    except AWAY:
        raise
    except Exception:
        log.exception("the retention of %s failed", name)
    if total:
        log.info("retention: %d rows: %s", total, name)
    return total
