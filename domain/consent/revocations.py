"""Consent taken back: recorded, announced, and in force at once.

What a revocation does to posts, drafts and media by its mode is carried out in `domain.consent.cascades`;
until that has come to a video, reads ask the revocations themselves.
"""

from __future__ import annotations

from datetime import datetime

from db.engine import fetch, fetch_one, transaction
from domain import media_keys
from domain.consent import grants
from domain.events import stream
from domain.videos import transitions
from domain.videos.record import select
from schemas.cameos import CameoStatus, GrantStatus, RevokeCameo, RevokeMode
from schemas.errors import Code, RiffleError
from schemas.events import VideoWithdrawn, WithdrawalReason, video_stream

# Nobody has older posts on the screen; 0.1 ms each.
MAX_READ_AGAIN = 500


async def revoke(cameo_id: str, account: str, request: RevokeCameo, *, now: datetime) -> None:
    """Withdraw one grant, one person's leave, or (with neither) the whole cameo, which is final.

    From then on no reading shows what the mode reaches, and running videos that rest on it are ended here;
    posts, copies and media follow by `domain.consent.cascades`. A stronger mode can come later.

    Raises:
        RiffleError: not_found, where there is no such cameo, grant or person.
    """
    async with transaction():
        row = await grants.lock_cameo(cameo_id, account)
        grantee = await find_grantee(request, account)
        if request.grant_id is not None:
            await check_grant(request.grant_id, cameo_id, grantee)
        open_grants = await fetch(
            """
            SELECT grant_id FROM grant_heads
            WHERE cameo_id = $1 AND status IN ('pending', 'accepted')
                AND ($2::text IS NULL OR grant_id = $2) AND ($3::text IS NULL OR grantee_id = $3)
            ORDER BY grantee_id, grant_id
            """,
            cameo_id,
            request.grant_id,
            grantee,
        )
        whole = request.grant_id is None and grantee is None
        if whole and row["status"] != CameoStatus.REVOKED:
            await fetch(
                "UPDATE cameos SET revision = revision + 1, status = 'revoked' WHERE id = $1", cameo_id
            )
        for found in open_grants:
            await grants.revise(found["grant_id"], GrantStatus.REVOKED, account, request.mode, now=now)
        # One named target: a grant says more than the person that it was given to.
        await record(
            cameo_id,
            account,
            request.mode,
            grantee=None if request.grant_id is not None else grantee,
            grant=request.grant_id,
            now=now,
        )
        if whole:
            # Nothing can be proven of a cameo that has ended.
            await drop_proofs(cameo_id)
        if whole and request.mode is RevokeMode.TOMBSTONE:
            await drop_reference(cameo_id)
        for found in open_grants:
            await grants.notify_grantee(found["grant_id"], GrantStatus.REVOKED, now=now)


async def record(
    cameo_id: str,
    account: str,
    mode: RevokeMode,
    *,
    grantee: str | None = None,
    grant: str | None = None,
    video: str | None = None,
    now: datetime,
) -> None:
    """Write a revocation of a locked cameo, end what runs against it, and queue its cascade."""
    made = await fetch_one(
        """
        INSERT INTO revocations (cameo_id, grantee_id, grant_id, video_id, mode, actor_id, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id
        """,
        cameo_id,
        grantee,
        grant,
        video,
        mode.value,
        account,
        now,
    )
    assert made is not None
    await end_refused(cameo_id, now=now)
    if mode is not RevokeMode.BLOCK_NEW:
        await fetch("INSERT INTO cascades (revocation_id, began_at) VALUES ($1, $2)", made["id"], now)
        await stream.notify(stream.SWEEP)


async def end_refused(cameo_id: str, *, now: datetime) -> None:
    """End running videos with this cameo that consent no longer covers."""
    rows = await select(
        """
        v.status IN ('queued', 'in_progress') AND v.cameos @> ARRAY[$1::text]
        ORDER BY v.id FOR NO KEY UPDATE OF v
        """,
        cameo_id,
    )
    await transitions.withdraw_refused(rows, now)


async def tell_watchers(
    *, cameo: str | None = None, between: tuple[str, str] | None = None, now: datetime
) -> None:
    """Tell who looks at posts with a cameo to read them again: consent to show them may have ended.

    They are those with `cameo` by others than its owner, or by one of two people with a cameo of the other's,
    the newest MAX_READ_AGAIN. An event is no verdict, so one too many does no harm.
    """
    rows = await fetch(
        """
        SELECT v.id FROM posts p JOIN videos v ON v.post_id = p.id WHERE v.withheld IS NULL AND EXISTS (
            SELECT FROM cameos c WHERE c.id = ANY (v.cameos) AND c.account_id <> v.account_id
                AND (c.id = $1 OR (v.account_id, c.account_id) IN (($2, $3), ($3, $2)))
        ) AND ($1::text IS NULL OR v.cameos @> ARRAY[$1]) AND ($2::text IS NULL OR v.account_id IN ($2, $3))
        ORDER BY p.created_at DESC, p.id LIMIT $4
        """,
        cameo,
        *(between or (None, None)),
        MAX_READ_AGAIN,
    )
    hidden = VideoWithdrawn(reason=WithdrawalReason.HIDDEN)
    await stream.append_to_all([video_stream(row["id"]) for row in rows], hidden, now=now)


async def drop_reference(cameo_id: str) -> None:
    """Let go of a locked cameo's picture; its hash stays in the records."""
    found = await fetch(
        "SELECT reference_key FROM cameos WHERE id = $1 AND reference_key IS NOT NULL", cameo_id
    )
    await fetch("UPDATE cameos SET reference_key = NULL WHERE id = $1", cameo_id)
    await media_keys.discard([row["reference_key"] for row in found])


async def drop_proofs(cameo_id: str) -> None:
    """Let go of the proof clips of a locked cameo; what was decided, and their hashes, stay."""
    found = await fetch(
        "SELECT media_key FROM proofs WHERE cameo_id = $1 AND media_key IS NOT NULL", cameo_id
    )
    await fetch("UPDATE proofs SET media_key = NULL WHERE cameo_id = $1", cameo_id)
    await media_keys.discard([row["media_key"] for row in found])


async def find_grantee(request: RevokeCameo, account: str) -> str | None:
    """The account of the person that a request names; None where it names none.

    Raises:
        RiffleError: not_found.
    """
    if request.grantee is None:
        return None
    found = await fetch_one("SELECT id FROM accounts WHERE handle = $1", request.grantee)
    if found is None or found["id"] == account:
        raise RiffleError(
            Code.NOT_FOUND, f"nobody called `{request.grantee}` could be refused", param="grantee"
        )
    return str(found["id"])


async def check_grant(grant_id: str, cameo_id: str, grantee: str | None) -> None:
    """Refuse a grant that is not of this cameo, or not to this person.

    Raises:
        RiffleError: not_found.
    """
    found = await fetch_one("SELECT cameo_id, grantee_id FROM grant_heads WHERE grant_id = $1", grant_id)
    theirs = found is not None and (grantee is None or found["grantee_id"] == grantee)
    if found is None or found["cameo_id"] != cameo_id or not theirs:
        raise RiffleError(Code.NOT_FOUND, "there is no such grant that could be revoked", param="grant_id")
