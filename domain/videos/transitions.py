"""Changes of a video's status: each in one place, with its credits and its event in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from db.engine import fetch, transaction
from db.tables.videos import VideoTable
from domain.accounts import credits
from domain.consent import verdicts
from domain.consent.policy import public_reason
from domain.events import stream
from domain.videos.lifecycle import IllegalTransition, Trigger, advance
from domain.videos.pricing import charge
from domain.videos.queue import places
from domain.videos.record import VideoRow, lock_own
from schemas.errors import Code, RiffleError
from schemas.events import VideoCancelled, VideoFailed, VideoQueued, VideoStarted, video_stream
from schemas.videos import QueuePlace


def by_account(row: VideoRow) -> str:
    """The order to end several videos in: two transactions that refund the same accounts must not cross."""
    return row.account_id


async def end(
    row: VideoRow,
    trigger: Trigger,
    now: datetime,
    *,
    code: str = "",
    message: str = "",
    by_maker: bool = False,
) -> None:
    """Fail or cancel a locked video: what it showed is erased, and whoever draws it is notified to stop.

    Its credits go back, except for the steps that were seen where its maker ended it: by cancelling, or
    (`by_maker`) otherwise.

    Raises:
        IllegalTransition: it has ended already.
    """
    status = advance(row.status, trigger)
    failed = trigger is Trigger.FAIL
    charged = 0
    if by_maker or trigger is Trigger.CANCEL:
        charged = charge(row.price, row.steps_done, row.steps_total, shown=row.shown)
    await VideoTable.update(
        {
            VideoTable.status: status.value,
            VideoTable.ended_at: now,
            VideoTable.error_code: code if failed else None,
            VideoTable.error_message: message if failed else None,
            VideoTable.worker: None,
            VideoTable.lease_until: None,
            VideoTable.charged: charged,
        }
    ).where(VideoTable.id == row.id)
    refunded = row.price - charged
    if refunded:
        await credits.refund(row.account_id, row.id, refunded, now)
    else:
        await credits.settle(row.account_id, row.id, now)
    await stream.forget_pictures(video_stream(row.id))
    payload: VideoFailed | VideoCancelled = VideoCancelled(refunded=refunded)
    if failed:
        payload = VideoFailed(code=code, message=message, refunded=refunded)
    await stream.append(video_stream(row.id), payload, now=now)
    await stream.notify(stream.CANCEL, row.id)
    if row.background:
        await stream.notify(stream.POST_RENDER)


async def cancel(video_id: str, account: str, now: datetime) -> VideoRow:
    """End an own video that has not ended; credits for what was not seen go back. Returns it as it is then.

    Raises:
        RiffleError: not_found; invalid_state, where it has ended.
    """
    async with transaction():
        row = await lock_own(video_id, account)
        try:
            await end(row, Trigger.CANCEL, now)
        except IllegalTransition:
            raise RiffleError(Code.INVALID_STATE, f"the video is {row.status} already") from None
        return await lock_own(video_id, account)


async def lease(row: VideoRow, worker: str, ttl_s: float, now: datetime) -> int:
    """Give a locked, queued video to a worker for `ttl_s` seconds; returns the number of the attempt.

    To its maker it waits until the model draws it (`begin`).
    """
    attempt = row.attempt + 1
    await fetch(
        """
        UPDATE videos SET status = $2, attempt = $3, worker = $4, started_at = $5, progress = 0,
            begun = false, lease_until = clock_timestamp() + make_interval(secs => $6)
        WHERE id = $1
        """,
        row.id,
        advance(row.status, Trigger.LEASE).value,
        attempt,
        worker,
        now,
        ttl_s,
    )
    return attempt


async def begin(row: VideoRow, now: datetime) -> None:
    """The model draws a locked, leased video; the second time nothing."""
    if row.begun:
        return
    await VideoTable.update({VideoTable.begun: True, VideoTable.started_at: now}).where(
        VideoTable.id == row.id
    )
    await stream.append(video_stream(row.id), VideoStarted(attempt=row.attempt), now=now)


async def requeue(row: VideoRow, now: datetime) -> None:
    """Put a locked video whose worker is gone back into the queue, for its next attempt."""
    await VideoTable.update(
        {
            VideoTable.status: advance(row.status, Trigger.LOSE).value,
            VideoTable.worker: None,
            VideoTable.lease_until: None,
            VideoTable.progress: 0,
        }
    ).where(VideoTable.id == row.id)
    place = (await places([row.id]))[row.id]
    await stream.append(video_stream(row.id), _queued(row, place), now=now)
    await stream.notify(stream.WORK)


async def announce_queued(rows: Sequence[VideoRow], now: datetime) -> dict[str, QueuePlace]:
    """Begin the streams of new videos and wake the dispatchers; returns the places in the queue."""
    queue = await places([row.id for row in rows])
    await stream.append_first({video_stream(row.id): _queued(row, queue[row.id]) for row in rows}, now=now)
    await stream.notify(stream.WORK)
    return queue


def _queued(row: VideoRow, place: QueuePlace) -> VideoQueued:
    return VideoQueued(price=row.price, position=place.position, eta_ms=place.eta_ms, attempt=row.attempt)


async def withdraw(rows: Sequence[VideoRow], reason: str, now: datetime) -> None:
    """End locked videos whose consent is gone, and erase what they showed."""
    message = f"a cameo may no longer be used: {public_reason(reason)}"
    left = await _left_by_maker([row.id for row in rows])
    for row in sorted(rows, key=by_account):
        await end(row, Trigger.FAIL, now, code=Code.CONSENT_REVOKED, message=message, by_maker=row.id in left)


async def _left_by_maker(video_ids: Sequence[str]) -> set[str]:
    """The videos whose makers ended the consent themselves: they block an owner, or stopped to follow one."""
    if not video_ids:
        return set()
    rows = await fetch(
        """
        SELECT v.id FROM videos v WHERE v.id = ANY ($1::text[]) AND EXISTS (
            SELECT FROM cameos c WHERE c.id = ANY (v.cameos) AND c.account_id <> v.account_id AND (
                EXISTS (
                    SELECT FROM blocks b WHERE (b.blocker_id, b.blocked_id) = (v.account_id, c.account_id)
                ) OR (
                    c.audience = 'mutuals' AND NOT EXISTS (
                        SELECT FROM follows f
                        WHERE (f.follower_id, f.followed_id) = (v.account_id, c.account_id)
                    ) AND NOT EXISTS (
                        -- Who blocks ends both follows.
                        SELECT FROM blocks b
                        WHERE (b.blocker_id, b.blocked_id) = (c.account_id, v.account_id)
                    )
                )
            )
        )
        """,
        list(video_ids),
    )
    return {row["id"] for row in rows}


async def withdraw_refused(rows: Sequence[VideoRow], now: datetime) -> set[str]:
    """End those of these locked, running videos that consent no longer covers; their ids."""
    found = await verdicts.of_videos(rows, now=now)
    ended = set()
    for row in sorted(rows, key=by_account):
        refused = next((item for item in found[row.id].values() if not item.allowed), None)
        if refused is not None:
            await withdraw([row], refused.reason, now)
            ended.add(row.id)
    return ended
