"""Sketches of cameos' pictures and of videos, and copies of those that somebody uploaded as their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from db.engine import exists, fetch, fetch_one, transaction
from domain.events import stream
from schemas.events import CameoCopied, inbox_stream

# Read and compared at once: a megabyte, 0.4 s of a core for each frame of an upload.
PAGE = 4096
# The same person's copies of one cameo are told once an hour: its owner's inbox is no place to shout into.
TELL_AGAIN_AFTER = timedelta(hours=1)
# Further cameos of one video are not told of one upload; videos have at most a few.
MAX_TOLD = 20

Upload = Literal["reference", "proof", "input_reference"]
FoundBy = Literal["credentials", "picture"]


class StoredSketch(NamedTuple):
    """A packed sketch, of a frame of a cameo's picture or of a video."""

    id: int
    cameo_id: str | None
    video_id: str | None
    cells: bytes


async def save_reference(cameo_id: str, sketches: Sequence[bytes]) -> None:
    """Keep what the picture of a cameo looks like, beside that of earlier ones."""
    await fetch(
        "INSERT INTO sketches (cameo_id, cells) SELECT $1, unnest($2::bytea[])", cameo_id, list(sketches)
    )


async def save_video(video_id: str, sketches: Sequence[bytes]) -> None:
    """Keep what a video looks like."""
    await fetch(
        "INSERT INTO sketches (video_id, cells) SELECT $1, unnest($2::bytea[])", video_id, list(sketches)
    )


async def of_others(account: str, after: int) -> list[StoredSketch]:
    """A page of sketches that show cameos of other people than `account`, after the sketch `after`."""
    rows = await fetch(
        """
        SELECT s.id, s.cameo_id, s.video_id, s.cells FROM sketches s LEFT JOIN videos v ON v.id = s.video_id
        WHERE s.id > $1 AND EXISTS (
            SELECT FROM cameos c WHERE (c.id = s.cameo_id OR c.id = ANY (v.cameos)) AND c.account_id <> $2
        ) ORDER BY s.id LIMIT $3
        """,
        after,
        account,
        PAGE,
    )
    return [StoredSketch(**row) for row in rows]


async def of_videos(before: int | None) -> list[StoredSketch]:
    """A page of sketches of completed videos, the newest first, before the sketch `before`."""
    rows = await fetch(
        """
        SELECT s.id, s.cameo_id, s.video_id, s.cells FROM sketches s JOIN videos v ON v.id = s.video_id
        WHERE v.status = 'completed' AND ($1::bigint IS NULL OR s.id < $1) ORDER BY s.id DESC LIMIT $2
        """,
        before,
        PAGE,
    )
    return [StoredSketch(**row) for row in rows]


async def known_videos(video_ids: Sequence[str]) -> list[str]:
    """Those of the ids that are videos of ours, deleted ones too."""
    rows = await fetch("SELECT id FROM videos WHERE id = ANY ($1::text[]) ORDER BY id", list(video_ids))
    return [row["id"] for row in rows]


async def tell_owners(
    account: str,
    *,
    cameo_ids: Sequence[str],
    video_ids: Sequence[str],
    upload: Upload,
    found_by: FoundBy,
    now: datetime,
) -> None:
    """Write down that `account` uploaded a copy, and tell the owners of the cameos that it is a copy of."""
    async with transaction():
        uploader = await fetch_one("SELECT handle FROM accounts WHERE id = $1", account)
        assert uploader is not None
        rows = await fetch(
            """
            SELECT DISTINCT ON (c.account_id, c.id) c.id, c.account_id, c.display_name, v.id AS video_id
            FROM cameos c LEFT JOIN videos v ON v.id = ANY ($2::text[]) AND c.id = ANY (v.cameos)
            WHERE c.account_id <> $3 AND (c.id = ANY ($1::text[]) OR v.id IS NOT NULL)
            ORDER BY c.account_id, c.id, v.id LIMIT $4
            """,
            list(cameo_ids),
            list(video_ids),
            account,
            MAX_TOLD,
        )
        for row in rows:
            # Two uploads at once tell it once.
            await fetch(
                "SELECT pg_advisory_xact_lock(hashtextextended('copy ' || $1 || $2, 0))", row["id"], account
            )
            if await exists(
                "SELECT FROM refused_copies WHERE cameo_id = $1 AND account_id = $2 AND at > $3",
                row["id"],
                account,
                now - TELL_AGAIN_AFTER,
            ):
                continue
            await fetch(
                """
                INSERT INTO refused_copies (cameo_id, account_id, video_id, upload, found_by, at)
                VALUES ($1, $2, $3, $4, $5, $6)
                """,
                row["id"],
                account,
                row["video_id"],
                upload,
                found_by,
                now,
            )
            event = CameoCopied(
                cameo_id=row["id"],
                cameo_name=row["display_name"],
                by=uploader["handle"],
                upload=upload,
                found_by=found_by,
                video_id=row["video_id"],
            )
            await stream.append(inbox_stream(row["account_id"]), event, now=now)
