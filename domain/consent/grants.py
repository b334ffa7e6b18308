"""Consent records: asked for, answered, revoked. Each change is a new revision, which the database checks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from db.engine import dumps, exists, fetch, fetch_one, transaction
from domain.consent.policy import ASK_AGAIN_AFTER_S, GRANT_EDGES, POLICY_VERSION
from domain.events import stream
from domain.ids import new_id
from domain.rate_limits import HOUR, check_rate
from schemas.base import unix_seconds
from schemas.cameos import Audience, CameoStatus, Grant, GrantStatus, RequestCameo, RevokeMode
from schemas.errors import Code, RiffleError
from schemas.events import CameoAccepted, CameoRefused, CameoRequested, CameoRevoked, inbox_stream

ANSWERED: dict[GrantStatus, type[CameoAccepted | CameoRefused | CameoRevoked]] = {
    GrantStatus.ACCEPTED: CameoAccepted,
    GrantStatus.REFUSED: CameoRefused,
    GrantStatus.REVOKED: CameoRevoked,
}
# Asking is free, so it is bounded: twenty owners an hour are asked by somebody who means it.
REQUESTS_PER_HOUR = 20
# An inbox of requests; older ones have long been answered.
MAX_REQUESTS = 500
# What a revision `g` by account `a` says; the words of who has left are read by nobody.
WORDS = """
    CASE WHEN a.deleted_at IS NULL THEN g.scope ELSE g.scope - 'prompt' END AS scope,
    CASE WHEN a.deleted_at IS NULL THEN g.message END AS message
