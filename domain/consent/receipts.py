"""Receipts of the use of cameos by videos: written while these are locked, listed, deleted by owners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from db.engine import exists, fetch, fetch_one, transaction
from domain.consent import revocations
from domain.consent.grants import unknown_cameo
from domain.consent.policy import POLICY_VERSION, Action, Verdict, public_reason
from domain.videos.mentions import CameoIdentity
from domain.videos.record import VideoRow
from schemas.base import unix_seconds
from schemas.cameos import CameoUse, RevokeMode
from schemas.errors import Code, RiffleError
from schemas.events import CameoUsed
from schemas.videos import Receipt

# What a screen of uses shows; older ones are in the ledger.
MAX_USES = 500


async def lock_cameos(cameo_ids: Sequence[str]) -> list[CameoIdentity]:
    """Lock cameos until the transaction ends, in one order; what each is called, in the order given.

    Raises:
        RiffleError: not_found.
    """
    if not cameo_ids:
        return []
    locked = await fetch(
        """
        SELECT id, handle, display_name, reference_key IS NOT NULL AS pictured FROM cameos
        WHERE id = ANY ($1::text[]) ORDER BY id FOR NO KEY UPDATE
        """,
        list(cameo_ids),
    )
    found = {row["id"]: CameoIdentity(**row) for row in locked}
    missing = set(cameo_ids) - set(found)
    if missing:
        raise RiffleError(Code.NOT_FOUND, f"there is no cameo `{min(missing)}`", param="cameos")
    return [found[cameo] for cameo in cameo_ids]


async def identities(cameo_ids: Sequence[str]) -> list[CameoIdentity]:
    """What cameos are called, in the order given; those that there are not are left out."""
    if not cameo_ids:
        return []
    rows = await fetch(
        "SELECT id, handle, display_name, reference_key IS NOT NULL AS pictured FROM cameos"
        " WHERE id = ANY ($1::text[])",
        list(cameo_ids),
    )
    found = {row["id"]: CameoIdentity(**row) for row in rows}
    return [found[cameo] for cameo in dict.fromkeys(cameo_ids) if cameo in found]


def require_allowed(verdicts: Mapping[str, Verdict], what: str, param: str) -> None:
    """Let it pass where all agree; `what` is what would be done.

    Raises:
        RiffleError: consent_refused.
    """
    for cameo, verdict in verdicts.items():
        if not verdict.allowed:
            hint = f"; you can ask for: {verdict.ask}" if verdict.ask else ""
            raise RiffleError(
                Code.CONSENT_REFUSED,
                f"cameo {cameo} may not be {what}: {public_reason(verdict.reason)}{hint}",
                param=param,
            )


async def write(
    video_ids: Sequence[str],
    verdicts: Mapping[str, Verdict],
    action: Literal["draw", "post"],
    *,
    now: datetime,
) -> None:
    """Pin what was permitted to videos. The cameos are locked."""
    if not verdicts:
        return
    await fetch(
        """
        INSERT INTO receipts (video_id, cameo_id, grant_id, revision, policy_version, at, action)
        SELECT video_id, c.id, c.grant_id, c.revision, $5, $6, $7 FROM unnest($1::text[]) AS video_id,
            unnest($2::text[], $3::text[], $4::integer[]) WITH ORDINALITY AS c(id, grant_id, revision, nr)
        ORDER BY c.nr, video_id
        """,
        list(video_ids),
        list(verdicts),
        [verdict.grant_id for verdict in verdicts.values()],
        [verdict.grant_revision for verdict in verdicts.values()],
        POLICY_VERSION,
        now,
        action,
    )


async def notices(rows: Sequence[VideoRow], action: Action) -> list[tuple[str, CameoUsed]]:
    """The event for the owner of each cameo of one swarm, by account; none for what they do themselves."""
    if not rows[0].cameos:
        return []
    found = await fetch(
        """
        SELECT c.id, c.account_id, c.display_name, a.handle FROM cameos c, accounts a
        WHERE c.id = ANY ($1::text[]) AND a.id = $2 AND c.account_id <> a.id ORDER BY c.account_id, c.id
        """,
        rows[0].cameos,
        rows[0].account_id,
    )
    return [
        (
            row["account_id"],
            CameoUsed(
                cameo_id=row["id"],
                cameo_name=row["display_name"],
                by=row["handle"],
                action=action.value,
                video_ids=[item.id for item in rows],
                prompt=rows[0].prompt,
            ),
        )
        for row in found
    ]


async def of_video(video_id: str) -> list[Receipt]:
    """The consent that a video rests on, oldest first."""
    rows = await fetch(
        """
        SELECT cameo_id, grant_id, revision, policy_version, at, action FROM receipts
        WHERE video_id = $1 ORDER BY id
        """,
        video_id,
    )
    return [Receipt(video_id=video_id, **{**row, "at": unix_seconds(row["at"])}) for row in rows]


async def list_uses(cameo_id: str, account: str) -> list[CameoUse]:
    """Every video with an own cameo, drafts too, newest first.

    Raises:
        RiffleError: not_found.
    """
    if not await exists("SELECT FROM cameos WHERE id = $1 AND account_id = $2", cameo_id, account):
        raise unknown_cameo(cameo_id)
    rows = await fetch(
        """
        SELECT v.id AS video_id, a.handle AS by, v.prompt, v.status, v.post_id, r.at
        FROM (
            -- Its first receipt: to be drawn or, where its caption mentions the cameo, to be posted.
            SELECT video_id, min(id) AS id, min(at) AS at FROM receipts WHERE cameo_id = $1 GROUP BY video_id
        ) r JOIN videos v ON v.id = r.video_id JOIN accounts a ON a.id = v.account_id
        WHERE v.deleted_at IS NULL
            AND v.withheld IS DISTINCT FROM 'tombstone' AND withdrawal_of(v.id) IS DISTINCT FROM 'tombstone'
        ORDER BY r.id DESC LIMIT $2
        """,
        cameo_id,
        MAX_USES,
    )
    return [CameoUse(**{**row, "at": unix_seconds(row["at"])}) for row in rows]


async def delete_use(cameo_id: str, account: str, video_id: str, *, now: datetime) -> None:
    """Delete a video with an own cameo, whoever made it, and what was made from it.

    Raises:
        RiffleError: not_found.
    """
    async with transaction():
        row = await fetch_one("SELECT account_id FROM cameos WHERE id = $1 FOR NO KEY UPDATE", cameo_id)
        if row is None or row["account_id"] != account:
            raise unknown_cameo(cameo_id)
        if not await exists(
            "SELECT FROM receipts r JOIN videos v ON v.id = r.video_id"
            " WHERE r.video_id = $1 AND r.cameo_id = $2 AND v.deleted_at IS NULL",
            video_id,
            cameo_id,
        ):
            raise RiffleError(Code.NOT_FOUND, f"this cameo is in no video `{video_id}`")
        # What a post shows goes as a whole: the render comes from the preview.
        preview = await fetch_one(
            """
            SELECT p.id FROM videos v JOIN sources s ON s.child_id = v.id AND s.relation = 'render'
            JOIN videos p ON p.id = s.parent_id AND p.post_id = v.post_id WHERE v.id = $1
            """,
            video_id,
        )
        use = video_id if preview is None else preview["id"]
        await revocations.record(cameo_id, account, RevokeMode.TOMBSTONE, video=use, now=now)
