"""Changes of a video's status: each in one place, with its credits and its event in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from db.engine import fetch
from domain.accounts import credits
from domain.consent import verdicts
from domain.events import stream
from domain.videos.lifecycle import Trigger, advance
from domain.videos.record import VideoRow, places, select
from schemas.errors import Code
from schemas.events import Name, video_stream

CANCELLED = "the person who asked for it cancelled it"


async def lock(video_id: str) -> VideoRow | None:
    """The row, locked until the transaction ends. Videos are locked before accounts, those before streams."""
    found = await select("v.id = $1 FOR NO KEY UPDATE OF v", video_id)
    return found[0] if found else None


def by_account(row: VideoRow) -> str:
    """The order to end several videos in: two transactions that refund the same accounts must not cross."""
    return row.account_id


async def end(row: VideoRow, trigger: Trigger, now: datetime, *, code: str = "", message: str = "") -> None:
    """Fail or cancel a locked video: its credits go back, and whoever draws it is told to stop.

    Raises:
        IllegalTransition: it has ended already.
    """
    status = advance(row.status, trigger)
    error = (code, message) if trigger is Trigger.FAIL else (None, None)
    await fetch(
        """
        UPDATE videos SET status = $2, ended_at = $3, error_code = $4, error_message = $5,
            worker = NULL, lease_until = NULL
        WHERE id = $1
        """,
        row.id,
        status.value,
        now,
        *error,
    )
    await credits.refund(row.account_id, row.id, row.price, now)
    refund = {"refunded": row.price}
    if trigger is Trigger.FAIL:
        await stream.append(
            video_stream(row.id), Name.VIDEO_FAILED, {"code": code, "message": message, **refund}, now=now
        )
    else:
        await stream.append(video_stream(row.id), Name.VIDEO_CANCELLED, refund, now=now)
    await stream.notify(stream.CANCEL, row.id)


async def lease(row: VideoRow, worker: str, lease_until: datetime, now: datetime) -> int:
    """Give a locked, queued video to a worker; returns the number of the attempt."""
    await fetch(
        """
        UPDATE videos SET status = $2, attempt = attempt + 1, worker = $3, lease_until = $4, started_at = $5,
            progress = 0
        WHERE id = $1
        """,
        row.id,
        advance(row.status, Trigger.LEASE).value,
        worker,
        lease_until,
        now,
    )
    attempt = row.attempt + 1
    await stream.append(video_stream(row.id), Name.VIDEO_STARTED, {"attempt": attempt}, now=now)
    return attempt


async def requeue(row: VideoRow, now: datetime) -> None:
    """Put a locked video whose worker is gone back into the queue, for its next attempt."""
    status = advance(row.status, Trigger.LOSE)
    await fetch(
        "UPDATE videos SET status = $2, worker = NULL, lease_until = NULL, progress = 0 WHERE id = $1",
        row.id,
        status.value,
    )
    await tell_queued([row], now)


async def tell_queued(rows: Sequence[VideoRow], now: datetime) -> None:
    """The event of being queued, with price and place; wakes the dispatchers."""
    queue = await places([row.id for row in rows])
    for row in rows:
        place = queue[row.id]
        data = {
            "price": row.price,
            "position": place.position,
            "eta_ms": place.eta_ms,
            "attempt": row.attempt,
        }
        await stream.append(video_stream(row.id), Name.VIDEO_QUEUED, data, now=now)
    await stream.notify(stream.WORK)


async def withdraw(rows: Sequence[VideoRow], reason: str, now: datetime) -> None:
    """End locked videos whose consent is gone, and erase what they showed."""
    message = f"a cameo may no longer be used: {reason}"
    for row in sorted(rows, key=by_account):
        await end(row, Trigger.FAIL, now, code=Code.CONSENT_REVOKED, message=message)
        await stream.forget_pictures(video_stream(row.id))


async def withdraw_refused(rows: Sequence[VideoRow], now: datetime) -> set[str]:
    """End those of these locked, running videos that consent no longer covers; their ids."""
    found = await verdicts.of_videos(rows, now)
    ended = set()
    for row in sorted(rows, key=by_account):
        refused = next((item for item in found[row.id].values() if not item.allowed), None)
        if refused is not None:
            await withdraw([row], refused.reason, now)
            ended.add(row.id)
    return ended