"""
# Written down as expired in one go; what has run out counts as such before that too.
DUE_BATCH = 100


async def check_request_rate(grantee: str, *, now: datetime) -> None:
    """Refuse a request by somebody who asks too much. Runs in the caller's transaction.

    Raises:
        RiffleError: rate_limited.
    """
    # Not the row of the account: cameos are locked before accounts, and here the cameo comes next.
    await fetch("SELECT pg_advisory_xact_lock(hashtextextended('cameo request ' || $1, 0))", grantee)
    await check_rate(
        "requests",
        "grants WHERE grantee_id = $1 AND revision = 1",
        grantee,
        limit=REQUESTS_PER_HOUR,
        window=HOUR,
        at="at",
        now=now,
    )


async def request(cameo_id: str, grantee: str, request: RequestCameo, *, now: datetime) -> Grant:
    """Ask the owner, whose inbox gets `cameo.requested`.

    Raises:
        RiffleError: not_found; invalid_request, for an own cameo or an end in the past; invalid_state, for a
            revoked one; consent_refused, where its owner takes no requests; conflict, where one is pending or
            was refused less than a day ago.
    """
    async with transaction():
        row = await lock_cameo(cameo_id)
        await _check_request(row, grantee, request, now=now)
        grant_id = new_id("grant")
        await fetch(
            """
            INSERT INTO grants
                (grant_id, revision, cameo_id, grantee_id, status, scope, message, actor_id, at,
                policy_version)
            VALUES ($1, 1, $2, $3, 'pending', $4::jsonb, $5, $3, $6, $7)
            """,
            grant_id,
            cameo_id,
            grantee,
            dumps(request.scope),
            request.message,
            now,
            POLICY_VERSION,
        )
        made = await _one(grant_id, now=now)
        await stream.append(inbox_stream(row["account_id"]), CameoRequested(grant=made), now=now)
        return made


async def _check_request(row: dict[str, Any], grantee: str, request: RequestCameo, *, now: datetime) -> None:
    if row["account_id"] == grantee:
        raise RiffleError(Code.INVALID_REQUEST, "this is your own cameo: you need not ask")
    # Before anything else is said of it: who is blocked learns nothing.
    blocked = await exists(
        "SELECT FROM blocks WHERE (blocker_id, blocked_id) IN (($1, $2), ($2, $1))",
        row["account_id"],
        grantee,
    )
    if blocked:
        raise unknown_cameo(row["id"])
    if row["status"] == CameoStatus.REVOKED:
        raise RiffleError(Code.INVALID_STATE, "the cameo is revoked: it can't be used any more")
    if row["audience"] == Audience.ONLY_ME:
        raise RiffleError(Code.CONSENT_REFUSED, "its owner lends this cameo to nobody")
    if request.scope.until is not None and request.scope.until <= now.timestamp():
        raise RiffleError(Code.INVALID_REQUEST, "scope.until lies in the past", param="scope.until")
    if request.scope.trend is not None and not await exists(
        "SELECT FROM trends WHERE id = $1", request.scope.trend
    ):
        raise RiffleError(Code.NOT_FOUND, f"there is no trend `{request.scope.trend}`", param="scope.trend")
    if request.scope.video_id is not None and not await exists(
        "SELECT FROM videos WHERE id = $1 AND account_id = $2 AND cameos @> ARRAY[$3] AND deleted_at IS NULL",
        request.scope.video_id,
        grantee,
        row["id"],
    ):
        raise RiffleError(
            Code.NOT_FOUND,
            f"there is no video `{request.scope.video_id}` of yours with this cameo",
            param="scope.video_id",
        )
    earlier = await fetch(
        """
        SELECT h.grant_id, h.status, h.changed_at, g.scope
        FROM grant_heads h JOIN grants g USING (grant_id, revision)
        WHERE h.cameo_id = $1 AND h.grantee_id = $2 AND h.status IN ('pending', 'refused')
        """,
        row["id"],
        grantee,
    )
    for found in earlier:
        until = msgspec.json.decode(found["scope"]).get("until")
        if found["status"] == GrantStatus.PENDING:
            if until is None or until > now.timestamp():
                raise RiffleError(Code.CONFLICT, f"{found['grant_id']} still awaits an answer")
            await revise(found["grant_id"], GrantStatus.EXPIRED, None, now=now)
        elif (wait_s := ASK_AGAIN_AFTER_S - (now - found["changed_at"]).total_seconds()) > 0:
            raise RiffleError(
                Code.CONFLICT, "this was refused lately: ask again later", retry_after_s=int(wait_s) + 1
            )


async def answer(grant_id: str, owner: str, accept: bool, *, now: datetime) -> Grant:
    """Accept or refuse a pending request for an own cameo; the grantee's inbox gets an event.

    Raises:
        RiffleError: not_found; invalid_state, where it is not pending any more.
    """
    async with transaction():
        found = await fetch_one(
            """
            SELECT c.id FROM grant_heads h JOIN cameos c ON c.id = h.cameo_id
            WHERE h.grant_id = $1 AND c.account_id = $2
            """,
            grant_id,
            owner,
        )
        if found is None:
            raise RiffleError(Code.NOT_FOUND, f"there is no request `{grant_id}`")
        # The cameo's lock stands before those of its grants, everywhere.
        await lock_cameo(found["id"], owner)
        grant = await _one(grant_id, now=now)
        status = GrantStatus.ACCEPTED if accept else GrantStatus.REFUSED
        if status not in GRANT_EDGES[grant.status]:
            raise RiffleError(Code.INVALID_STATE, f"the request is {grant.status} already")
        await revise(grant_id, status, owner, now=now)
        await notify_grantee(grant_id, status, now=now)
        return await _one(grant_id, now=now)


async def revise(
    grant_id: str, status: GrantStatus, actor: str | None, mode: RevokeMode | None = None, *, now: datetime
) -> None:
    """Append the next revision; the database refuses what is no legal step. `mode` is how it is revoked."""
    await fetch(
        """
        INSERT INTO grants (grant_id, revision, cameo_id, grantee_id, status, scope, message, actor_id, at,
            policy_version, mode)
        SELECT grant_id, revision + 1, cameo_id, grantee_id, $2, scope, message, $3, $4, policy_version, $5
        FROM grants WHERE grant_id = $1 ORDER BY revision DESC LIMIT 1
        """,
        grant_id,
        status.value,
        actor,
        now,
        None if mode is None else mode.value,
    )


async def due_to_expire(besides: Sequence[str] = (), *, now: datetime) -> list[tuple[str, str]]:
    """(cameo, grant) of open grants that have run out by `now`, at most DUE_BATCH, none of `besides`."""
    rows = await fetch(
        """
        SELECT h.cameo_id, h.grant_id FROM grant_heads h JOIN grants g USING (grant_id, revision)
        WHERE h.status IN ('pending', 'accepted') AND g.scope ->> 'until' IS NOT NULL
            AND (g.scope ->> 'until')::bigint <= $1 AND h.grant_id <> ALL ($3::text[])
        ORDER BY h.cameo_id, h.grant_id LIMIT $2
        """,
        int(now.timestamp()),
        DUE_BATCH,
        list(besides),
    )
    return [(row["cameo_id"], row["grant_id"]) for row in rows]


async def expire(cameo_id: str, grant_id: str, *, now: datetime) -> None:
    """Write down that a grant has run out, unless it has ended in another way meanwhile."""
    async with transaction():
        await lock_cameo(cameo_id)
        if await exists(
            "SELECT FROM grant_heads WHERE grant_id = $1 AND status IN ('pending', 'accepted')", grant_id
        ):
            await revise(grant_id, GrantStatus.EXPIRED, None, now=now)


async def notify_grantee(grant_id: str, status: GrantStatus, *, now: datetime) -> None:
    """Append what became of a grant to its grantee's inbox."""
    found = await fetch_one("SELECT grantee_id FROM grant_heads WHERE grant_id = $1", grant_id)
    assert found is not None
    grant = await _one(grant_id, now=now)
    await stream.append(inbox_stream(found["grantee_id"]), ANSWERED[status](grant=grant), now=now)


