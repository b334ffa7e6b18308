"""The feed: trends downward, each with the first posts of its lane."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from db.engine import fetch
from domain.feed.cursors import decode_position, encode_position
from domain.feed.lanes import LANE_ORDERS, MAX_READS, lane_kind, listable
from domain.feed.posts import NOT_BLOCKED, to_posts
from schemas.feed import Cut, Feed, FeedItem, LaneOrder, LanePreview, Post, Trend

# One post fills the screen, the next ones are there before a thumb moves.
LANE_PREVIEW = 4


# Each gives id, key and why; $1 is the viewer, $2 and $3 the key to go on after, $4 the limit.
CUTS = {
    Cut.TRENDING: (
        float,
        f"""
        SELECT t.id, t.score AS key, '' AS who FROM trends t
        WHERE ($2::float8 IS NULL OR (t.score, t.id) < ($2, $3))
            AND EXISTS (
                SELECT FROM posts p WHERE p.trend_id = t.id AND p.deleted_at IS NULL AND {NOT_BLOCKED}
            )
        ORDER BY t.score DESC, t.id DESC LIMIT $4
        """,
    ),
    Cut.FRESH: (
        datetime,
        f"""
        SELECT t.id, t.latest_at AS key, '' AS who FROM trends t
        WHERE ($2::timestamptz IS NULL OR (t.latest_at, t.id) < ($2, $3))
            AND EXISTS (
                SELECT FROM posts p WHERE p.trend_id = t.id AND p.deleted_at IS NULL AND {NOT_BLOCKED}
            )
        ORDER BY t.latest_at DESC, t.id DESC LIMIT $4
        """,
    ),
    Cut.FOLLOWING: (
        datetime,
        f"""
        SELECT p.trend_id AS id, max(p.created_at) AS key,
            (array_agg(a.handle ORDER BY p.created_at DESC))[1] AS who
        FROM follows f JOIN posts p ON p.account_id = f.followed_id JOIN accounts a ON a.id = p.account_id
        WHERE f.follower_id = $1 AND p.deleted_at IS NULL AND {NOT_BLOCKED} GROUP BY p.trend_id
        HAVING $2::timestamptz IS NULL OR (max(p.created_at), p.trend_id) < ($2, $3)
        ORDER BY 2 DESC, 1 DESC LIMIT $4
        """,
    ),
}


async def trends(cut: Cut, cursor: str | None, limit: int, viewer: str, now: datetime) -> Feed:
    """A page of trends, each with the first posts of its lane by closeness.

    Raises:
        RiffleError: invalid_cursor.
    """
    kind = f"feed:{cut}"
    part, sql = CUTS[cut]
    key, after = decode_position(kind, cursor, part)
    items: list[FeedItem] = []
    for _ in range(MAX_READS):
        found = await fetch(sql, viewer, key, after, limit + 1)
        lanes = await _lane_starts([row["id"] for row in found], viewer, now)
        for row in found[:limit]:
            key, after = row["key"], row["id"]
            if after in lanes:
                items.append(_item(lanes[after], cut, row["who"]))
            if len(items) == limit:
                break
        more = bool(found) and after != found[-1]["id"]
        if not more or len(items) == limit:
            break
    return Feed(items=items, cursor=encode_position(kind, key, after) if more else None)


class _LaneStart(NamedTuple):
    trend_id: str
    posts: list[Post]
    cursor: str | None
    total: int
    people: int
    likes: int


async def _lane_starts(trend_ids: Sequence[str], viewer: str, now: datetime) -> dict[str, _LaneStart]:
    """The first posts of each lane that has any to show."""
    order = LANE_ORDERS[LaneOrder.CLOSENESS]
    reach = 2 * LANE_PREVIEW
    found = await fetch(
        f"""
        SELECT p.* FROM unnest($2::text[]) AS t(id), LATERAL (
            SELECT p.*, {order.sql} AS key FROM posts p
            WHERE p.trend_id = t.id AND p.deleted_at IS NULL AND {NOT_BLOCKED}
            ORDER BY {order.sql} DESC, p.id DESC LIMIT $3
        ) p
        """,
        viewer,
        list(trend_ids),
        reach,
    )
    listed, rows = await listable(found, viewer, now)
    posts = {item.id: item for item in await to_posts(listed, rows, viewer)}
    totals = await fetch(
        """
        SELECT trend_id, count(*) AS total, count(DISTINCT account_id) AS people, sum(likes) AS likes
        FROM posts WHERE trend_id = ANY ($1::text[]) AND deleted_at IS NULL GROUP BY trend_id
        """,
        list(trend_ids),
    )
    starts = {}
    for counted in totals:
        trend_id = counted["trend_id"]
        raw = [row for row in found if row["trend_id"] == trend_id]
        mine = [row for row in raw if row["id"] in posts]
        first = mine[:LANE_PREVIEW]
        if not first:
            continue
        more = len(mine) > LANE_PREVIEW or len(raw) == reach
        starts[trend_id] = _LaneStart(
            trend_id,
            [posts[row["id"]] for row in first],
            encode_position(lane_kind(trend_id, LaneOrder.CLOSENESS), first[-1]["key"], first[-1]["id"])
            if more
            else None,
            counted["total"],
            counted["people"],
            counted["likes"],
        )
    return starts


def _item(start: _LaneStart, cut: Cut, who: str) -> FeedItem:
    posts = f"{start.total} post{'s' if start.total != 1 else ''}"
    likes = f"{start.likes} like{'s' if start.likes != 1 else ''}"
    why = {
        Cut.TRENDING: f"Trending: {posts}, {likes}",
        Cut.FRESH: "New",
        Cut.FOLLOWING: f"You follow @{who}",
    }[cut]
    return FeedItem(
        # The root is nearest to itself, so it comes first where it can be seen.
        trend=Trend(
            id=start.trend_id,
            prompt=start.posts[0].video.prompt,
            posts=start.total,
            contributors=start.people,
        ),
        lane=LanePreview(items=start.posts, cursor=start.cursor),
        why=why,
    )
