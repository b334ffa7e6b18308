"""Reports by people, and what moderators do about them: videos are hidden, cameos of minors flagged."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from db.engine import fetch, fetch_one, transaction
from domain.accounts import accounts
from domain.consent import cameos
from domain.events import stream
from domain.feed import posts
from domain.ids import new_id
from domain.rate_limits import DAY, check_rate
from domain.safety.admin import audit_log
from domain.videos import transitions
from domain.videos.record import lock, no_such_video, select
from domain.videos.visibility import get_viewable
from schemas.base import unix_seconds
from schemas.errors import Code, RiffleError
from schemas.events import VideoWithdrawn, WithdrawalReason, video_stream
from schemas.moderation import CreateReport, Report

# More than anybody sees in a day that should not be there; a flood hides the one that matters.
REPORTS_PER_DAY = 50
MAX_LISTED = 200
TAKEN_DOWN = VideoWithdrawn(reason=WithdrawalReason.TAKEN_DOWN)
Outcome = Literal["hidden", "minor", "dismissed"]


async def file(account: str, request: CreateReport, *, now: datetime) -> Report:
    """Report something that one can see. The same thing twice is one report.

    Raises:
        RiffleError: not_found; rate_limited.
    """
    subject = await _subject(account, request, now=now)
    async with transaction():
        await fetch("SELECT FROM accounts WHERE id = $1 FOR NO KEY UPDATE", account)
        open_one = await _reports(
            "account_id = $1 AND kind = $2 AND subject_id = $3 AND status = 'open'",
            account,
            request.kind,
            subject,
        )
        if open_one:
            return open_one[0]
        await check_rate(
            "reports",
            "reports WHERE account_id = $1",
            account,
            limit=REPORTS_PER_DAY,
            window=DAY,
            now=now,
        )
        report_id = new_id("report")
        await fetch(
            """
            INSERT INTO reports (id, account_id, kind, subject_id, reason, note, status, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, 'open', $7)
            """,
            report_id,
            account,
            request.kind,
            subject,
            request.reason.value,
            request.note,
            now,
        )
        return (await _reports("id = $1", report_id))[0]


async def _subject(account: str, request: CreateReport, *, now: datetime) -> str:
    """The id of what is reported.

    Raises:
        RiffleError: not_found, where the reporter can't see it.
    """
    if request.kind == "video":
        return (await get_viewable(request.id, account, now)).id
    if request.kind == "post":
        return (await posts.get_post(request.id, account, now)).id
    if request.kind == "cameo":
        return (await cameos.get(request.id, account)).id
    person = await accounts.by_handle(request.id)
    if person is None:
        raise RiffleError(Code.NOT_FOUND, f"nobody is called `{request.id}`", param="id")
    return person.id


async def list_own(account: str) -> list[Report]:
    """One's own reports, newest first."""
    return await _reports(f"account_id = $1 ORDER BY created_at DESC, id LIMIT {MAX_LISTED}", account)


async def decide(report_id: str, outcome: Outcome, actor: str, *, now: datetime) -> None:
    """A moderator acts on an open report, or dismisses it.

    Raises:
        RiffleError: not_found; invalid_request, where that can't be done to what was reported.
    """
    async with transaction():
        found = await fetch_one(
            "SELECT kind, subject_id FROM reports WHERE id = $1 AND status = 'open' FOR UPDATE", report_id
        )
        if found is None:
            raise RiffleError(Code.NOT_FOUND, f"there is no open report `{report_id}`")
        if outcome == "hidden":
            await hide(await _video(found["kind"], found["subject_id"]), report_id, actor, now=now)
        elif outcome == "minor":
            for cameo in await _cameos(found["kind"], found["subject_id"]):
                await flag_minor(cameo, actor, now=now)
        await fetch(
            "UPDATE reports SET status = $2, outcome = $3, decided_at = $4, decided_by = $5 WHERE id = $1",
            report_id,
            "dismissed" if outcome == "dismissed" else "acted",
            outcome,
            now,
            actor,
        )
        await audit_log.record(actor, f"report.{outcome}", report_id, now=now)


