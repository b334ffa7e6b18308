"""Work as the dispatchers take it: leased, kept alive, ended once. Every write is fenced by the attempt.

How long a lease lasts is told by the database's clock alone: those of the dispatchers' machines may differ.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

import msgspec

from db.engine import AWAY, fetch, savepoint, transaction
from db.tables.videos import VideoTable
from domain import media_keys
from domain.accounts import credits
from domain.consent import verdicts
from domain.consent.policy import public_reason
from domain.events import stream
from domain.safety import fingerprints, takedowns
from domain.safety.sketches import save_video
from domain.videos import transitions
from domain.videos.inputs import source_inputs
from domain.videos.lifecycle import Trigger, advance
from domain.videos.lineage import posted_ancestors
from domain.videos.queue import DISPATCH_ORDER
from domain.videos.record import VideoRow, lock, select
from schemas.cameos import Decision
from schemas.errors import Code
from schemas.events import VideoCompleted, VideoStep, video_stream
from schemas.videos import Recipe, Status, Tier
from schemas.work import Priority, priority_of

T = TypeVar("T")
log = logging.getLogger(__name__)
# A job that killed its worker five times would kill the sixth.
MAX_ATTEMPTS = 5
# As `schemas.work.priority_of` has it.
PRIORITY = """
    CASE WHEN waiting.tier = 'preview' THEN 'preview'
        WHEN waiting.background THEN 'background' ELSE 'full' END
"""
# How long a lease lasts without a heartbeat: then another dispatcher takes up the work of a dead one.
LEASE_S = 10.0


class LeasedJob(msgspec.Struct, kw_only=True, frozen=True):
    """A video to draw, and the attempt that may write to it."""

    id: str
    attempt: int
    tier: Tier
    account_id: str
    recipe: Recipe
    background: bool = False

    @property
    def priority(self) -> Priority:
        """What it is drawn before, and after."""
        return priority_of(self.tier, background=self.background)


class ComparedVideo(msgspec.Struct, kw_only=True, frozen=True):
    """A video to compare with."""

    video_id: str
    latents_key: str


async def lease(
    worker: str,
    *,
    limit_preview: int,
    limit_full: int,
    limit_background: int = 0,
    now: datetime,
    ttl_s: float,
) -> list[LeasedJob]:
    """Take work for `ttl_s` seconds: previews first, everybody in turn, and what lost leases left.

    Of full videos `limit_full` is for those that people wait for, `limit_background` for the others.
    """
    taken: list[LeasedJob] = []
    limits = {
        Priority.PREVIEW: limit_preview,
        Priority.FULL: limit_full,
        Priority.BACKGROUND: limit_background,
    }
    async with transaction():
        await _reap(now)
        for priority, limit in limits.items():
            if limit <= 0:
                continue
            locked = await fetch(
                f"""
                SELECT v.id FROM ({DISPATCH_ORDER}) waiting JOIN videos v USING (id)
                WHERE v.status = 'queued' AND {PRIORITY} = $1
                ORDER BY waiting.background, waiting.turn, waiting.created_at, waiting.swarm_index, waiting.id
                LIMIT $2 FOR NO KEY UPDATE OF v SKIP LOCKED
                """,
                priority.value,
                limit,
            )
            # Read after they are locked: the statement above may have met them as they were a moment before.
            ids = [row["id"] for row in locked]
            rows = await select("v.id = ANY ($1::text[]) ORDER BY array_position($1::text[], v.id)", ids)
            refused = await _withdraw_refused(rows, now)
            jobs = [await _begin(row, worker, ttl_s, now) for row in rows if row.id not in refused]
            taken += [job for job in jobs if job is not None]
    return taken


async def _withdraw_refused(rows: Sequence[VideoRow], now: datetime) -> set[str]:
    """Those that consent no longer covers, which end; where that can't be told of all, it is of each."""
    try:
        async with savepoint():
            return await transitions.withdraw_refused(rows, now)
    except AWAY:
        raise
    except Exception:
        log.exception("the consent of %d videos could not be read together", len(rows))
    refused = set()
    for row in rows:
        if await _by_itself(row, now, partial(transitions.withdraw_refused, [row], now)) != set():
            refused.add(row.id)
    return refused


