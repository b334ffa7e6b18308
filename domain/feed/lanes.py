"""Lanes: the posts of one trend sideways, in one of three orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from db.engine import exists, fetch
from domain.feed.cursors import decode_position, encode_position
from domain.feed.posts import NOT_BLOCKED, to_posts
from domain.feed.prompt_diff import prompt_diff
from domain.videos.record import VideoRow, select
from domain.videos.visibility import can_list
from schemas.errors import Code, RiffleError
from schemas.feed import DiffPart, Lane, LaneItem, LaneOrder, Post

# A page reads on while what it finds may not be listed; after so many reads it answers with what it has.
MAX_READS = 5


class _Order(NamedTuple):
    """A sort key in SQL, the type of its value in a cursor, and the type to compare as."""

    sql: str
    part: type
    cast: str


LANE_ORDERS = {
    LaneOrder.CLOSENESS: _Order("coalesce(p.root_closeness, -1)", float, "float8"),
    LaneOrder.TOP: _Order("p.likes", int, "bigint"),
    LaneOrder.FRESH: _Order("p.created_at", datetime, "timestamptz"),
}


async def lane(
    trend_id: str, order: LaneOrder, cursor: str | None, limit: int, viewer: str, now: datetime
) -> Lane:
    """A page of one trend's posts, each with how its prompt differs from that of its source.

    Raises:
        RiffleError: not_found, where there is no such trend or nothing of it can be shown; invalid_cursor.
    """
    kind, by = lane_kind(trend_id, order), LANE_ORDERS[order]
    key, after = decode_position(kind, cursor, by.part)
    if not await exists("SELECT FROM trends WHERE id = $1", trend_id):
        raise _unknown(trend_id)
    found: list[dict[str, Any]] = []
    rows: list[VideoRow] = []
    for _ in range(MAX_READS):
        batch = await fetch(
            f"""
            SELECT p.*, {by.sql} AS key FROM posts p
            WHERE p.trend_id = $2 AND p.deleted_at IS NULL AND {NOT_BLOCKED}
                AND ($3::{by.cast} IS NULL OR ({by.sql}, p.id) < ($3, $4))
            ORDER BY {by.sql} DESC, p.id DESC LIMIT $5
            """,
            viewer,
            trend_id,
            key,
            after,
            limit + 1,
        )
        listed, videos = await listable(batch[:limit], viewer, now)
        taken = listed[: limit - len(found)]
        last = taken[-1] if len(taken) < len(listed) else batch[:limit][-1] if batch else None
        if last is not None:
            key, after = last["key"], last["id"]
        found += taken
        rows += [row for row in videos if row.id in {item["video_id"] for item in taken}]
        more = bool(batch) and after != batch[-1]["id"]
        if not more or len(found) == limit:
            break
    if not found and cursor is None:
        raise _unknown(trend_id)
    posts = await to_posts(found, rows, viewer)
    diffs = await _diffs(posts, viewer, now)
    return Lane(
        items=[LaneItem(post=item, prompt_diff=diffs[item.id]) for item in posts],
        cursor=encode_position(kind, key, after) if more else None,
    )


async def listable(
    found: Sequence[dict[str, Any]], viewer: str, now: datetime
) -> tuple[list[dict[str, Any]], list[VideoRow]]:
    """Those rows of `posts` whose videos may be listed for the viewer, and these videos."""
    rows = await select("v.id = ANY ($1::text[])", [row["video_id"] for row in found])
    listed = await can_list(rows, viewer, now)
    return [row for row in found if row["video_id"] in listed], [row for row in rows if row.id in listed]


def lane_kind(trend_id: str, order: LaneOrder) -> str:
    """The listing that cursors of a lane belong to."""
    return f"lane:{trend_id}:{order}"


async def _diffs(posts: Sequence[Post], viewer: str, now: datetime) -> dict[str, list[DiffPart]]:
    """How each prompt differs from its source's; nothing where the source can't be seen any more."""
    sources = [item.source_post_id for item in posts if item.source_post_id is not None]
    rows = await select("v.post_id = ANY ($1::text[])", sources) if sources else []
    listed = await can_list(rows, viewer, now)
    prompts = {row.post_id: row.prompt for row in rows if row.id in listed}
    return {
        item.id: prompt_diff(item.video.prompt, item.video.prompt)
        if item.source_post_id is None
        else prompt_diff(prompts[item.source_post_id], item.video.prompt)
        if item.source_post_id in prompts
        else []
        for item in posts
    }


def _unknown(trend_id: str) -> RiffleError:
    return RiffleError(Code.NOT_FOUND, f"there is no trend `{trend_id}`")