async def hide(video_id: str, reason: str, actor: str, *, now: datetime) -> None:
    """Take a video out of everybody's sight, its maker's too.

    Raises:
        RiffleError: not_found.
    """
    async with transaction():
        if await lock(video_id) is None:
            raise no_such_video(video_id)
        await fetch(
            """
            INSERT INTO hidden_videos (video_id, reason, since) VALUES ($1, $2, $3)
            ON CONFLICT (video_id) WHERE ended_at IS NULL DO NOTHING
            """,
            video_id,
            reason,
            now,
        )
        await audit_log.record(actor, "video.hidden", video_id, reason=reason, now=now)
        shown = await fetch(
            "SELECT $1::text AS id UNION"
            " SELECT o.id FROM videos v JOIN videos o USING (post_id) WHERE v.id = $1",
            video_id,
        )
        await stream.append_to_all([video_stream(row["id"]) for row in shown], TAKEN_DOWN, now=now)


async def show(video_id: str, actor: str, *, now: datetime) -> None:
    """Show a hidden video again.

    Raises:
        RiffleError: not_found, where it is not hidden.
    """
    async with transaction():
        if not await fetch(
            "UPDATE hidden_videos SET ended_at = $2 WHERE video_id = $1 AND ended_at IS NULL RETURNING id",
            video_id,
            now,
        ):
            raise no_such_video(video_id)
        await audit_log.record(actor, "video.shown", video_id, now=now)


async def flag_minor(cameo_id: str, actor: str, *, now: datetime) -> None:
    """A cameo shows a minor: running videos with it end, and nobody uses or sees it any more.

    Raises:
        RiffleError: not_found.
    """
    async with transaction():
        # The cameo's lock comes before those of videos, as where a video is made.
        if await fetch_one("SELECT FROM cameos WHERE id = $1 FOR NO KEY UPDATE", cameo_id) is None:
            raise RiffleError(Code.NOT_FOUND, f"there is no cameo `{cameo_id}`")
        await fetch(
            """
            INSERT INTO minor_cameos (cameo_id, since) VALUES ($1, $2)
            ON CONFLICT (cameo_id) WHERE ended_at IS NULL DO NOTHING
            """,
            cameo_id,
            now,
        )
        running = await select(
            """
            v.status IN ('queued', 'in_progress') AND v.cameos @> ARRAY[$1::text]
            ORDER BY v.id FOR NO KEY UPDATE OF v
            """,
            cameo_id,
        )
        await transitions.withdraw(sorted(running, key=transitions.by_account), "minor", now)
        shown = await fetch(
            "SELECT id FROM videos WHERE cameos @> ARRAY[$1::text] AND deleted_at IS NULL", cameo_id
        )
        await stream.append_to_all([video_stream(row["id"]) for row in shown], TAKEN_DOWN, now=now)
        await audit_log.record(actor, "cameo.minor", cameo_id, now=now)


async def unflag_minor(cameo_id: str, actor: str, *, now: datetime) -> None:
    """A cameo was flagged by mistake.

    Raises:
        RiffleError: not_found, where it is not flagged.
    """
    async with transaction():
        if not await fetch(
            "UPDATE minor_cameos SET ended_at = $2 WHERE cameo_id = $1 AND ended_at IS NULL RETURNING id",
            cameo_id,
            now,
        ):
            raise RiffleError(Code.NOT_FOUND, f"the cameo `{cameo_id}` is not flagged")
        await audit_log.record(actor, "cameo.not_minor", cameo_id, now=now)


async def _video(kind: str, subject: str) -> str:
    if kind == "video":
        return subject
    found = await fetch_one("SELECT video_id FROM posts WHERE id = $1", subject) if kind == "post" else None
    if found is None:
        raise RiffleError(Code.INVALID_REQUEST, f"a report of a {kind} hides no video")
    return str(found["video_id"])


async def _cameos(kind: str, subject: str) -> list[str]:
    if kind == "cameo":
        return [subject]
    rows = await select("v.id = $1", await _video(kind, subject))
    if not rows or not rows[0].cameos:
        raise RiffleError(Code.INVALID_REQUEST, "no cameo is in it: hide it instead")
    return rows[0].cameos


async def _reports(where: str, *args: object) -> list[Report]:
    rows = await fetch(
        f"SELECT id, kind, subject_id, reason, status, created_at, outcome FROM reports WHERE {where}", *args
    )
    for row in rows:
        row["created_at"] = unix_seconds(row["created_at"])
    return msgspec.convert(rows, list[Report])
