"""Deleting a video for good."""

from __future__ import annotations

from datetime import datetime

from db.engine import fetch, transaction
from domain import media_keys
from domain.events import stream
from domain.feed import posts
from domain.videos import transitions
from domain.videos.lifecycle import FINAL, Trigger
from domain.videos.record import SEALED, WORDLESS_RECIPE, lock_own
from schemas.events import VideoWithdrawn, WithdrawalReason, video_stream


async def delete_video(video_id: str, account: str, now: datetime) -> None:
    """Delete an own video for good; its media follows as soon as the store deletes it.

    A running one is cancelled first, a posted one taken back. Its lineage and its cost stay known; where
    others were made from it, so do its words, to consent alone.

    Raises:
        RiffleError: not_found.
    """
    async with transaction():
        row = await lock_own(video_id, account)
        if row.status not in FINAL:
            await transitions.end(row, Trigger.CANCEL, now)
        if row.post_id is not None:
            await posts.take_back(row.post_id, now)
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
            video_id,
            now,
        )
        await media_keys.discard(row.media)
        await stream.forget_pictures(video_stream(video_id))
        gone = VideoWithdrawn(reason=WithdrawalReason.DELETED)
        await stream.append(video_stream(video_id), gone, now=now)
