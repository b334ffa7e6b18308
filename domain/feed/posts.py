"""Posts: publishing a video, taking it back, and likes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from db.engine import fetch, fetch_one, transaction
from db.tables.feed import PostTable
from db.tables.videos import VideoTable
from domain.accounts.accounts import COLUMNS as ACCOUNT_COLUMNS
from domain.accounts.accounts import AccountRow, to_account
from domain.consent import facts, receipts, verdicts
from domain.consent.mentioned import mentioned_cameos
from domain.consent.policy import Action, UseReason, Verdict
from domain.events import stream
from domain.feed.ranking import POINTS_OF_A_LIKE, POINTS_OF_A_POST, trending_score
from domain.ids import new_id
from domain.videos.lineage import posted_ancestors
from domain.videos.record import VideoRow, lock, no_such_video, select
from domain.videos.to_wire import to_videos
from domain.videos.visibility import can_view
from schemas.base import unix_seconds
from schemas.errors import Code, RiffleError
from schemas.events import (
    Payload,
    PostRemixed,
    VideoWithdrawn,
    WithdrawalReason,
    inbox_stream,
    video_stream,
)
from schemas.feed import Closeness, Post
from schemas.videos import Relation, Status, Tier

# Nobody who is blocked on either side or was deleted, nothing that a cascade has taken out of view. $1 is the
# viewer.
NOT_BLOCKED = """
    NOT EXISTS (
        SELECT FROM blocks b WHERE (b.blocker_id, b.blocked_id) IN ((p.account_id, $1), ($1, p.account_id))
    ) AND NOT EXISTS (SELECT FROM videos h WHERE h.id = p.video_id AND h.withheld IS NOT NULL)
    AND NOT EXISTS (SELECT FROM accounts d WHERE d.id = p.account_id AND d.deleted_at IS NOT NULL)
