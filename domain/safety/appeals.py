"""Refusals that were recorded, the appeals against them, and what moderators decide."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from db.engine import dumps, fetch, fetch_one, transaction
from domain.ids import new_id
from domain.rate_limits import DAY, check_rate
from domain.safety.admin import audit_log
from domain.safety.lineage_texts import LineageTexts
from schemas.base import unix_seconds
from schemas.errors import Code, RiffleError
from schemas.moderation import Appeal, AppealStatus, CreateAppeal

# A person who appeals everything appeals nothing.
APPEALS_PER_DAY = 20
MAX_APPEALS = 200


async def record_refusal(
    request_id: str, account: str, lineage: LineageTexts, rules: Sequence[str], *, now: datetime
) -> None:
    """Keep a refusal, so that it can be appealed by the id of its request."""
    await fetch(
        """
        INSERT INTO refusals (request_id, account_id, texts, texts_hash, rules, at)
        VALUES ($1, $2, $3::jsonb, $4, $5::jsonb, $6) ON CONFLICT (request_id) DO NOTHING
        """,
        request_id,
        account,
        dumps(lineage.texts),
        lineage.digest(),
        dumps(list(rules)),
        now,
    )


async def waived_rules(account: str, lineage: LineageTexts) -> frozenset[str]:
    """The rules that an upheld appeal of this account has taken off these very texts."""
    rows = await fetch(
        """
        SELECT r.rules FROM refusals r JOIN appeals a USING (request_id)
        WHERE r.account_id = $1 AND r.texts_hash = $2 AND a.status = 'upheld'
        """,
        account,
        lineage.digest(),
    )
    return frozenset(rule for row in rows for rule in msgspec.json.decode(row["rules"]))


async def file(account: str, request: CreateAppeal, *, now: datetime) -> Appeal:
    """Appeal a refusal of one's own, once.

    Raises:
        RiffleError: not_found (no such refusal of theirs); conflict, where it was appealed; rate_limited.
    """
    async with transaction():
        # The row of the account makes the count and the insert one step.
        await fetch("SELECT FROM accounts WHERE id = $1 FOR NO KEY UPDATE", account)
        found = await fetch_one(
            """
            SELECT r.request_id, a.id AS appealed FROM refusals r LEFT JOIN appeals a USING (request_id)
            WHERE r.request_id = $1 AND r.account_id = $2
            """,
            request.request_id,
            account,
        )
        if found is None:
            raise RiffleError(
                Code.NOT_FOUND, f"no refusal of yours has the id `{request.request_id}`", param="request_id"
            )
        if found["appealed"] is not None:
            raise RiffleError(Code.CONFLICT, f"this is appealed already as {found['appealed']}")
        await check_rate(
            "appeals",
            "appeals WHERE account_id = $1",
            account,
            limit=APPEALS_PER_DAY,
            window=DAY,
            now=now,
        )
        appeal_id = new_id("appeal")
        await fetch(
            """
            INSERT INTO appeals (id, request_id, account_id, reason, status, created_at)
            VALUES ($1, $2, $3, $4, 'open', $5)
            """,
            appeal_id,
            request.request_id,
            account,
            request.reason,
            now,
        )
        return (await _select("a.id = $1", appeal_id))[0]


async def list_own(account: str) -> list[Appeal]:
    """One's own appeals, newest first."""
    return await _select(f"a.account_id = $1 ORDER BY a.created_at DESC, a.id LIMIT {MAX_APPEALS}", account)


async def decide(appeal_id: str, uphold: bool, note: str, actor: str, *, now: datetime) -> None:
    """A moderator decides an open appeal.

    Raises:
        RiffleError: not_found, where there is no open appeal of this id.
    """
    async with transaction():
        status = AppealStatus.UPHELD if uphold else AppealStatus.REJECTED
        changed = await fetch(
            """
            UPDATE appeals SET status = $2, decided_at = $3, decided_by = $4, note = $5
            WHERE id = $1 AND status = 'open' RETURNING id
            """,
            appeal_id,
            status.value,
            now,
            actor,
            note,
        )
        if not changed:
            raise RiffleError(Code.NOT_FOUND, f"there is no open appeal `{appeal_id}`")
        await audit_log.record(actor, f"appeal.{status}", appeal_id, note=note, now=now)


async def _select(where: str, *args: object) -> list[Appeal]:
    rows = await fetch(
        f"""
        SELECT a.id, a.request_id, r.rules, a.reason, a.status, a.created_at, a.decided_at, a.note
        FROM appeals a JOIN refusals r USING (request_id) WHERE {where}
        """,
        *args,
    )
    for row in rows:
        row["rules"] = msgspec.json.decode(row["rules"])
        for name in ("created_at", "decided_at"):
            row[name] = None if row[name] is None else unix_seconds(row[name])
    return msgspec.convert(rows, list[Appeal])
