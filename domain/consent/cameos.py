"""Cameos and the consent given for them: one revision after another, none of them ever changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from db.engine import AWAY, dumps, fetch, fetch_one, transaction
from domain import media_keys
from domain.consent import grants, revocations
from domain.consent.facts import CameoRequester, cameo_facts
from domain.consent.policy import Action, UseRequest, decide
from domain.consent.reach import reach
from domain.ids import new_id
from domain.safety.sketches import save_reference
from domain.videos.visibility import of_minors
from schemas.base import unix_seconds
from schemas.cameos import Cameo, CameoStatus, CreateCameo, PatchCameo, RevokeCameo
from schemas.errors import Code, RiffleError

# Gets the ETag of a picture, None where there is none; raises what keeps it from being changed.
CheckEtag = Callable[[str | None], None]
log = logging.getLogger(__name__)


async def create(account: str, request: CreateCameo, *, cameo_id: str | None = None, now: datetime) -> Cameo:
    """A new cameo, with this id if one is given. The first has its owner's handle, the next get a number."""
    cameo_id = cameo_id or new_id("cameo")
    async with transaction():
        # The account's lock keeps two cameos made at once from getting one handle.
        owner = await fetch_one("SELECT handle FROM accounts WHERE id = $1 FOR NO KEY UPDATE", account)
        assert owner is not None
        made = await fetch_one("SELECT count(*) AS n FROM cameos WHERE account_id = $1", account)
        number = made["n"] + 1 if made else 1
        handle = owner["handle"] if number == 1 else f"{owner['handle']}.{number}"
        await fetch(
            """
            INSERT INTO cameos (id, account_id, handle, display_name, audience, status, restrictions,
                revision, created_at)
            VALUES ($1, $2, $3, $4, $5, 'active', $6::jsonb, 1, $7)
            """,
            cameo_id,
            account,
            handle,
            request.display_name,
            request.audience.value,
            dumps(request.restrictions),
            now,
        )
        return await get(cameo_id, account)