"""


async def post(video_id: str, account: str, caption: str | None, now: datetime) -> Post:
    """Publish an own, completed video; the author that it was remixed from hears of it.

    A preview is drawn in full from now on, in the background (`domain.feed.post_renders`).

    Raises:
        RiffleError: not_found; invalid_state, where it is not completed; conflict, where it is posted;
            consent_refused.
    """
    async with transaction():
        # Cameos are locked before videos, everywhere; so this comes before or after a revocation.
        mentioned = await mentioned_cameos([caption or ""])
        await receipts.lock_cameos(
            list(dict.fromkeys([*await facts.inherited_cameos([video_id]), *mentioned]))
        )
        row = await lock(video_id)
        if row is None or row.account_id != account or row.deleted_at is not None:
            raise no_such_video(video_id, "video_id")
        if row.status is not Status.COMPLETED:
            raise RiffleError(
                Code.INVALID_STATE, f"the video is {row.status}: only completed ones can be posted"
            )
        if row.post_id is not None:
            raise RiffleError(Code.CONFLICT, f"the video is posted already as {row.post_id}")
        if row.withheld is not None:
            raise RiffleError(
                Code.CONSENT_REFUSED, f"it may not be posted: {UseReason.WITHDRAWN}", param="video_id"
            )
        ancestors = await posted_ancestors(video_id)
        post_id = new_id("post")
        trend_id = ancestors[0].trend_id if ancestors else post_id
        # Who is mentioned in the caption is in the post, so from now on in the video and what comes of it.
        row = msgspec.structs.replace(row, cameos=list(dict.fromkeys([*row.cameos, *mentioned])))
        permitted = (await verdicts.of_videos([row], Action.POST, trend_id, caption, now=now))[video_id]
        receipts.require_allowed(permitted, "posted", "video_id")
        await VideoTable.update({VideoTable.cameos: row.cameos}).where(VideoTable.id == video_id)
        await receipts.write([video_id], permitted, "post", now=now)
        await _touch_trend(trend_id, POINTS_OF_A_POST, now, now)
        source = ancestors[0] if ancestors else None
        root = next((other.video_id for other in ancestors if other.post_id == trend_id), None)
        await fetch(
            """
            INSERT INTO posts (id, video_id, account_id, caption, trend_id, source_post_id, source_closeness,
                root_closeness, likes, remixes, created_at)
            VALUES ($1, $2, $3, $4, $5, $6,
                (SELECT value FROM closenesses WHERE video_id = $2 AND other_id = $7),
                CASE WHEN $1 = $5 THEN 1
                    ELSE (SELECT value FROM closenesses WHERE video_id = $2 AND other_id = $8) END,
                0, 0, $9)
            """,
            post_id,
            video_id,
            account,
            caption or "",
            trend_id,
            source.post_id if source else None,
            source.video_id if source else None,
            root,
            now,
        )
        await VideoTable.update({VideoTable.post_id: post_id}).where(VideoTable.id == video_id)
        if source is not None:
            await _count_remix(source.post_id, 1)
        if is_rendered_later(row):
            await fetch(
                "INSERT INTO post_renders (post_id, account_id, due_at, created_at) VALUES ($1, $2, $3, $3)",
                post_id,
                account,
                now,
            )
            await stream.notify(stream.POST_RENDER)
        made = await get_post(post_id, account, now)
        heard: list[tuple[str, Payload]] = [*await receipts.notices([row], Action.POST)]
        if source is not None and source.author != account:
            remixed = PostRemixed(
                post_id=post_id,
                source_post_id=source.post_id,
                trend_id=trend_id,
                video_id=video_id,
                by=made.author.handle,
            )
            heard.append((source.author, remixed))
        # Inboxes are locked in one order, everywhere.
        for who, payload in sorted(heard, key=lambda item: item[0]):
            await stream.append(inbox_stream(who), payload, now=now)
        return made


def is_rendered_later(row: VideoRow) -> bool:
    """Whether what is posted is to be drawn in full: a preview that the model drew."""
    return row.tier is Tier.PREVIEW and row.relation is not Relation.STITCH


async def may_post(
    video_id: str, account: str, now: datetime, caption: str | None = None
) -> tuple[bool, dict[str, Verdict]]:
    """Whether consent would let an own video be posted now, and what each cameo in it or its caption says.

    Raises:
        RiffleError: not_found.
    """
    found = await select("v.id = $1 AND v.account_id = $2 AND v.deleted_at IS NULL", video_id, account)
    if not found:
        raise no_such_video(video_id, "video_id")
    cameos = dict.fromkeys([*found[0].cameos, *await mentioned_cameos([caption or ""])])
    row = msgspec.structs.replace(found[0], cameos=list(cameos))
    ancestors = await posted_ancestors(video_id)
    trend_id = ancestors[0].trend_id if ancestors else None
    permitted = (await verdicts.of_videos([row], Action.POST, trend_id, caption, now=now))[video_id]
    return row.withheld is None and all(item.allowed for item in permitted.values()), permitted


async def get_post(post_id: str, viewer: str, now: datetime) -> Post:
    """A post as the viewer sees it.

    Raises:
        RiffleError: not_found.
    """
    found = await fetch_one("SELECT * FROM posts WHERE id = $1 AND deleted_at IS NULL", post_id)
    if found is not None:
        rows = await select("v.id = $1", found["video_id"])
        if await can_view(rows, viewer, now):
            return (await to_posts([found], rows, viewer))[0]
    raise _unknown(post_id)


async def delete_post(post_id: str, account: str, now: datetime) -> None:
    """Take an own post back: its video is a draft again, and posts made from it stay.

    Raises:
        RiffleError: not_found.
    """
    async with transaction():
        found = await fetch_one("SELECT id FROM posts WHERE id = $1 AND account_id = $2", post_id, account)
        # The preview and its render, in one order.
        rows = await select("v.post_id = $1 ORDER BY v.id FOR NO KEY UPDATE OF v", post_id) if found else []
        if not any(row.post_id == post_id for row in rows):
            raise _unknown(post_id)
        gone = VideoWithdrawn(reason=WithdrawalReason.TAKEN_BACK)
        shown = await take_back(post_id, now)
        await stream.append_to_all([video_stream(video_id) for video_id in shown], gone, now=now)


async def take_back(post_id: str, now: datetime) -> list[str]:
    """Take back the post of a locked video; the videos that it showed, which are drafts again."""
    trend = await fetch_one("SELECT trend_id FROM posts WHERE id = $1", post_id)
    assert trend is not None
    await _lock_trend(trend["trend_id"])
    # Read under the trend's lock, which every like takes.
    found = await fetch_one("SELECT trend_id, likes, source_post_id FROM posts WHERE id = $1", post_id)
    assert found is not None
    await _touch_trend(found["trend_id"], -POINTS_OF_A_POST - found["likes"] * POINTS_OF_A_LIKE, None, now)
    shown = await fetch("UPDATE videos SET post_id = NULL WHERE post_id = $1 RETURNING id", post_id)
    await PostTable.update({PostTable.deleted_at: now}).where(PostTable.id == post_id)
    if found["source_post_id"] is not None:
        await _count_remix(found["source_post_id"], -1)
    await stream.notify(stream.POST_RENDER)
    return [row["id"] for row in shown]


async def like(post_id: str, account: str, now: datetime) -> None:
    """Like; once counts.

    Raises:
        RiffleError: not_found.
    """
    async with transaction():
        await get_post(post_id, account, now)
        made = await fetch(
            """
            INSERT INTO likes (post_id, account_id, created_at) VALUES ($1, $2, $3)
            ON CONFLICT (post_id, account_id) DO NOTHING RETURNING id
            """,
            post_id,
            account,
            now,
        )
        if made:
            await _count_like(post_id, 1, now)


async def unlike(post_id: str, account: str, now: datetime) -> None:
    """Take a like back.

    Raises:
        RiffleError: not_found.
    """
    async with transaction():
        await get_post(post_id, account, now)
        gone = await fetch(
            "DELETE FROM likes WHERE post_id = $1 AND account_id = $2 RETURNING id", post_id, account
        )
        if gone:
            await _count_like(post_id, -1, now)


async def forget_likes(account: str, limit: int, now: datetime) -> bool:
    """Take back at most `limit` likes of an account, whoever may see the posts; whether there were any."""
    async with transaction():
        rows = await fetch(
            """
            DELETE FROM likes WHERE id IN (
                SELECT l.id FROM likes l JOIN posts p ON p.id = l.post_id WHERE l.account_id = $1
                ORDER BY p.trend_id, p.id LIMIT $2
            ) RETURNING post_id
            """,
            account,
            limit,
        )
        found = await fetch(
            "SELECT id FROM posts WHERE id = ANY ($1::text[]) ORDER BY trend_id, id",
            [row["post_id"] for row in rows],
        )
        for post in found:
            await _count_like(post["id"], -1, now)
        return bool(rows)


async def _count_like(post_id: str, change: int, now: datetime) -> None:
    found = await fetch_one("SELECT trend_id FROM posts WHERE id = $1", post_id)
    assert found is not None
    # Trends are locked before posts, everywhere.
    await _lock_trend(found["trend_id"])
    counted = await fetch(
        "UPDATE posts SET likes = likes + $2 WHERE id = $1 AND deleted_at IS NULL RETURNING id",
        post_id,
        change,
    )
    # Of one that was taken back its trend has lost all points already.
    if counted:
        await _touch_trend(found["trend_id"], change * POINTS_OF_A_LIKE, None, now)


async def _count_remix(post_id: str, change: int) -> None:
    await PostTable.update({PostTable.remixes: PostTable.remixes + change}).where(PostTable.id == post_id)


async def _touch_trend(trend_id: str, points: int, posted_at: datetime | None, now: datetime) -> None:
    """Lock a trend (or make it) and count its points; `posted_at` None leaves its latest post alone."""
    found = await _lock_trend(trend_id)
    began = found["created_at"] if found else now
    total = (found["points"] if found else 0) + points
    await fetch(
        """
        INSERT INTO trends (id, points, score, created_at, latest_at) VALUES ($1, $2, $3, $4, $4)
        ON CONFLICT (id) DO UPDATE SET points = $2, score = $3, latest_at = coalesce($5, trends.latest_at)
        """,
        trend_id,
        total,
        trending_score(total, began),
        began,
        posted_at,
    )


async def _lock_trend(trend_id: str) -> dict[str, Any] | None:
    """The row of a trend, locked until the transaction ends; None before its first post."""
    return await fetch_one("SELECT points, created_at FROM trends WHERE id = $1 FOR UPDATE", trend_id)


async def to_posts(found: Sequence[dict[str, Any]], rows: Sequence[VideoRow], viewer: str) -> list[Post]:
    """The wire form of rows of `posts`; `rows` holds the video of each, in any order."""
    videos = dict(zip((row.id for row in rows), await to_videos(rows), strict=True))
    people = await fetch(
        f"SELECT {ACCOUNT_COLUMNS} FROM accounts a WHERE a.id = ANY ($1::text[])",
        [post["account_id"] for post in found],
    )
    authors = {row["id"]: to_account(AccountRow(**row)) for row in people}
    liked = await fetch(
        "SELECT post_id FROM likes WHERE account_id = $1 AND post_id = ANY ($2::text[])",
        viewer,
        [post["id"] for post in found],
    )
    mine = {row["post_id"] for row in liked}
    return [
        Post(
            id=post["id"],
            video=videos[post["video_id"]],
            caption="" if videos[post["video_id"]].tombstone else post["caption"],
            author=authors[post["account_id"]],
            trend_id=post["trend_id"],
            source_post_id=post["source_post_id"],
            closeness=Closeness(source=post["source_closeness"], root=post["root_closeness"]),
            likes=post["likes"],
            remixes=post["remixes"],
            liked=post["id"] in mine,
            created_at=unix_seconds(post["created_at"]),
        )
        for post in found
    ]


def _unknown(post_id: str) -> RiffleError:
    return RiffleError(Code.NOT_FOUND, f"there is no post `{post_id}`")
