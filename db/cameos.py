"""Cameos and the consent given for them: one revision after another, none of them ever changed."""

from __future__ import annotations

from datetime import datetime

import msgspec

from core.ids import new_id
from db import consent, grants, jobs
from db.consent import facts as facts
from db.engine import dumps, exists, fetch, fetch_one, transaction
from db.grants import answer as answer
from db.grants import ledger as ledger
from db.grants import request as request
from db.grants import requests as requests
from db.rows import select
from schemas.cameos import Cameo, CameoStatus, CreateCameo, GrantStatus, PatchCameo, RevokeCameo, Use
from schemas.errors import Code, RiffleError

# What a screen of uses shows; older ones are in the ledger of grants.
MAX_USES = 500


async def create(account: str, wish: CreateCameo, now: datetime) -> Cameo:
    """A new cameo. The first is called like its owner, the next ones get a number."""
    async with transaction():
        # The account's lock keeps two cameos made at once from getting one handle.
        owner = await fetch_one("SELECT handle FROM accounts WHERE id = $1 FOR NO KEY UPDATE", account)
        assert owner is not None
        made = await fetch_one("SELECT count(*) AS n FROM cameos WHERE account_id = $1", account)
        number = made["n"] + 1 if made else 1
        handle = owner["handle"] if number == 1 else f"{owner['handle']}.{number}"
        cameo_id = new_id("cameo")
        await fetch(
            """
            INSERT INTO cameos (id, account_id, handle, display_name, audience, status, restrictions,
                revision, created_at)
            VALUES ($1, $2, $3, $4, $5, 'active', $6::jsonb, 1, $7)
            """,
            cameo_id,
            account,
            handle,
            wish.display_name,
            wish.audience.value,
            dumps(wish.restrictions),
            now,
        )
        return await get(cameo_id, account)


async def get(cameo_id: str, viewer: str) -> Cameo:
    """A cameo; its restrictions only to its owner. Who is blocked sees none.

    Raises:
        RiffleError: not_found.
    """
    rows = await _select(
        "c.id = $1 AND NOT EXISTS (SELECT FROM blocks WHERE (blocker_id, blocked_id)"
        " IN ((c.account_id, $2), ($2, c.account_id)))",
        viewer,
        cameo_id,
        viewer,
    )
    if not rows:
        raise grants.unknown_cameo(cameo_id)
    return rows[0]


async def list_own(account: str) -> list[Cameo]:
    """One's own cameos, revoked ones too, oldest first."""
    return await _select("c.account_id = $1 ORDER BY c.created_at, c.id", account, account)


async def patch(cameo_id: str, account: str, wish: PatchCameo, now: datetime) -> Cameo:
    """Change an own cameo: a new revision. Running videos that it no longer allows are ended.

    Raises:
        RiffleError: not_found; invalid_state, where it is revoked.
    """
    async with transaction():
        row = await grants.lock_cameo(cameo_id, account)
        if row["status"] == CameoStatus.REVOKED:
            raise RiffleError(Code.INVALID_STATE, "the cameo is revoked: it can't be changed any more")
        await fetch(
            """
            UPDATE cameos SET revision = revision + 1, display_name = coalesce($2, display_name),
                audience = coalesce($3, audience), restrictions = coalesce($4::jsonb, restrictions)
            WHERE id = $1
            """,
            cameo_id,
            wish.display_name,
            None if wish.audience is None else wish.audience.value,
            None if wish.restrictions is None else dumps(wish.restrictions),
        )
        await _end_refused(cameo_id, now)
        return await get(cameo_id, account)


async def revoke(cameo_id: str, account: str, wish: RevokeCameo, now: datetime) -> Cameo:
    """Withdraw one grant, one person's grants, or (with no field) the whole cameo, which is final.

    Running videos that rest on it are ended, and posts that do are not shown any more.

    Raises:
        RiffleError: not_found, where there is no such cameo, grant or person with a grant.
    """
    async with transaction():
        row = await grants.lock_cameo(cameo_id, account)
        whole = wish.grant_id is None and wish.grantee is None
        open_grants = await fetch(
            """
            SELECT h.grant_id FROM grant_heads h JOIN accounts a ON a.id = h.grantee_id
            WHERE h.cameo_id = $1 AND h.status IN ('pending', 'accepted')
                AND ($2::text IS NULL OR h.grant_id = $2) AND ($3::text IS NULL OR a.handle = $3)
            ORDER BY h.grantee_id, h.grant_id
            """,
            cameo_id,
            wish.grant_id,
            wish.grantee,
        )
        if not open_grants and not whole:
            raise RiffleError(Code.NOT_FOUND, "there is no such grant that could be revoked")
        if whole and row["status"] != CameoStatus.REVOKED:
            await fetch(
                "UPDATE cameos SET revision = revision + 1, status = 'revoked' WHERE id = $1", cameo_id
            )
        for found in open_grants:
            await grants.revise(found["grant_id"], GrantStatus.REVOKED, account, now)
        await _end_refused(cameo_id, now)
        for found in open_grants:
            await grants.tell_grantee(found["grant_id"], GrantStatus.REVOKED, now)
        return await get(cameo_id, account)


async def _end_refused(cameo_id: str, now: datetime) -> None:
    """End running videos with this cameo that consent no longer covers."""
    rows = await select(
        """
        v.status IN ('queued', 'in_progress') AND v.cameos @> ARRAY[$1::text]
        ORDER BY v.id FOR NO KEY UPDATE OF v
        """,
        cameo_id,
    )
    verdicts = await consent.verdicts_of(rows, now)
    for row in sorted(rows, key=jobs.by_account):
        verdict = verdicts[row.id][cameo_id]
        if not verdict.allowed:
            await jobs.withdraw([row], verdict.reason, now)


async def uses(cameo_id: str, account: str) -> list[Use]:
    """Every video with an own cameo, drafts too, newest first.

    Raises:
        RiffleError: not_found.
    """
    if not await exists("SELECT FROM cameos WHERE id = $1 AND account_id = $2", cameo_id, account):
        raise grants.unknown_cameo(cameo_id)
    rows = await fetch(
        """
        SELECT v.id AS video_id, a.handle AS by, v.prompt, v.status, v.post_id, r.at
        FROM receipts r JOIN videos v ON v.id = r.video_id JOIN accounts a ON a.id = v.account_id
        WHERE r.cameo_id = $1 AND v.deleted_at IS NULL ORDER BY r.id DESC LIMIT $2
        """,
        cameo_id,
        MAX_USES,
    )
    return [Use(**{**row, "at": int(row["at"].timestamp())}) for row in rows]


async def _select(where: str, viewer: str, *args: object) -> list[Cameo]:
    rows = await fetch(
        f"""
        SELECT c.id, c.account_id, c.handle, a.handle AS owner, c.display_name, c.audience, c.status,
            c.revision, c.created_at, c.restrictions
        FROM cameos c JOIN accounts a ON a.id = c.account_id WHERE {where}
        """,
        *args,
    )
    for row in rows:
        row["created_at"] = int(row["created_at"].timestamp())
        own = row.pop("account_id") == viewer
        row["restrictions"] = msgspec.json.decode(row["restrictions"]) if own else None
    return [msgspec.convert(row, Cameo) for row in rows]
