"""Posted previews are drawn in full: each post that waits for that is looked after until it shows its render.

What is to be done stands in `post_renders`, so that whoever dies in the middle is taken over from by the
next. A render is an own video of the post's maker, drawn from the preview as if they had picked it. The
preview keeps its place in the lineage, and what was made from it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from db.engine import AWAY, exists, fetch, fetch_one, savepoint, transaction
from domain.consent import facts, receipts, verdicts
from domain.consent.policy import Action
from domain.events import stream
from domain.videos import transitions
from domain.videos.create import render_video
from domain.videos.lifecycle import FINAL, Trigger
from domain.videos.record import VideoRow, in_order, lock, select
from domain.videos.visibility import is_taken_down
from schemas.errors import Code, RiffleError
from schemas.events import PostRendered, video_stream
from schemas.videos import ModelCard, Status

log = logging.getLogger(__name__)
# A render that failed has had its own attempts (domain.videos.leases.MAX_ATTEMPTS): the wait before the next
# outlasts a model server that is repaired, or a store that is full.
RETRY_AFTER = (timedelta(minutes=10), timedelta(hours=3))
# A render is nine CPU-seconds where there's AVX2: three minutes of one core a day for each person. What is
# posted beyond shows its preview until the next day.
MAX_A_DAY = 20
DAY = timedelta(days=1)
TOO_MANY_AGAIN = timedelta(hours=1)
# What may be otherwise a moment later; all else that refuses a render stays so.
PASSING = frozenset({Code.BUSY})


class Outcome(StrEnum):
    """How it went with the render of a post.

    `shown`; `refused`: consent or rules don't allow it, or the model draws no full videos; `failed` too
    often; `gone`: the post was taken back, or its maker ended the render.
    """

    SHOWN = "shown"
    REFUSED = "refused"
    FAILED = "failed"
    GONE = "gone"


class WaitingPost(msgspec.Struct, kw_only=True, frozen=True):
    """A post that shows a preview, and how far its render is."""

    post_id: str
    account_id: str
    preview_id: str
    caption: str
    trend_id: str
    render_id: str | None
    tries: int
    gone: bool


# What has to wait for its time, what waits for a render that has ended, and posts that are gone.
DUE = """
    FROM post_renders r JOIN posts p ON p.id = r.post_id JOIN accounts a ON a.id = r.account_id
    LEFT JOIN videos v ON v.id = r.render_id
    WHERE r.outcome IS NULL AND (
        p.deleted_at IS NOT NULL OR a.deleted_at IS NOT NULL
        OR CASE WHEN v.id IS NULL THEN r.due_at <= $1 ELSE v.status <> ALL ($2::text[]) END
    )
