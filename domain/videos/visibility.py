"""Who may see which video."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from db.engine import fetch
from domain.consent import verdicts
from domain.videos import hidden
from domain.videos.record import VideoRow, select
from schemas.cameos import RevokeMode
from schemas.errors import Code, RiffleError
from schemas.videos import Status, Tombstone

# Who has no account follows nobody and is blocked by nobody.
NOBODY = ""


async def get(video_id: str, viewer: str) -> VideoRow:
    """A video that the viewer may know of: an own one, one with an own cameo, or one that is posted.

    Raises:
        RiffleError: not_found.
    """
    found = await select("v.id = $1 AND v.deleted_at IS NULL", video_id)
    if not found or not await visible_of(found, viewer):
        raise unknown(video_id)
    return found[0]


async def get_media(video_id: str, viewer: str) -> VideoRow:
    """A video whose media the viewer may see.

    Raises:
        RiffleError: not_found; gone, where a tombstone stands in its place.
    """
    found = await select("v.id = $1 AND v.deleted_at IS NULL", video_id)
    if found and await watchable_of(found, viewer):
        return found[0]
    if found and found[0].withheld is RevokeMode.TOMBSTONE and await visible_of(found, viewer):
        raise RiffleError(Code.GONE, Tombstone().reason)
    raise unknown(video_id)


async def may_follow(video_id: str, viewer: str) -> bool:
    """Whether the viewer may follow what becomes of a video, pictures and all."""
    found = await select("v.id = $1 AND v.deleted_at IS NULL", video_id)
    if await hidden.hidden([video_id], datetime.now(UTC)):
        return False
    # While it runs, each step asks for consent anew.
    if found and found[0].status in (Status.QUEUED, Status.IN_PROGRESS):
        return bool(await visible_of(found, viewer))
    return bool(found and await watchable_of(found, viewer))


async def watchable_of(rows: Sequence[VideoRow], viewer: str) -> set[str]:
    """The ids of those videos whose media the viewer may look at, once they are there."""
    seen = await visible_of(rows, viewer)
    left = [row for row in rows if row.id in seen and row.withheld is not RevokeMode.TOMBSTONE]
    own_cameos = await _own_cameos(left, viewer)
    with_me = {row.id for row in left if own_cameos & set(row.cameos)}
    others = [row for row in left if row.id not in with_me]
    return with_me | await verdicts.may_read(others, datetime.now(UTC), viewer)


async def visible_of(rows: Sequence[VideoRow], viewer: str) -> set[str]:
    """The ids of those videos that the viewer may know of; a tombstone of a post is seen by everybody."""
    mine = {row.id for row in rows if row.account_id == viewer}
    others = [row for row in rows if row.account_id != viewer]
    if not others:
        return mine
    own_cameos = await _own_cameos(others, viewer)
    with_me = {row.id for row in others if own_cameos & set(row.cameos)}
    posted = [row for row in others if row.post_id is not None and row.id not in with_me]
    if posted:
        blocked = await fetch(
            """
            SELECT who AS id FROM unnest($2::text[]) AS who WHERE EXISTS (
                SELECT FROM blocks WHERE (blocker_id, blocked_id) IN ((who, $1), ($1, who))
            )
            """,
            viewer,
            [row.account_id for row in posted],
        )
        out = {row["id"] for row in blocked}
        open_to = [row for row in posted if row.account_id not in out]
        with_me |= {row.id for row in open_to if row.withheld is RevokeMode.TOMBSTONE}
        with_me |= await hidden.shown(open_to, viewer)
    return mine | with_me


async def _own_cameos(rows: Sequence[VideoRow], viewer: str) -> set[str]:
    wanted = [cameo for row in rows for cameo in row.cameos]
    if not wanted:
        return set()
    owned = await fetch(
        "SELECT id FROM cameos WHERE account_id = $1 AND id = ANY ($2::text[])", viewer, wanted
    )
    return {row["id"] for row in owned}


def unknown(video_id: str, param: str | None = None) -> RiffleError:
    """What a person hears of a video that is not there or not theirs to see."""
    return RiffleError(Code.NOT_FOUND, f"there is no video `{video_id}`", param=param)


async def first_public(video_ids: Sequence[str]) -> str | None:
    """The first of the videos that anybody may see, None where all are drafts or out of sight."""
    rows = await select(
        "v.id = ANY ($1::text[]) AND v.post_id IS NOT NULL AND v.deleted_at IS NULL"
        " ORDER BY array_position($1::text[], v.id)",
        list(video_ids),
    )
    open_ones = await hidden.shown(rows, NOBODY)
    return next((row.id for row in rows if row.id in open_ones), None)