async def _begin(row: VideoRow, worker: str, ttl_s: float, now: datetime) -> LeasedJob | None:
    """The job of a locked, queued video; None where it has ended, since it can't be drawn."""
    if row.unreadable:
        await _fail_unreadable(row, now)
        return None
    attempt = await _by_itself(row, now, partial(transitions.lease, row, worker, ttl_s, now))
    if attempt is None:
        return None
    return LeasedJob(
        id=row.id,
        attempt=attempt,
        tier=row.tier,
        account_id=row.account_id,
        recipe=row.recipe,
        background=row.background,
    )


async def _reap(now: datetime) -> None:
    """Take videos from workers that stopped keeping their leases."""
    rows = await select(
        "v.status = 'in_progress' AND v.lease_until < clock_timestamp()"
        " ORDER BY v.id FOR NO KEY UPDATE OF v SKIP LOCKED"
    )
    for row in sorted(rows, key=transitions.by_account):
        await _by_itself(row, now, partial(_requeue_or_fail, row, now))


async def _by_itself(row: VideoRow, now: datetime, work: Callable[[], Awaitable[T]]) -> T | None:
    """What is done with one of several locked videos; where it fails, that video does, and no other.

    None then.
    """
    try:
        async with savepoint():
            return await work()
    except AWAY:
        raise
    except Exception:
        log.exception("video %s can't be worked on: it fails", row.id)
    try:
        async with savepoint():
            await _fail_unreadable(row, now)
    except AWAY:
        raise
    except Exception:
        log.exception("video %s can't even fail", row.id)
    return None


async def _fail_unreadable(row: VideoRow, now: datetime) -> None:
    message = "what it should be drawn from can't be read"
    await transitions.end(row, Trigger.FAIL, now, code=Code.GENERATION_FAILED, message=message)


async def _requeue_or_fail(row: VideoRow, now: datetime) -> None:
    if row.attempt < MAX_ATTEMPTS:
        await transitions.requeue(row, now)
    else:
        await transitions.end(
            row,
            Trigger.FAIL,
            now,
            code=Code.GENERATION_FAILED,
            message=f"it could not be drawn in {MAX_ATTEMPTS} attempts",
        )


async def heartbeat(worker: str, running: Sequence[tuple[str, int]], *, ttl_s: float) -> set[str]:
    """Keep the leases of (video, attempt); returns the ids that are still this worker's."""
    # Locked by id as everywhere: an update takes them in any order, and a revocation's end met it halfway.
    rows = await fetch(
        """
        WITH mine AS (
            SELECT v.id FROM videos v
            JOIN unnest($2::text[], $3::integer[]) AS running(id, attempt) USING (id, attempt)
            WHERE v.worker = $1 AND v.status = 'in_progress' ORDER BY v.id FOR NO KEY UPDATE OF v
        )
        UPDATE videos v SET lease_until = clock_timestamp() + make_interval(secs => $4)
        FROM mine WHERE v.id = mine.id RETURNING v.id
        """,
        worker,
        [video for video, _ in running],
        [attempt for _, attempt in running],
        ttl_s,
    )
    return {row["id"] for row in rows}


async def begin(video_id: str, attempt: int, *, now: datetime) -> bool:
    """The model has begun to draw; False where the attempt is over."""
    async with transaction():
        row = await _fenced(video_id, attempt)
        if row is None:
            return False
        await transitions.begin(row, now)
        return True


async def step(video_id: str, attempt: int, *, i: int, n: int, picture: bytes | None, now: datetime) -> bool:
    """Step `i` of `n` is done; False where the attempt is over, as where consent has ended since."""
    async with transaction():
        row = await _fenced(video_id, attempt)
        if row is None or await transitions.withdraw_refused([row], now):
            return False
        await transitions.begin(row, now)
        # 100 means that the media is there.
        progress = min(99, round(100 * i / n))
        await VideoTable.update(
            {
                VideoTable.progress: progress,
                # A later attempt begins anew; what was seen before stays seen.
                VideoTable.steps_done: max(i, row.steps_done),
                VideoTable.steps_total: n,
                VideoTable.shown: row.shown or picture is not None,
            }
        ).where(VideoTable.id == video_id)
        done = VideoStep(i=i, n=n, progress=progress)
        await stream.append(video_stream(video_id), done, picture=picture, now=now)
        return True


