"""The use of cameos by videos: locked, decided, written down, told to their owners, listed and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from db.engine import exists, fetch, fetch_one, transaction
from domain.consent import revocations
from domain.consent.grants import unknown_cameo
from domain.consent.policy import POLICY_VERSION, Action, Verdict
from domain.videos.record import VideoRow
from schemas.cameos import CameoUse, RevokeMode
from schemas.errors import Code, RiffleError

# What a screen of uses shows; older ones are in the ledger.
MAX_USES = 500


async def lock_cameos(cameos: Sequence[str]) -> None:
    """Lock cameos until the transaction ends, in one order.

    Raises:
        RiffleError: not_found.
    """
    locked = await fetch(
        "SELECT id FROM cameos WHERE id = ANY ($1::text[]) ORDER BY id FOR NO KEY UPDATE", list(cameos)
    )
    missing = set(cameos) - {row["id"] for row in locked}
    if missing:
        raise RiffleError(Code.NOT_FOUND, f"there is no cameo `{min(missing)}`", param="cameos")


def require_allowed(verdicts: Mapping[str, Verdict], what: str, param: str) -> None:
    """Let it pass where all agree; `what` is what would be done.

    Raises:
        RiffleError: consent_refused.
    """
    for cameo, verdict in verdicts.items():
        if not verdict.allowed:
            hint = f"; you can ask for: {verdict.ask}" if verdict.ask else ""
            raise RiffleError(
                Code.CONSENT_REFUSED, f"cameo {cameo} may not be {what}: {verdict.reason}{hint}", param=param
            )


async def write(
    video_ids: Sequence[str], verdicts: Mapping[str, Verdict], action: Literal["draw", "post"], now: datetime
) -> None:
    """Pin what was permitted to videos. The cameos are locked."""
    for cameo, verdict in verdicts.items():
        await fetch(
            """
            INSERT INTO receipts (video_id, cameo_id, grant_id, revision, policy_version, at, action)
            SELECT unnest($1::text[]), $2, $3, $4, $5, $6, $7
            """,
            list(video_ids),
            cameo,
            verdict.grant_id,
            verdict.grant_revision,
            POLICY_VERSION,
            now,
            action,
        )


async def use_events(rows: Sequence[VideoRow], action: Action) -> list[tuple[str, dict[str, Any]]]:
    """What the owner of each cameo of one swarm hears, by account: nothing of what they do themselves."""
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
            {
                "cameo_id": row["id"],
                "cameo_name": row["display_name"],
                "by": row["handle"],
                "action": action.value,
                "video_ids": [item.id for item in rows],
                "prompt": rows[0].prompt,
            },
        )
        for row in found
    ]


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
        FROM receipts r JOIN videos v ON v.id = r.video_id JOIN accounts a ON a.id = v.account_id
        WHERE r.cameo_id = $1 AND r.action = 'draw' AND v.deleted_at IS NULL
            AND v.withheld IS DISTINCT FROM 'tombstone' AND withdrawal_of(v.id) IS DISTINCT FROM 'tombstone'
        ORDER BY r.id DESC LIMIT $2
        """,
        cameo_id,
        MAX_USES,
    )
    return [CameoUse(**{**row, "at": int(row["at"].timestamp())}) for row in rows]


async def delete_use(cameo_id: str, account: str, video_id: str, now: datetime) -> None:
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
        await revocations.record(cameo_id, account, RevokeMode.TOMBSTONE, now, video=video_id)
