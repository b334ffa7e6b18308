"""Takedowns: filed by anybody, extended to copies, decided by moderators before their clock runs out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from db.engine import dumps, exists, fetch, fetch_one, transaction
from domain.events import stream
from domain.ids import new_id
from domain.safety import fingerprints
from domain.safety.admin import audit_log
from domain.videos.visibility import TAKEN_DOWN
from schemas.base import unix_seconds
from schemas.errors import Code, RiffleError
from schemas.events import VideoWithdrawn, WithdrawalReason, video_stream
from schemas.takedowns import CounterNotice, CreateCounterNotice, CreateTakedown, Takedown
from schemas.videos import Recipe

# The time that moderators have; at its end an undecided takedown counts as upheld.
DECIDE_WITHIN = timedelta(hours=48)
# Whoever files one seeks its copies at once; who has not by then has died.
SEEK_WITHIN = timedelta(minutes=1)
# Videos of one recipe: a person draws a few, and each of the others would be under the next takedown.
MAX_SAME = 1000
# A link to a video or post holds its id somewhere.
VIDEO_OR_POST_ID = re.compile(r"\b(?:video|post)_[0-9a-f]{32}\b")
MAX_LISTED = 200
TAKEDOWN_EDGES: dict[str, tuple[str, ...]] = {"open": ("upheld", "rejected"), "upheld": ("restored",)}


class OpenTakedowns(NamedTuple):
    """How many takedowns are open, how many of those are overdue, and the age of the oldest in seconds."""

    open: int
    overdue: int
    oldest_s: float


async def file(request: CreateTakedown, *, now: datetime) -> Takedown:
    """File a takedown; videos that look the same, and renders of what is named, come with it.

    Raises:
        RiffleError: invalid_request, where the good faith is not stated; not_found, where no video is here.
    """
    if not request.good_faith:
        raise RiffleError(Code.INVALID_REQUEST, "good_faith must be true", param="good_faith")
    wanted = list(
        dict.fromkeys(found[0] for link in request.videos if (found := VIDEO_OR_POST_ID.search(link)))
    )
    async with transaction():
        await fingerprints.lock(exclusive=True)
        rows = await fetch(
            """
            SELECT DISTINCT v.id FROM videos v LEFT JOIN posts p ON p.video_id = v.id
            WHERE (v.id = ANY ($1::text[]) OR p.id = ANY ($1::text[])) AND v.deleted_at IS NULL ORDER BY 1
            """,
            wanted,
        )
        named = [row["id"] for row in rows]
        if not named:
            raise RiffleError(Code.NOT_FOUND, "none of these videos or posts is here", param="videos")
        takedown_id = new_id("takedown")
        await fetch(
            """
            INSERT INTO takedowns (id, claimant, contact, role, identification, statement, signature, status,
                created_at, due_at, sought)
            VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8, $9, false)
            """,
            takedown_id,
            request.claimant,
            request.contact,
            request.role,
            request.identification,
            request.statement,
            request.signature,
            now,
            now + DECIDE_WITHIN,
        )
        await _add_targets(takedown_id, named, "named")
        await _add_same(takedown_id, named)
    # From that commit on, whatever is completed joins by itself; what was there before is sought without the
    # lock, which completions need.
    await _seek_copies(takedown_id)
    return (await _read("d.id = $1", "", takedown_id))[0]


async def seek_left(*, now: datetime) -> bool:
    """Seek the copies of a takedown whose filing ended before it could; False where there is none."""
    left = await fetch_one(
        "SELECT id FROM takedowns WHERE NOT sought AND created_at < $1 ORDER BY created_at, id LIMIT 1",
        now - SEEK_WITHIN,
    )
    if left is None:
        return False
    await _seek_copies(left["id"])
    return True


async def _add_same(takedown_id: str, named: Sequence[str]) -> None:
    """Put renders of what is named, and what was drawn from the very same recipe, under a takedown."""
    rows = await fetch(
        """
        SELECT s.child_id AS id FROM sources s WHERE s.relation = 'render' AND s.parent_id = ANY ($1::text[])
        UNION SELECT s.parent_id FROM sources s
        WHERE s.relation = 'render' AND s.child_id = ANY ($1::text[])
        """,
        list(named),
    )
    renders = [row["id"] for row in rows]
    await _add_targets(takedown_id, renders, "render")
    same = await fetch(
        """
        SELECT v.id FROM videos n
        JOIN videos v ON jsonb_strip_nulls(v.recipe) = jsonb_strip_nulls(n.recipe) AND v.relation IS NULL
        WHERE n.id = ANY ($1::text[]) AND n.relation IS NULL AND n.prompt <> '' AND v.id <> n.id
            AND v.prompt = n.prompt LIMIT $2
        """,
        [*named, *renders],
        MAX_SAME,
    )
    await _add_targets(takedown_id, [row["id"] for row in same], "recipe")


async def _seek_copies(takedown_id: str) -> None:
    """Put what looks like the videos of a takedown under it."""
    rows = await fetch(
        "SELECT video_id AS id FROM takedown_targets WHERE takedown_id = $1 AND match IN ('named', 'render')",
        takedown_id,
    )
    for row in rows:
        bits = await fingerprints.fingerprint_of(row["id"])
        for copy in await fingerprints.copies(bits, row["id"]) if bits else ():
            await _add_targets(takedown_id, [copy.video_id], "copy", copy.distance)
    await fetch("UPDATE takedowns SET sought = true WHERE id = $1", takedown_id)


async def _add_targets(
    takedown_id: str, video_ids: Sequence[str], match: str, distance: int | None = None
) -> None:
    await fetch(
        """
        INSERT INTO takedown_targets (takedown_id, video_id, match, distance)
        SELECT $1, unnest($2::text[]), $3, $4 ON CONFLICT (takedown_id, video_id) DO NOTHING
        """,
        takedown_id,
        list(video_ids),
        match,
        distance,
    )


async def join_open(video_id: str, bits: str) -> None:
    """Put a new video under the open takedowns of those that it looks like."""
    for takedown_id, distance in await fingerprints.open_takedowns_of(bits):
        await _add_targets(takedown_id, [video_id], "copy", distance)


async def get(takedown_id: str) -> Takedown:
    """A takedown by its id, which only its claimant, moderators and the makers of its videos know.

    Raises:
        RiffleError: not_found.
    """
    found = await _read("d.id = $1", "", takedown_id)
    if not found:
        raise _unknown(takedown_id)
    return found[0]


async def list_about(account: str) -> list[Takedown]:
    """Takedowns of an account's own videos, newest first."""
    return await _read(
        f"""
        EXISTS (SELECT FROM takedown_targets t JOIN videos v ON v.id = t.video_id
                WHERE t.takedown_id = d.id AND v.account_id = $1)
        ORDER BY d.created_at DESC, d.id LIMIT {MAX_LISTED}
        """,
        account,
        account,
    )


