"""Who may list, view, play and follow which video: the one place that says so.

Four rules, from the widest to the narrowest. Each takes rows of `videos` that are not deleted and gives back
the ids of those that it lets through; `viewer` is an account, ANYBODY for one without.

- `can_view`: who may know of a video and read what is written of it.
- `can_play`: who may have its media.
- `can_list`: which of others' posts may stand in a feed, a lane or a search.
- `is_taken_down`: what nobody but moderators sees, whatever the other rules say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from db.engine import fetch
from domain.consent import verdicts
from domain.consent.facts import CameoRequester, cameo_facts
from domain.consent.policy import Action, UseRequest, decide
from domain.videos.record import VideoRow, no_such_video, select
from schemas.cameos import RevokeMode
from schemas.errors import Code, RiffleError
from schemas.events import inbox_stream, video_stream
from schemas.videos import Status, Tombstone

# Who has no account follows nobody and is blocked by nobody.
ANYBODY = ""
# Ids of videos under a takedown. One that nobody decided in time counts as upheld for what it names, and for
# renders of that; what only looks the same goes when a moderator says so.
TAKEN_DOWN = """
    SELECT t.video_id FROM takedown_targets t JOIN takedowns d ON d.id = t.takedown_id
    WHERE d.status = 'upheld'
        OR (d.status = 'open' AND d.due_at <= {now} AND t.match IN ('named', 'render'))
