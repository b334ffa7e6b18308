"""The videos that a moderator may view to decide: those that somebody complained about, and no others."""

from __future__ import annotations

from datetime import datetime

from db.engine import fetch_one, transaction
from domain.safety.admin import audit_log
from schemas.errors import Code, RiffleError


async def video_key(subject: str, actor: str, *, now: datetime) -> str:
    """Where the MP4 of a video (by its own id or its post's) lies; the view goes into the audit log.

    It must stand under a takedown, be hidden, or be reported: itself, its post, or a cameo in it.

    Raises:
        RiffleError: not_found.
    """
    async with transaction():
        found = await fetch_one(
            """
            SELECT v.id, v.video_key FROM videos v
            WHERE (v.id = $1 OR v.id = (SELECT p.video_id FROM posts p WHERE p.id = $1))
                AND v.video_key IS NOT NULL AND (
                    EXISTS (SELECT FROM takedown_targets t WHERE t.video_id = v.id)
                    OR EXISTS (SELECT FROM hidden_videos h WHERE h.video_id = v.id)
                    OR EXISTS (
                        SELECT FROM reports r WHERE (r.kind = 'video' AND r.subject_id = v.id)
                            OR (r.kind = 'cameo' AND r.subject_id = ANY (v.cameos))
                            OR (r.kind = 'post' AND r.subject_id IN (
                                SELECT p.id FROM posts p WHERE p.video_id = v.id
                            ))
                    )
                )
            """,
            subject,
        )
        if found is None:
            message = f"no video `{subject}` with media is reported, hidden or under a takedown"
            raise RiffleError(Code.NOT_FOUND, message)
        await audit_log.record(actor, "video.seen", found["id"], now=now)
        return str(found["video_key"])
