"""The feed: trends downward, the posts of one trend sideways. What consent no longer covers is left out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from db.engine import exists, fetch
from domain.feed.posts import NOT_BLOCKED, to_posts
from domain.feed.ranking import decode_cursor, encode_cursor, prompt_diff
from domain.videos.record import VideoRow, select
from domain.videos.visibility import can_list
from schemas.errors import Code, RiffleError
from schemas.feed import Cut, DiffPart, Feed, FeedItem, Lane, LaneItem, LaneOrder, LanePreview, Post, Trend

# One post fills the screen, the next ones are there before a thumb moves.
LANE_PREVIEW = 4
# A page reads on while what it finds may not be shown; after so many reads it answers with what it has.
MAX_READS = 5
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Order(NamedTuple):
    """A sort key in SQL, the type of its value in a cursor, and the type to compare as."""

    sql: str
    part: type
    cast: str


LANE_ORDERS = {
    LaneOrder.CLOSENESS: _Order("coalesce(p.root_closeness, -1)", float, "float8"),
    LaneOrder.TOP: _Order("p.likes", int, "bigint"),
    LaneOrder.FRESH: _Order("p.created_at", int, "timestamptz"),
}
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
        int,
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
        int,
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
    key, after = _start(kind, cursor, part)
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
    return Feed(items=items, cursor=_cursor(kind, key, after) if more else None)


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
    shown, rows = await _showable(found, viewer, now)
    posts = {item.id: item for item in await to_posts(shown, rows, viewer)}
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
            _cursor(_lane_kind(trend_id, LaneOrder.CLOSENESS), first[-1]["key"], first[-1]["id"])
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


async def lane(
    trend_id: str, order: LaneOrder, cursor: str | None, limit: int, viewer: str, now: datetime
) -> Lane:
    """A page of one trend's posts, each with how its prompt differs from that of its source.

    Raises:
        RiffleError: not_found, where there is no such trend or nothing of it can be shown; invalid_cursor.
    """
    kind, by = _lane_kind(trend_id, order), LANE_ORDERS[order]
    key, after = _start(kind, cursor, by.part)
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
        shown, videos = await _showable(batch[:limit], viewer, now)
        taken = shown[: limit - len(found)]
        last = taken[-1] if len(taken) < len(shown) else batch[:limit][-1] if batch else None
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
        cursor=_cursor(kind, key, after) if more else None,
    )


async def _diffs(posts: Sequence[Post], viewer: str, now: datetime) -> dict[str, list[DiffPart]]:
    """How each prompt differs from its source's; nothing where the source can't be seen any more."""
    sources = [item.source_post_id for item in posts if item.source_post_id is not None]
    rows = await select("v.post_id = ANY ($1::text[])", sources) if sources else []
    covered = await can_list(rows, viewer, now)
    prompts = {row.post_id: row.prompt for row in rows if row.id in covered}
    return {
        item.id: prompt_diff(item.video.prompt, item.video.prompt)
        if item.source_post_id is None
        else prompt_diff(prompts[item.source_post_id], item.video.prompt)
        if item.source_post_id in prompts
        else []
        for item in posts
    }


async def _showable(
    found: Sequence[dict[str, Any]], viewer: str, now: datetime
) -> tuple[list[dict[str, Any]], list[VideoRow]]:
    """Those rows of `posts` that the viewer may be shown, and their videos."""
    rows = await select("v.id = ANY ($1::text[])", [row["video_id"] for row in found])
    covered = await can_list(rows, viewer, now)
    return [row for row in found if row["video_id"] in covered], [row for row in rows if row.id in covered]


def _start(kind: str, cursor: str | None, part: type) -> tuple[Any, str | None]:
    """The key to go on after; instants travel as microseconds."""
    if cursor is None:
        return None, None
    value, after = decode_cursor(kind, cursor, part, str)
    if part is int and not kind.endswith(LaneOrder.TOP):
        try:
            return EPOCH + timedelta(microseconds=int(value)), str(after)
        except OverflowError:
            raise RiffleError(Code.INVALID_CURSOR, "this cursor points nowhere", param="cursor") from None
    return value, str(after)


def _cursor(kind: str, key: Any, after: str | None) -> str:
    if isinstance(key, datetime):
        key = (key - EPOCH) // timedelta(microseconds=1)
    return encode_cursor(kind, [key, after or ""])


def _lane_kind(trend_id: str, order: LaneOrder) -> str:
    return f"lane:{trend_id}:{order}"


def _unknown(trend_id: str) -> RiffleError:
    return RiffleError(Code.NOT_FOUND, f"there is no trend `{trend_id}`")