async def get(cameo_id: str, viewer: str) -> Cameo:
    """A cameo; its restrictions only to its owner. Who is blocked sees none.

    Raises:
        RiffleError: not_found.
    """
    rows = await _select(
        "c.id = $1 AND a.deleted_at IS NULL AND NOT EXISTS (SELECT FROM blocks WHERE (blocker_id, blocked_id)"
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


async def patch(cameo_id: str, account: str, request: PatchCameo, *, now: datetime) -> Cameo:
    """Change an own cameo: a new revision. Running videos that it no longer allows are ended.

    Raises:
        RiffleError: not_found; invalid_state, where it is revoked.
    """
    async with transaction():
        row = await grants.lock_cameo(cameo_id, account)
        if row["status"] == CameoStatus.REVOKED:
            raise _unchangeable()
        await fetch(
            """
            UPDATE cameos SET revision = revision + 1, display_name = coalesce($2, display_name),
                audience = coalesce($3, audience), restrictions = coalesce($4::jsonb, restrictions)
            WHERE id = $1
            """,
            cameo_id,
            request.display_name,
            None if request.audience is None else request.audience.value,
            None if request.restrictions is None else dumps(request.restrictions),
        )
        await revocations.end_refused(cameo_id, now=now)
        if request.audience is not None or request.restrictions is not None:
            await revocations.tell_watchers(cameo=cameo_id, now=now)
        return await get(cameo_id, account)


async def revoke(cameo_id: str, account: str, request: RevokeCameo, *, now: datetime) -> Cameo:
    """Withdraw consent as `domain.consent.revocations.revoke` does; the cameo after it, and what it reached.

    Raises:
        RiffleError: not_found, where there is no such cameo, grant or person.
    """
    async with transaction():
        await grants.lock_cameo(cameo_id, account)
        reached = await reach(cameo_id, account, request)
        await revocations.revoke(cameo_id, account, request, now=now)
        return msgspec.structs.replace(await get(cameo_id, account), reached=reached)


async def expire(*, now: datetime, failed: set[str] | None = None) -> int:
    """Write down which grants have run out, and end what runs on them; how many there were (a batch).

    Those that can't be are put into `failed`, and passed over while they are in it.
    """
    failed = set() if failed is None else failed
    due = await grants.due_to_expire(sorted(failed), now=now)
    for cameo_id, grant_id in due:
        try:
            async with transaction():
                await grants.expire(cameo_id, grant_id, now=now)
                await revocations.end_refused(cameo_id, now=now)
                await revocations.tell_watchers(cameo=cameo_id, now=now)
        except AWAY:
            raise
        except Exception:
            log.exception("grant %s can't be expired", grant_id)
            failed.add(grant_id)
    return len(due)


async def set_reference(
    cameo_id: str,
    account: str,
    key: str,
    digest: str,
    *,
    sketches: Sequence[bytes] = (),
    check: CheckEtag = lambda _: None,
    now: datetime,
) -> Cameo:
    """Name the stored picture of an own cameo: a new revision, which holds its SHA-256. The old one goes.

    `sketches` are what its frames look like (media.sketch): copies that others upload are known by them.
    `check` gets the ETag of the picture that there is, and raises what keeps it from being replaced.

    Raises:
        RiffleError: not_found; invalid_state, where the cameo is revoked.
        ReservationLost: storing it took too long.
    """
    async with transaction():
        row = await grants.lock_cameo(cameo_id, account)
        if row["status"] == CameoStatus.REVOKED:
            raise _unchangeable()
        check(await reference_etag(cameo_id))
        await revocations.drop_reference(cameo_id)
        await media_keys.keep([key])
        await fetch(
            """
            UPDATE cameos SET revision = revision + 1, reference_key = $2, reference_hash = $3 WHERE id = $1
            """,
            cameo_id,
            key,
            digest,
        )
        await save_reference(cameo_id, sketches)
        return await get(cameo_id, account)


async def delete_reference(
    cameo_id: str, account: str, *, check: CheckEtag = lambda _: None, now: datetime
) -> Cameo:
    """Take the picture of an own cameo back: a new revision without one. What was drawn with it stays.

    `check` as in `set_reference`.

    Raises:
        RiffleError: not_found, where it has none; invalid_state, where the cameo is revoked.
    """
    async with transaction():
        row = await grants.lock_cameo(cameo_id, account)
        if row["reference_key"] is None:
            raise RiffleError(Code.NOT_FOUND, "this cameo has no picture")
        if row["status"] == CameoStatus.REVOKED:
            raise _unchangeable()
        check(await reference_etag(cameo_id))
        await revocations.drop_reference(cameo_id)
        await fetch(
            "UPDATE cameos SET revision = revision + 1, reference_hash = NULL WHERE id = $1", cameo_id
        )
        return await get(cameo_id, account)


async def reference_etag(cameo_id: str) -> str | None:
    """The entity tag of a cameo's picture, with its quotes; None where it has none. Consent isn't asked."""
    found = await fetch_one(
        "SELECT reference_hash FROM cameos WHERE id = $1 AND reference_key IS NOT NULL", cameo_id
    )
    return None if found is None else f'"{found["reference_hash"]}"'


async def reference(cameo_id: str, viewer: str, *, now: datetime) -> str:
    """The key of a cameo's picture, for its owner and who has a grant for it.

    Raises:
        RiffleError: not_found; consent_refused; taken_down, where a moderator flagged it as a minor's.
    """
    await get(cameo_id, viewer)
    await _check_no_minor(cameo_id)
    found = await fetch_one("SELECT account_id, reference_key FROM cameos WHERE id = $1", cameo_id)
    assert found is not None
    if found["account_id"] != viewer:
        (fact,) = (await cameo_facts([CameoRequester(cameo_id, viewer)])).values()
        verdict = decide(fact, UseRequest(requester=viewer, action=Action.REFERENCE, prompt="", now=now))
        if not verdict.allowed:
            raise RiffleError(Code.CONSENT_REFUSED, f"its picture is not yours to see: {verdict.reason}")
    if found["reference_key"] is None:
        raise RiffleError(Code.NOT_FOUND, "this cameo has no picture")
    return str(found["reference_key"])


async def _check_no_minor(cameo_id: str) -> None:
    if await of_minors([cameo_id]):
        raise RiffleError(Code.TAKEN_DOWN, "it is flagged as a minor's: nobody sees its picture")


def _unchangeable() -> RiffleError:
    return RiffleError(Code.INVALID_STATE, "the cameo is revoked: it can't be changed any more")


async def _select(where: str, viewer: str, *args: object) -> list[Cameo]:
    rows = await fetch(
        f"""
        SELECT c.id, c.account_id, c.handle, a.handle AS owner, c.display_name, c.audience, c.status,
            c.revision, c.created_at, c.restrictions, c.reference_key IS NOT NULL AS has_reference
        FROM cameos c JOIN accounts a ON a.id = c.account_id WHERE {where}
        """,
        *args,
    )
    for row in rows:
        row["created_at"] = unix_seconds(row["created_at"])
        own = row.pop("account_id") == viewer
        row["restrictions"] = msgspec.json.decode(row["restrictions"]) if own else None
    return [msgspec.convert(row, Cameo) for row in rows]
