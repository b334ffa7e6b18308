"""The texts that are screened: a new one, and those of every video that it would be made from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from db.engine import fetch
from domain.videos.validate import MAX_ANCESTORS
from schemas.errors import Code, RiffleError

# Longer lineages are refused as a whole: what a render is made from, and the render that is posted.
MAX_VIDEOS = MAX_ANCESTORS + 2


class LineageTexts(NamedTuple):
    """The texts of a lineage, newest first, the cameos whose likeness can be in it, and its videos."""

    texts: list[str]
    cameos: list[str]
    videos: list[str]

    def digest(self) -> str:
        """SHA-256 of the texts in hex: what an appeal against their refusal is about."""
        return hashlib.sha256(msgspec.json.encode(self.texts)).hexdigest()


async def collect(own: Sequence[str], parents: Sequence[str], cameos: Sequence[str]) -> LineageTexts:
    """`own` texts and all those of the videos that they rest on: prompts, and captions of their posts.

    The words of videos that were deleted, or that became tombstones, are sealed and count as before.

    Raises:
        RiffleError: invalid_state, where the lineage is longer than MAX_VIDEOS.
    """
    rows = await fetch(
        """
        WITH RECURSIVE up(id, depth) AS (
            SELECT unnest($1::text[]), 1
            UNION SELECT s.parent_id, depth + 1 FROM sources s JOIN up ON s.child_id = up.id
        )
        SELECT v.id, coalesce(v.sealed, v.prompt) AS prompt, v.cameos, array(
            SELECT p.caption FROM posts p WHERE p.video_id = v.id
                -- Who takes a post back takes its caption back; who deletes a video takes back no words.
                AND (p.deleted_at IS NULL OR v.deleted_at IS NOT NULL)
        ) AS captions
        FROM (SELECT id, min(depth) AS depth FROM up GROUP BY id) a JOIN videos v USING (id)
        ORDER BY a.depth, v.id LIMIT $2
        """,
        list(parents),
        MAX_VIDEOS + 1,
    )
    if len(rows) > MAX_VIDEOS:
        raise RiffleError(Code.INVALID_STATE, "this was remixed too often to be looked through: start anew")
    texts = [*own, *(text for row in rows for text in (row["prompt"], *row["captions"]))]
    likenesses = [*cameos, *(cameo for row in rows for cameo in row["cameos"])]
    return LineageTexts(
        list(dict.fromkeys(text for text in texts if text)),
        list(dict.fromkeys(likenesses)),
        [row["id"] for row in rows],
    )
