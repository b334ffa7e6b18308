"""Deleting a video for good."""

from __future__ import annotations

from datetime import datetime

from db.engine import fetch, transaction
from domain import media_keys
from domain.events import stream
from domain.feed import posts
from domain.videos import transitions
from domain.videos.lifecycle import FINAL, Trigger
from domain.videos.record import SEALED, WORDLESS_RECIPE, VideoRow, no_such_video, select
from schemas.events import VideoWithdrawn, WithdrawalReason, video_stream

# A video `v` that is $1, or a render of it that nobody but its post asked for.
WITH_RENDERS = """
    v.id IN (
        SELECT $1::text UNION ALL SELECT c.id FROM sources s JOIN videos c ON c.id = s.child_id
        WHERE s.parent_id = $1 AND s.relation = 'render' AND c.background
    )
"""


async def delete_video(video_id: str, account: str, now: datetime) -> None:
    """Delete an own video for good; its media follows as soon as the store deletes it.

    A running one is cancelled first, a posted one taken back, and what was drawn of it for its post goes
    with it. Its lineage and its cost stay known; where others were made from it, so do its words, to consent
    alone.

    Raises:
        RiffleError: not_found.
    """
    async with transaction():
        rows = await select(f"{WITH_RENDERS} ORDER BY v.id FOR NO KEY UPDATE OF v", video_id)
        if not any(
            row.id == video_id and row.account_id == account and row.deleted_at is None for row in rows
        ):
            raise no_such_video(video_id)
        for row in rows:
            if row.deleted_at is None:
                await _delete(row, now)


async def _delete(row: VideoRow, now: datetime) -> None:
    """Delete a locked video."""
    if row.status not in FINAL:
        await transitions.end(row, Trigger.CANCEL, now)
    shown = [row.id] if row.post_id is None else await posts.take_back(row.post_id, now)
    await fetch(
        f"""
        UPDATE videos v SET deleted_at = $2, prompt = '', recipe = {WORDLESS_RECIPE},
            sealed = CASE WHEN EXISTS (
                SELECT FROM ancestors a WHERE a.ancestor_id = v.id AND a.video_id <> v.id
            ) THEN {SEALED} END,
            video_key = NULL, thumbnail_key = NULL, spritesheet_key = NULL, latents_key = NULL,
            input_key = NULL
        WHERE id = $1
        """,
        row.id,
        now,
    )
    await media_keys.discard(row.media)
    await stream.forget_pictures(video_stream(row.id))
    for video_id in sorted({row.id, *shown}):
        deleted = video_id == row.id
        gone = VideoWithdrawn(reason=WithdrawalReason.DELETED if deleted else WithdrawalReason.TAKEN_BACK)
        await stream.append(video_stream(video_id), gone, now=now)