async def file_counter_notice(
    takedown_id: str, account: str, request: CreateCounterNotice, *, now: datetime
) -> CounterNotice:
    """The maker of a video under a takedown disagrees; a moderator decides again.

    Raises:
        RiffleError: not_found (none of their videos is under it); invalid_request; conflict, the second time.
    """
    if not request.good_faith:
        raise RiffleError(Code.INVALID_REQUEST, "good_faith must be true", param="good_faith")
    mine = await exists(
        """
        SELECT FROM takedown_targets t JOIN videos v ON v.id = t.video_id
        WHERE t.takedown_id = $1 AND v.account_id = $2
        """,
        takedown_id,
        account,
    )
    if not mine:
        raise _unknown(takedown_id)
    notice_id = new_id("counter")
    made = await fetch(
        """
        INSERT INTO counter_notices (id, takedown_id, account_id, statement, contact, signature, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (takedown_id, account_id) DO NOTHING RETURNING id
        """,
        notice_id,
        takedown_id,
        account,
        request.statement,
        request.contact,
        request.signature,
        now,
    )
    if not made:
        raise RiffleError(Code.CONFLICT, "you have answered this takedown already")
    return CounterNotice(id=notice_id, takedown_id=takedown_id, created_at=unix_seconds(now))


async def decide(
    takedown_id: str,
    status: Literal["upheld", "rejected", "restored"],
    note: str,
    actor: str,
    *,
    now: datetime,
) -> None:
    """A moderator upholds or rejects an open takedown, or restores what an upheld one took.

    Raises:
        RiffleError: not_found; invalid_state, where it can't become that.
    """
    async with transaction():
        await fingerprints.lock(exclusive=True)
        found = await fetch_one("SELECT status FROM takedowns WHERE id = $1 FOR UPDATE", takedown_id)
        if found is None:
            raise _unknown(takedown_id)
        if status not in TAKEDOWN_EDGES.get(found["status"], ()):
            raise RiffleError(
                Code.INVALID_STATE, f"a takedown that is {found['status']} can't become {status}"
            )
        await fetch(
            "UPDATE takedowns SET status = $2, decided_at = $3, decided_by = $4, note = $5 WHERE id = $1",
            takedown_id,
            status,
            now,
            actor,
            note,
        )
        await audit_log.record(actor, f"takedown.{status}", takedown_id, note=note, now=now)
        if status == "upheld":
            targets = await fetch("SELECT video_id FROM takedown_targets WHERE takedown_id = $1", takedown_id)
            gone = VideoWithdrawn(reason=WithdrawalReason.TAKEN_DOWN)
            await stream.append_to_all([video_stream(row["video_id"]) for row in targets], gone, now=now)


