"""Who may see which video."""

from __future__ import annotations

from collections.abc import Sequence

from db import hidden
from db.engine import fetch
from db.rows import VideoRow, select
from schemas.errors import Code, RiffleError

# Who has no account follows nobody and is blocked by nobody.
NOBODY = ""


async def get(video_id: str, viewer: str) -> VideoRow:
    """A video that the viewer may see: an own one, one with an own cameo, or one that is posted.

    Raises:
        RiffleError: not_found.
    """
    found = await select("v.id = $1 AND v.deleted_at IS NULL", video_id)
    if not found or not await visible_of(found, viewer):
        raise unknown(video_id)
    return found[0]


async def visible(video_id: str, viewer: str) -> bool:
    """Whether `get` would find it."""
    found = await select("v.id = $1 AND v.deleted_at IS NULL", video_id)
    return bool(await visible_of(found, viewer))


async def visible_of(rows: Sequence[VideoRow], viewer: str) -> set[str]:
    """The ids of those videos that the viewer may see."""
    mine = {row.id for row in rows if row.account_id == viewer}
    others = [row for row in rows if row.account_id != viewer]
    if not others:
        return mine
    owned = await fetch(
        "SELECT id FROM cameos WHERE account_id = $1 AND id = ANY ($2::text[])",
        viewer,
        [cameo for row in others for cameo in row.cameos],
    )
    own_cameos = {row["id"] for row in owned}
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
        with_me |= await hidden.shown([row for row in posted if row.account_id not in out], viewer)
    return mine | with_me


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