async def complete(
    video_id: str,
    attempt: int,
    *,
    media: Sequence[str],
    latents_key: str,
    cpu_seconds: float,
    fidelity: float | None,
    closeness: Mapping[str, float],
    now: datetime,
    fingerprint: str | None = None,
    sketches: Sequence[bytes] = (),
) -> bool:
    """The video is there; False where the attempt is over, as where consent has ended since.

    `media` are the keys of video, thumbnail and spritesheet, reserved as `latents_key` is; `closeness` is by
    the other video's id, 0..1. Copies are found by `fingerprint`: one of what was taken down ends the video,
    one of what is claimed puts it under that takedown. By `sketches` (media.sketch) uploads of it are known.

    Raises:
        ReservationLost: storing the media took too long.
    """
    async with transaction():
        row = await _fenced(video_id, attempt)
        if row is None or await transitions.withdraw_refused([row], now):
            return False
        if fingerprint is not None and not await _check_fingerprint(row, fingerprint, now):
            return False
        await transitions.begin(row, now)
        await media_keys.keep([*media, latents_key])
        await fetch(
            """
            UPDATE videos SET status = $2, progress = 100, ended_at = $3, worker = NULL, lease_until = NULL,
                video_key = $4, thumbnail_key = $5, spritesheet_key = $6, latents_key = $7,
                cpu_seconds = $8, fidelity = $9, charged = price
            WHERE id = $1
            """,
            video_id,
            advance(row.status, Trigger.COMPLETE).value,
            now,
            *media,
            latents_key,
            cpu_seconds,
            fidelity,
        )
        await fetch(
            """
            INSERT INTO closenesses (video_id, other_id, value)
            SELECT $1, other, least(1, greatest(0, value))
            FROM unnest($2::text[], $3::float8[]) AS measured(other, value)
            """,
            video_id,
            list(closeness),
            list(closeness.values()),
        )
        await save_video(video_id, sketches)
        await credits.settle(row.account_id, video_id, now)
        done = VideoCompleted(credits=row.price, cpu_seconds=cpu_seconds, fidelity=fidelity)
        await stream.append(video_stream(video_id), done, now=now)
        if row.background:
            await stream.notify(stream.POST_RENDER)
        return True


async def _check_fingerprint(row: VideoRow, fingerprint: str, now: datetime) -> bool:
    # No takedown is filed or decided between this check and the end of this transaction.
    await fingerprints.lock(exclusive=False)
    if await fingerprints.matches_taken_down(fingerprint, now=now):
        message = "it came out like a video that was taken down"
        await transitions.end(row, Trigger.FAIL, now, code=Code.TAKEN_DOWN, message=message)
        return False
    await fingerprints.save(row.id, fingerprint)
    await takedowns.join_open(row.id, fingerprint)
    return True


async def fail(video_id: str, attempt: int, *, code: str, message: str, now: datetime) -> bool:
    """The video can't be made; False where the attempt is over."""
    async with transaction():
        row = await _fenced(video_id, attempt)
        if row is None:
            return False
        await transitions.end(row, Trigger.FAIL, now, code=code, message=message)
        return True


async def release(video_id: str, attempt: int, *, now: datetime) -> bool:
    """Give a video back for another attempt, or fail it after the last; False where the attempt is over."""
    async with transaction():
        row = await _fenced(video_id, attempt)
        if row is None:
            return False
        await _requeue_or_fail(row, now)
        return True


async def recheck_consent(video_id: str, *, now: datetime) -> list[Decision]:
    """The refusals that a video meets now; none for one without cameos."""
    rows = await select("v.id = $1", video_id)
    found = (await verdicts.of_videos(rows, now=now)).get(video_id, {})
    return [
        Decision(cameo=cameo, allowed=False, reason=public_reason(verdict.reason), ask=verdict.ask)
        for cameo, verdict in found.items()
        if not verdict.allowed
    ]


async def comparisons(video_id: str) -> list[ComparedVideo]:
    """The videos whose closeness people will see: its sources, the nearest post above it, and the root."""
    made = await source_inputs(video_id)
    found: dict[str, str | None] = {row.id: row.latents_key for row in made[0].parents} if made else {}
    posted = await posted_ancestors(video_id)
    if posted:
        roots = [other for other in posted if other.post_id == posted[0].trend_id]
        found |= {other.video_id: other.latents_key for other in (posted[0], *roots)}
    return [ComparedVideo(video_id=other, latents_key=key) for other, key in found.items() if key is not None]


async def _fenced(video_id: str, attempt: int) -> VideoRow | None:
    """The locked row, while this attempt is the one that draws it."""
    row = await lock(video_id)
    return row if row is not None and (row.status, row.attempt) == (Status.IN_PROGRESS, attempt) else None