"""
RUNNING = [status.value for status in Status if status not in FINAL]


async def is_any_due(now: datetime) -> bool:
    """Whether there is a post to look after."""
    return await exists(f"SELECT {DUE} LIMIT 1", now, RUNNING)


async def run_batch(cards: Sequence[ModelCard], now: datetime) -> bool:
    """Look after the next post that nobody else looks after; False where there is none.

    One that fails is tried again later, so that it keeps no others waiting.
    """
    async with transaction():
        found = await fetch_one(
            f"""
            SELECT r.post_id, r.account_id, p.video_id AS preview_id, p.caption, p.trend_id, r.render_id,
                r.tries, p.deleted_at IS NOT NULL OR a.deleted_at IS NOT NULL AS gone
            {DUE} ORDER BY r.due_at, r.post_id LIMIT 1 FOR UPDATE OF r SKIP LOCKED
            """,
            now,
            RUNNING,
        )
        if found is None:
            return False
        post = msgspec.convert(found, WaitingPost)
        try:
            async with savepoint():
                await _look_after(post, cards, now)
        except AWAY:
            raise
        except RiffleError as refusal:
            log.info("the render of %s is refused: %s", post.post_id, refusal.message)
            await (_try_later(post, now) if refusal.code in PASSING else _end(post, Outcome.REFUSED))
        except Exception:
            log.exception("the render of %s could not be looked after", post.post_id)
            await _try_later(post, now)
        return True


async def _look_after(post: WaitingPost, cards: Sequence[ModelCard], now: datetime) -> None:
    render = None if post.render_id is None else (await in_order([post.render_id]))[0]
    if post.gone:
        await _cancel(post, now)
        await _end(post, Outcome.GONE)
    elif render is None:
        await _ask_for(post, cards, now)
    elif render.status is Status.COMPLETED and render.deleted_at is None:
        await _show(post, render.id, now)
    elif render.status is Status.FAILED and render.error_code == Code.GENERATION_FAILED:
        await _try_later(post, now)
    else:
        ended_by_maker = render.deleted_at is not None or render.status is Status.CANCELLED
        await _end(post, Outcome.GONE if ended_by_maker else Outcome.REFUSED)


async def _cancel(post: WaitingPost, now: datetime) -> None:
    """Stop drawing for a post that is gone."""
    render = None if post.render_id is None else await lock(post.render_id)
    if render is not None and render.status not in FINAL:
        await transitions.end(render, Trigger.CANCEL, now)


async def _ask_for(post: WaitingPost, cards: Sequence[ModelCard], now: datetime) -> None:
    """Queue the render of a preview, unless one is there, of an earlier post of it."""
    known = await fetch_one(
        """
        SELECT v.id FROM sources s JOIN videos v ON v.id = s.child_id
        WHERE s.parent_id = $1 AND s.relation = 'render' AND v.background AND v.deleted_at IS NULL
            AND v.status <> ALL ($2::text[]) ORDER BY v.created_at DESC LIMIT 1
        """,
        post.preview_id,
        [Status.FAILED.value, Status.CANCELLED.value],
    )
    if known is not None:
        await _wait_for(post, known["id"])
        return
    if await _has_enough(post.account_id, now):
        await _put_off(post, now + TOO_MANY_AGAIN)
        return
    if await is_taken_down([post.preview_id], now):
        await _end(post, Outcome.REFUSED)
        return
    video = await render_video(post.account_id, post.preview_id, cards, now, background=True)
    await _wait_for(post, video.id)


async def _has_enough(account: str, now: datetime) -> bool:
    """Whether a person's share of this day is used up; the demo account is this machine's own."""
    return await exists(
        """
        SELECT FROM accounts a WHERE a.id = $1 AND NOT a.demo AND (
            SELECT count(*) FROM videos v WHERE v.account_id = a.id AND v.background
                AND v.relation = 'render' AND v.created_at > $2
        ) >= $3
        """,
        account,
        now - DAY,
        MAX_A_DAY,
    )


async def _show(post: WaitingPost, render_id: str, now: datetime) -> None:
    """Put the render in the place of the preview, if it may be posted."""
    ids = [post.preview_id, render_id]
    # Cameos are locked before videos, everywhere; so this comes before or after a revocation.
    await receipts.lock_cameos(await facts.inherited_cameos(ids))
    await select("v.id = ANY ($1::text[]) ORDER BY v.id FOR NO KEY UPDATE OF v", ids)
    preview, render = await in_order(ids)
    if preview.post_id != post.post_id or render.deleted_at is not None:
        await _end(post, Outcome.GONE)
        return
    # Who is in the caption is in the video.
    render = msgspec.structs.replace(render, cameos=list(dict.fromkeys([*render.cameos, *preview.cameos])))
    permitted = (await verdicts.of_videos([render], Action.POST, post.trend_id, post.caption, now=now))[
        render.id
    ]
    allowed = all(verdict.allowed for verdict in permitted.values())
    if not allowed or _is_withheld(preview, render) or await is_taken_down(ids, now):
        await _end(post, Outcome.REFUSED)
        return
    await receipts.write([render.id], permitted, "post", now=now)
    await fetch(
        "UPDATE videos SET post_id = $2, cameos = $3 WHERE id = $1", render.id, post.post_id, render.cameos
    )
    await fetch("UPDATE posts SET video_id = $2 WHERE id = $1", post.post_id, render.id)
    shown = PostRendered(post_id=post.post_id, video_id=render.id)
    await stream.append(video_stream(preview.id), shown, now=now)
    await _end(post, Outcome.SHOWN)


def _is_withheld(*rows: VideoRow) -> bool:
    return any(row.withheld is not None for row in rows)


async def _wait_for(post: WaitingPost, render_id: str) -> None:
    await fetch("UPDATE post_renders SET render_id = $2 WHERE post_id = $1", post.post_id, render_id)


async def _put_off(post: WaitingPost, due_at: datetime) -> None:
    await fetch("UPDATE post_renders SET due_at = $2 WHERE post_id = $1", post.post_id, due_at)


async def _try_later(post: WaitingPost, now: datetime) -> None:
    """Ask for another render after a while; after the last the post keeps its preview."""
    if post.tries >= len(RETRY_AFTER):
        await _end(post, Outcome.FAILED)
        return
    await fetch(
        "UPDATE post_renders SET tries = tries + 1, render_id = NULL, due_at = $2 WHERE post_id = $1",
        post.post_id,
        now + RETRY_AFTER[post.tries],
    )


async def _end(post: WaitingPost, outcome: Outcome) -> None:
    await fetch("UPDATE post_renders SET outcome = $2 WHERE post_id = $1", post.post_id, outcome.value)
