"""What nobody is shown whatever consent says: taken down, hidden by moderators, or with a minor's cameo."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from db.engine import fetch
from domain.consent import verdicts
from domain.videos.record import VideoRow

# Ids of videos that a takedown keeps out of sight. One that nobody decided in time counts as upheld.
TAKEN_DOWN = """
    SELECT t.video_id FROM takedown_targets t JOIN takedowns d ON d.id = t.takedown_id
    WHERE d.status = 'upheld' OR (d.status = 'open' AND d.due_at <= {now})
"""


async def taken_down(video_ids: Sequence[str], now: datetime) -> set[str]:
    """Those of the videos that are taken down."""
    sql = f"SELECT id FROM unnest($1::text[]) AS id WHERE id IN ({TAKEN_DOWN.format(now='$2')})"
    return {row["id"] for row in await fetch(sql, list(video_ids), now)}


async def hidden(video_ids: Sequence[str], now: datetime) -> set[str]:
    """Those of the videos that nobody but moderators may see, their makers not either."""
    rows = await fetch(
        f"""
        SELECT id FROM unnest($1::text[]) AS id WHERE id IN ({TAKEN_DOWN.format(now="$2")})
        UNION SELECT video_id FROM hidden_videos WHERE video_id = ANY ($1::text[]) AND ended_at IS NULL
        UNION SELECT v.id FROM videos v JOIN minor_cameos m ON m.cameo_id = ANY (v.cameos)
        WHERE v.id = ANY ($1::text[]) AND m.ended_at IS NULL
        """,
        list(video_ids),
        now,
    )
    return {row["id"] for row in rows}


async def shown(rows: Sequence[VideoRow], viewer: str, now: datetime | None = None) -> set[str]:
    """The ids of others' posted videos that `viewer` may be shown: covered by consent, and not hidden."""
    if not rows:
        return set()
    at = now or datetime.now(UTC)
    return await verdicts.may_show(rows, at, viewer) - await hidden([row.id for row in rows], at)


async def minors(cameo_ids: Sequence[str]) -> set[str]:
    """Those of the cameos that show a minor."""
    rows = await fetch(
        "SELECT cameo_id AS id FROM minor_cameos WHERE cameo_id = ANY ($1::text[]) AND ended_at IS NULL",
        list(cameo_ids),
    )
    return {row["id"] for row in rows}