async def check_recipes(recipes: Sequence[Recipe], *, now: datetime) -> None:
    """Refuse to draw a video again that was taken down.

    Raises:
        RiffleError: taken_down.
    """
    if await exists(
        f"""
        SELECT FROM unnest($1::text[]) AS wanted
        JOIN videos v ON jsonb_strip_nulls(v.recipe) = jsonb_strip_nulls(wanted::jsonb) AND v.relation IS NULL
        WHERE v.id IN ({TAKEN_DOWN.format(now="$2")})
        """,
        [dumps(recipe) for recipe in recipes],
        now,
    ):
        raise RiffleError(Code.TAKEN_DOWN, "this very video was taken down: it is not drawn again")


async def open_takedowns(*, now: datetime) -> OpenTakedowns:
    """How the open takedowns stand."""
    found = await fetch_one(
        """
        SELECT count(*) AS n, count(*) FILTER (WHERE due_at <= $1) AS overdue,
            coalesce(extract(epoch FROM $1 - min(created_at)), 0)::float8 AS oldest
        FROM takedowns WHERE status = 'open'
        """,
        now,
    )
    assert found is not None
    return OpenTakedowns(found["n"], found["overdue"], max(0.0, found["oldest"]))


async def _read(where: str, account: str, *args: object) -> list[Takedown]:
    """Takedowns; with an `account`, only its own videos are named."""
    rows = await fetch(
        f"""
        SELECT d.id, d.status, d.role, d.created_at, d.due_at, d.decided_at, (
            SELECT coalesce(array_agg(t.video_id ORDER BY t.id), '{{}}') FROM takedown_targets t
            JOIN videos v ON v.id = t.video_id WHERE t.takedown_id = d.id
                AND CASE WHEN ${len(args) + 1} = '' THEN t.match = 'named'
                    ELSE v.account_id = ${len(args) + 1} END
        ) AS videos, (
            SELECT count(*) FROM takedown_targets t WHERE t.takedown_id = d.id AND t.match <> 'named'
        ) AS copies, EXISTS (SELECT FROM counter_notices c WHERE c.takedown_id = d.id) AS countered
        FROM takedowns d WHERE {where}
        """,
        *args,
        account,
    )
    for row in rows:
        for name in ("created_at", "due_at", "decided_at"):
            row[name] = None if row[name] is None else unix_seconds(row[name])
    return msgspec.convert(rows, list[Takedown])


def _unknown(takedown_id: str) -> RiffleError:
    return RiffleError(Code.NOT_FOUND, f"there is no takedown `{takedown_id}`")