"""


async def can_view(rows: Sequence[VideoRow], viewer: str, now: datetime) -> set[str]:
    """The videos that the viewer may know of: prompt, status, lineage.

    One's own; those with an own cameo; others' posts, where neither blocks the other, as far as `can_list`
    lets them through. The tombstone of a post is viewed by everybody who isn't blocked.
    """
    own = {row.id for row in rows if row.account_id == viewer}
    others = [row for row in rows if row.id not in own]
    with_own_cameo = await _with_own_cameo(others, viewer)
    posted = [row for row in others if row.post_id is not None and row.id not in with_own_cameo]
    blocked = await _blocked({row.account_id for row in posted}, viewer)
    open_to = [row for row in posted if row.account_id not in blocked]
    tombstones = {row.id for row in open_to if row.withheld is RevokeMode.TOMBSTONE}
    return own | with_own_cameo | tombstones | await can_list(open_to, viewer, now)


async def can_play(rows: Sequence[VideoRow], viewer: str, now: datetime) -> set[str]:
    """The videos whose media the viewer may have, once it is there.

    Those of `can_view` that are no tombstone and whose cameos' owners don't block the viewer; whoever has a
    cameo in a video may always see what was made of it.
    """
    viewable = await can_view(rows, viewer, now)
    left = [row for row in rows if row.id in viewable and row.withheld is not RevokeMode.TOMBSTONE]
    with_own_cameo = await _with_own_cameo(left, viewer)
    others = [row for row in left if row.id not in with_own_cameo]
    return with_own_cameo | await _cameos_readable(others, viewer, now)


async def can_list(rows: Sequence[VideoRow], viewer: str, now: datetime) -> set[str]:
    """Which posted videos may be listed for the viewer among others' posts.

    Those that nothing withholds, that consent still covers, whose cameos' owners don't block the
    viewer, and that are not taken down. Blocks between viewer and maker are the caller's: lists leave them
    out in SQL.
    """
    standing = [row for row in rows if row.withheld is None]
    if not standing:
        return set()
    found = await verdicts.of_videos(standing, Action.SHOW, now=now)
    covered = [row for row in standing if all(verdict.allowed for verdict in found[row.id].values())]
    readable = await _cameos_readable(covered, viewer, now)
    return readable - await is_taken_down(list(readable), now)


async def can_follow(stream: str, account: str, now: datetime) -> bool:
    """Whether an account may follow a stream, pictures and all: its inbox, and videos that it may play."""
    if stream == inbox_stream(account):
        return True
    video_id = stream.removeprefix(video_stream(""))
    if video_id == stream or await is_taken_down([video_id], now):
        return False
    rows = await _existing(video_id)
    # While it runs, each step asks for consent anew.
    running = all(row.status in (Status.QUEUED, Status.IN_PROGRESS) for row in rows)
    return bool(await (can_view if running else can_play)(rows, account, now))


async def is_taken_down(video_ids: Sequence[str], now: datetime) -> set[str]:
    """The videos that nobody but moderators sees, their makers not either.

    Those under a takedown that was upheld or not decided in time, those that a moderator hid, and those with
    a cameo of a minor.
    """
    if not video_ids:
        return set()
    rows = await fetch(
        f"""
        WITH named AS (
            -- A posted preview and its render are one post.
            SELECT id, id AS shown FROM unnest($1::text[]) AS id
            UNION SELECT v.id, o.id FROM videos v JOIN videos o USING (post_id) WHERE v.id = ANY ($1::text[])
        )
        SELECT id FROM named WHERE shown IN ({TAKEN_DOWN.format(now="$2")})
            OR shown IN (SELECT video_id FROM hidden_videos WHERE ended_at IS NULL)
        UNION SELECT v.id FROM videos v JOIN minor_cameos m ON m.cameo_id = ANY (v.cameos)
        WHERE v.id = ANY ($1::text[]) AND m.ended_at IS NULL
        """,
        list(video_ids),
        now,
    )
    return {row["id"] for row in rows}


async def of_minors(cameo_ids: Sequence[str]) -> set[str]:
    """The cameos that show a minor; videos with one of them are taken down."""
    if not cameo_ids:
        return set()
    rows = await fetch(
        "SELECT cameo_id AS id FROM minor_cameos WHERE cameo_id = ANY ($1::text[]) AND ended_at IS NULL",
        list(cameo_ids),
    )
    return {row["id"] for row in rows}


async def get_viewable(video_id: str, viewer: str, now: datetime) -> VideoRow:
    """A video by the rule of `can_view`.

    Raises:
        RiffleError: not_found.
    """
    rows = await _existing(video_id)
    if not await can_view(rows, viewer, now):
        raise no_such_video(video_id)
    return rows[0]


async def get_playable(video_id: str, viewer: str, now: datetime) -> VideoRow:
    """A video by the rule of `can_play`.

    Raises:
        RiffleError: not_found; gone, where a tombstone stands in its place.
    """
    rows = await _existing(video_id)
    if await can_play(rows, viewer, now):
        return rows[0]
    if rows and rows[0].withheld is RevokeMode.TOMBSTONE and await can_view(rows, viewer, now):
        raise RiffleError(Code.GONE, Tombstone().reason)
    raise no_such_video(video_id)


async def listed(video_ids: Sequence[str], viewer: str, now: datetime) -> set[str]:
    """The videos whose posts are shown, as far as the viewer's own blocks don't hide them."""
    rows = await select(
        "v.id = ANY ($1::text[]) AND v.post_id IS NOT NULL AND v.deleted_at IS NULL", list(video_ids)
    )
    return await can_list(rows, viewer, now)


async def first_listed(video_ids: Sequence[str], now: datetime) -> str | None:
    """The first of the videos that anybody may see; None where all are drafts or out of sight."""
    rows = await select(
        "v.id = ANY ($1::text[]) AND v.post_id IS NOT NULL AND v.deleted_at IS NULL"
        " ORDER BY array_position($1::text[], v.id)",
        list(video_ids),
    )
    listed = await can_list(rows, ANYBODY, now)
    return next((row.id for row in rows if row.id in listed), None)


async def _existing(video_id: str) -> list[VideoRow]:
    return await select("v.id = $1 AND v.deleted_at IS NULL", video_id)


async def _cameos_readable(rows: Sequence[VideoRow], viewer: str, now: datetime) -> set[str]:
    """The videos whose cameos' owners let the viewer look, if they may be shown at all."""
    cameo_ids = sorted({cameo for row in rows for cameo in row.cameos})
    facts = await cameo_facts([CameoRequester(cameo, viewer) for cameo in cameo_ids])
    known = {fact.id: fact for fact in facts.values()}
    request = UseRequest(requester=viewer, action=Action.READ, prompt="", now=now)
    return {row.id for row in rows if all(decide(known[cameo], request).allowed for cameo in row.cameos)}


async def _with_own_cameo(rows: Sequence[VideoRow], viewer: str) -> set[str]:
    cameo_ids = [cameo for row in rows for cameo in row.cameos]
    if not cameo_ids:
        return set()
    owned = await fetch(
        "SELECT id FROM cameos WHERE account_id = $1 AND id = ANY ($2::text[])", viewer, cameo_ids
    )
    own_cameos = {row["id"] for row in owned}
    return {row.id for row in rows if own_cameos.intersection(row.cameos)}


async def _blocked(makers: set[str], viewer: str) -> set[str]:
    """Those of the makers who block the viewer, or whom the viewer blocks, or whose account was deleted."""
    if not makers:
        return set()
    rows = await fetch(
        """
        SELECT who AS id FROM unnest($2::text[]) AS who WHERE EXISTS (
            SELECT FROM blocks WHERE (blocker_id, blocked_id) IN ((who, $1), ($1, who))
        ) OR EXISTS (SELECT FROM accounts d WHERE d.id = who AND d.deleted_at IS NOT NULL)
        """,
        viewer,
        sorted(makers),
    )
    return {row["id"] for row in rows}