async def list_requests(account: str, role: Literal["owner", "grantee"], *, now: datetime) -> list[Grant]:
    """What others asked of me (`owner`) or I of them (`grantee`): those that wait first, then by age."""
    mine = "c.account_id = $1" if role == "owner" else "h.grantee_id = $1"
    order = "(h.status = 'pending') DESC, h.requested_at DESC, h.grant_id"
    return await _select(f"{mine} ORDER BY {order} LIMIT {MAX_REQUESTS}", account, now=now)


async def get_own_request(grant_id: str, grantee: str, *, now: datetime) -> Grant:
    """A request that one has made, as it stands.

    Raises:
        RiffleError: not_found.
    """
    found = await _select("h.grant_id = $1 AND h.grantee_id = $2", grant_id, grantee, now=now)
    if not found:
        raise RiffleError(Code.NOT_FOUND, f"there is no request `{grant_id}`")
    return found[0]


async def lock_cameo(cameo_id: str, owner: str | None = None) -> dict[str, Any]:
    """The row of a cameo, locked until the transaction ends; `owner` None takes anybody's.

    Raises:
        RiffleError: not_found.
    """
    found = await fetch_one("SELECT * FROM cameos WHERE id = $1 FOR NO KEY UPDATE", cameo_id)
    if found is None or (owner is not None and found["account_id"] != owner):
        raise unknown_cameo(cameo_id)
    return found


def unknown_cameo(cameo_id: str) -> RiffleError:
    """The error for a cameo that is not there or not theirs."""
    return RiffleError(Code.NOT_FOUND, f"there is no cameo `{cameo_id}`")


async def _select(where: str, *args: object, now: datetime) -> list[Grant]:
    rows = await fetch(
        f"""
        SELECT h.grant_id AS id, h.cameo_id, c.display_name AS cameo_name, a.handle AS grantee, h.status,
            {WORDS}, h.revision, h.requested_at AS at, g.policy_version
        FROM grant_heads h JOIN grants g USING (grant_id, revision) JOIN cameos c ON c.id = h.cameo_id
        JOIN accounts a ON a.id = h.grantee_id WHERE {where}
        """,
        *args,
    )
    return [_grant(row, now=now) for row in rows]


async def _one(grant_id: str, *, now: datetime) -> Grant:
    return (await _select("h.grant_id = $1", grant_id, now=now))[0]


def _grant(row: dict[str, Any], *, now: datetime) -> Grant:
    """The wire form. What has run out by `now` reads as expired, though no revision says so yet."""
    row["scope"] = msgspec.json.decode(row["scope"])
    row["created_at"] = unix_seconds(row.pop("at"))
    row["expires_at"] = row["scope"].get("until")
    grant = msgspec.convert(row, Grant)
    out = now is not None and grant.expires_at is not None and grant.expires_at <= now.timestamp()
    if out and GrantStatus.EXPIRED in GRANT_EDGES[grant.status]:
        grant.status = GrantStatus.EXPIRED
    return grant
