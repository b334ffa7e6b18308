"""What a revocation would do, counted: told before it is asked for, and after it was."""

from __future__ import annotations

from db.engine import fetch_one
from domain.consent import revocations
from domain.consent.grants import unknown_cameo
from schemas.cameos import RevocationReach, RevokeCameo, RevokeMode


async def reach(cameo_id: str, account: str, request: RevokeCameo) -> RevocationReach:
    """The videos with an own cameo that `request` reaches as things stand, hidden ones too.

    Whatever they were allowed by: a grant, an earlier one, an audience. What is deleted counts no more.

    Raises:
        RiffleError: not_found, where there is no such cameo, grant or person.
    """
    owned = await fetch_one("SELECT account_id FROM cameos WHERE id = $1", cameo_id)
    if owned is None or owned["account_id"] != account:
        raise unknown_cameo(cameo_id)
    grantee = await revocations.find_grantee(request, account)
    if request.grant_id is not None:
        await revocations.check_grant(request.grant_id, cameo_id, grantee)
    found = await fetch_one(
        """
        WITH used AS (
            SELECT r.video_id FROM receipts r JOIN videos v ON v.id = r.video_id
            WHERE r.cameo_id = $1 AND ($2::text IS NULL OR r.grant_id = $2)
                AND ($3::text IS NULL OR v.account_id = $3)
        ), reached AS (
            SELECT DISTINCT a.video_id AS id FROM used JOIN ancestors a ON a.ancestor_id = used.video_id
            JOIN receipts r ON r.video_id = a.video_id AND r.cameo_id = $1
        ), standing AS (
            SELECT v.*, greatest(v.withheld, withdrawal_of(v.id)) AS taken
            FROM videos v JOIN reached USING (id)
            WHERE v.deleted_at IS NULL
        )
        SELECT count(*) FILTER (WHERE taken IS DISTINCT FROM 'tombstone') AS videos,
            count(DISTINCT post_id) FILTER (WHERE taken IS DISTINCT FROM 'tombstone') AS posts,
            count(DISTINCT post_id) FILTER (WHERE taken IS NULL) AS shown,
            count(*) FILTER (WHERE status IN ('queued', 'in_progress')) AS running,
            count(DISTINCT account_id) FILTER (WHERE taken IS DISTINCT FROM 'tombstone') AS people
        FROM standing
        """,
        cameo_id,
        request.grant_id,
        # One named target: a grant says more than the person that it was given to.
        None if request.grant_id is not None else grantee,
    )
    assert found is not None
    deletes = request.mode is RevokeMode.TOMBSTONE
    hides = request.mode is RevokeMode.HIDE_POSTS
    return RevocationReach(
        scope="grant" if request.grant_id else "person" if grantee else "cameo",
        mode=request.mode,
        grantee=request.grantee,
        grant_id=request.grant_id,
        videos=found["videos"],
        posts=found["posts"],
        people=found["people"],
        deleted=found["videos"] if deletes else 0,
        hidden=found["shown"] if hides else 0,
        ended=found["running"],
    )
