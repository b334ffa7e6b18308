"""What a revocation does to posts: what rests on the withdrawn use is hidden, or becomes a tombstone.

That is the use itself and what comes from it by lineage, never what only looks the same.

One batch at a time. How far it has come stands in the database and moves in the transaction of its batch, so
that whoever dies in the middle is taken over from by the next. Reads don't wait for it: they ask the
revocations themselves.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from db.engine import AWAY, fetch, fetch_one, transaction
from domain import media_keys
from domain.events import stream
from domain.videos import transitions
from domain.videos.lifecycle import FINAL
from domain.videos.record import SEALED, WORDLESS_RECIPE, VideoRow, select
from schemas.cameos import RevokeMode
from schemas.events import VideoWithdrawn, WithdrawalReason, video_stream

# A video takes about 1 ms, so a batch holds its locks for some tens of milliseconds.
BATCH = 50
RETRY_AFTER = timedelta(minutes=5)
log = logging.getLogger(__name__)


async def run_batch(*, now: datetime) -> bool:
    """One batch of the oldest open cascade that nobody else works on; False where there is none.

    One that fails is left for RETRY_AFTER, so that it keeps nobody else's waiting.
    """
    taken: list[int] = []
    try:
        return await _run_batch(taken, now)
    except AWAY:
        raise
    except Exception:
        log.exception("cascades %s failed; they are tried again later", taken)
        await fetch(
            "UPDATE cascades SET retry_at = $2 WHERE revocation_id = ANY ($1::bigint[])",
            taken,
            now + RETRY_AFTER,
        )
        return bool(taken)


async def _run_batch(taken: list[int], now: datetime) -> bool:
    """As `run_batch`, without the care for failures; `taken` gets the revocation."""
    async with transaction():
        task = await fetch_one(
            """
            SELECT c.*, w.mode FROM cascades c JOIN revocations w ON w.id = c.revocation_id
            WHERE c.ended_at IS NULL AND (c.retry_at IS NULL OR c.retry_at <= $1)
            ORDER BY c.revocation_id LIMIT 1 FOR UPDATE OF c SKIP LOCKED
            """,
            now,
        )
        if task is None:
            return False
        taken.append(task["revocation_id"])
        ids = await _descendants(task)
        if ids:
            await _withhold(ids, task, now=now)
        await fetch(
            """
            UPDATE cascades SET cursor = $2, reached = reached + $3, ended_at = $4 WHERE revocation_id = $1
            """,
            task["revocation_id"],
            ids[-1] if ids else task["cursor"],
            len(ids),
            None if ids else now,
        )
        return True


async def _descendants(task: dict[str, Any]) -> list[str]:
    """The next videos that come from a withdrawn use; each has a receipt for the cameo, so this ends."""
    rows = await fetch(
        """
        SELECT DISTINCT r.video_id AS id FROM revocations w JOIN receipts r USING (cameo_id)
        WHERE w.id = $1 AND r.video_id > $2 AND EXISTS (
            SELECT FROM ancestors a JOIN receipts o ON o.video_id = a.ancestor_id
            WHERE a.video_id = r.video_id AND withdrawn(o, w)
        ) ORDER BY r.video_id LIMIT $3
        """,
        task["revocation_id"],
        task["cursor"],
        BATCH,
    )
    return [row["id"] for row in rows]


async def _withhold(ids: Sequence[str], task: dict[str, Any], *, now: datetime) -> None:
    rows = await select("v.id = ANY ($1::text[]) ORDER BY v.id FOR NO KEY UPDATE OF v", list(ids))
    await transitions.withdraw([row for row in rows if row.status not in FINAL], "withdrawn", now)
    await fetch(
        """
        UPDATE videos SET withheld = $2, withheld_at = $3, withheld_by = $4
        WHERE id = ANY ($1::text[]) AND (withheld IS NULL OR withheld < $2)
        """,
        list(ids),
        task["mode"],
        now,
        task["revocation_id"],
    )
    reached = RevokeMode(task["mode"])
    if reached is RevokeMode.TOMBSTONE:
        await bury(rows)
    reason = WithdrawalReason.REVOKED if reached is RevokeMode.TOMBSTONE else WithdrawalReason.HIDDEN
    await stream.append_to_all([video_stream(row.id) for row in rows], VideoWithdrawn(reason=reason), now=now)


async def bury(rows: Sequence[VideoRow]) -> None:
    """Let go of all that could show the likeness. The words stay, sealed, for consent alone."""
    await media_keys.discard([key for row in rows for key in row.media])
    ids = [row.id for row in rows]
    await fetch(
        f"""
        UPDATE videos v SET sealed = {SEALED}, prompt = '',
            recipe = {WORDLESS_RECIPE},
            video_key = NULL, thumbnail_key = NULL, spritesheet_key = NULL, latents_key = NULL,
                input_key = NULL
        WHERE id = ANY ($1::text[])
        """,
        ids,
    )
    await fetch(
        "UPDATE events SET picture = NULL WHERE stream = ANY ($1::text[]) AND picture IS NOT NULL",
        [video_stream(video) for video in ids],
    )
