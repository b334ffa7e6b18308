"""Texts of a lineage before the rules: what is refused, kept so that it can be appealed, and the appeals."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from db.engine import dumps, fetch, fetch_one, transaction
from domain.ids import new_id
from domain.safety import registry
from domain.safety.admin import audit_log
from domain.safety.name_match import Hit
from domain.safety.rules import Finding, judge
from schemas.errors import Code, RiffleError
from schemas.moderation import Appeal, AppealStatus, CreateAppeal

# Longer lineages are refused as a whole: 500 prompts of 1,000 characters take 2.5 seconds of a core (5 ms
# each). Chains of one person's remixes end far below it.
MAX_VIDEOS = 500
# A person who appeals everything appeals nothing.
APPEALS_PER_DAY = 20
MAX_APPEALS = 200
REGISTRY_RULE = "registry"


class Texts(NamedTuple):
    """The texts of a lineage, newest first, the cameos whose likeness can be in it, and its videos."""

    texts: list[str]
    cameos: list[str]
    videos: list[str]


class Judgement(NamedTuple):
    """What refuses a lineage: rules of domain.safety.rules, and names of the registry."""

    findings: list[Finding]
    hits: list[Hit]
    waived: frozenset[str] = frozenset()

    @property
    def rules(self) -> list[str]:
        """Every rule by name; that of an entry is `registry:<id>`."""
        return [item.rule for item in self.findings] + [
            f"{REGISTRY_RULE}:{hit.entry.id}" for hit in self.hits
        ]


async def lineage(own: Sequence[str], parents: Sequence[str], cameos: Sequence[str]) -> Texts:
    """`own` texts and all those of the videos that they rest on: prompts, and captions of their posts.

    Raises:
        RiffleError: invalid_state, where the lineage is longer than can be looked through.
    """
    rows = await fetch(
        """
        WITH RECURSIVE up(id, depth) AS (
            SELECT unnest($1::text[]), 1
            UNION SELECT s.parent_id, depth + 1 FROM sources s JOIN up ON s.child_id = up.id
        )
        SELECT v.id, v.prompt, v.cameos, array(
            SELECT p.caption FROM posts p WHERE p.video_id = v.id AND p.deleted_at IS NULL
        ) AS captions
        FROM (SELECT id, min(depth) AS depth FROM up GROUP BY id) a JOIN videos v USING (id)
        ORDER BY a.depth, v.id LIMIT $2
        """,
        list(parents),
        MAX_VIDEOS + 1,
    )
    if len(rows) > MAX_VIDEOS:
        raise RiffleError(Code.INVALID_STATE, "this was remixed too often to be looked through: start anew")
    told = [*own, *(text for row in rows for text in (row["prompt"], *row["captions"]))]
    inside = [*cameos, *(cameo for row in rows for cameo in row["cameos"])]
    return Texts(
        list(dict.fromkeys(text for text in told if text)),
        list(dict.fromkeys(inside)),
        [row["id"] for row in rows],
    )


async def judged(lineage: Texts, account: str, now: datetime) -> Judgement:
    """What refuses these texts for this person; an upheld appeal takes its rules away."""
    matcher = await registry.matcher()
    # A long lineage takes seconds, in which others are served.
    named = await asyncio.to_thread(matcher.find, lineage.texts)
    findings = await asyncio.to_thread(judge, lineage.texts, bool(lineage.cameos or named))
    hits = await registry.refused(named, account, now)
    rows = await fetch(
        """
        SELECT r.rules FROM refusals r JOIN appeals a USING (request_id)
        WHERE r.account_id = $1 AND r.texts_hash = $2 AND a.status = 'upheld'
        """,
        account,
        _hash(lineage.texts),
    )
    waived = frozenset(rule for row in rows for rule in msgspec.json.decode(row["rules"]))
    return Judgement(
        [item for item in findings if item.rule not in waived],
        [hit for hit in hits if f"{REGISTRY_RULE}:{hit.entry.id}" not in waived],
        waived,
    )


async def record(
    request_id: str, account: str, texts: Sequence[str], rules: Sequence[str], now: datetime
) -> None:
    """Keep a refusal, so that it can be appealed by the id of its request."""
    await fetch(
        """
        INSERT INTO refusals (request_id, account_id, texts, texts_hash, rules, at)
        VALUES ($1, $2, $3::jsonb, $4, $5::jsonb, $6) ON CONFLICT (request_id) DO NOTHING
        """,
        request_id,
        account,
        dumps(list(texts)),
        _hash(texts),
        dumps(list(rules)),
        now,
    )


def _hash(texts: Sequence[str]) -> str:
    return hashlib.sha256(msgspec.json.encode(list(texts))).hexdigest()


async def appeal(account: str, wish: CreateAppeal, now: datetime) -> Appeal:
    """Appeal a refusal of one's own, once.

    Raises:
        RiffleError: not_found (no such refusal of theirs); conflict, where it was appealed; rate_limited.
    """
    async with transaction():
        # The row of the account makes the count and the insert one step.
        await fetch("SELECT FROM accounts WHERE id = $1 FOR NO KEY UPDATE", account)
        found = await fetch_one(
            """
            SELECT r.request_id, a.id AS appealed, (
                SELECT count(*) FROM appeals WHERE account_id = $2 AND created_at > $3
            ) AS lately FROM refusals r LEFT JOIN appeals a USING (request_id)
            WHERE r.request_id = $1 AND r.account_id = $2
            """,
            wish.request_id,
            account,
            now - timedelta(days=1),
        )
        if found is None:
            raise RiffleError(
                Code.NOT_FOUND, f"no refusal of yours has the id `{wish.request_id}`", param="request_id"
            )
        if found["appealed"] is not None:
            raise RiffleError(Code.CONFLICT, f"this is appealed already as {found['appealed']}")
        if found["lately"] >= APPEALS_PER_DAY:
            raise RiffleError(
                Code.RATE_LIMITED, f"at most {APPEALS_PER_DAY} appeals a day", retry_after_s=3600
            )
        appeal_id = new_id("appeal")
        await fetch(
            """
            INSERT INTO appeals (id, request_id, account_id, reason, status, created_at)
            VALUES ($1, $2, $3, $4, 'open', $5)
            """,
            appeal_id,
            wish.request_id,
            account,
            wish.reason,
            now,
        )
        return (await _appeals("a.id = $1", appeal_id))[0]


async def appeals(account: str) -> list[Appeal]:
    """One's own appeals, newest first."""
    return await _appeals(f"a.account_id = $1 ORDER BY a.created_at DESC, a.id LIMIT {MAX_APPEALS}", account)


async def decide_appeal(appeal_id: str, uphold: bool, note: str, actor: str, now: datetime) -> None:
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
        await audit_log.record(actor, f"appeal.{status}", appeal_id, now, note=note)


async def _appeals(where: str, *args: object) -> list[Appeal]:
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
            row[name] = None if row[name] is None else int(row[name].timestamp())
    return msgspec.convert(rows, list[Appeal])
