"""Brings the facts to core.consent: what stands between cameos, their owners and the people who use them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from core.consent import Ask, CameoFacts, Verdict, action_of, decide
from db.engine import fetch
from db.rows import VideoRow


class Pair(NamedTuple):
    """A cameo and who uses it; requests of `swarm` don't count as earlier uses."""

    cameo: str
    requester: str
    swarm: str = ""


async def facts_of(pairs: Sequence[Pair]) -> dict[Pair, CameoFacts]:
    """The facts of each pair whose cameo exists."""
    if not pairs:
        return {}
    rows = await fetch(
        """
        SELECT p.nr, c.id, c.account_id AS owner, c.status, c.audience, c.revision, c.restrictions,
            EXISTS (
                SELECT FROM blocks WHERE (blocker_id, blocked_id) IN
                    ((c.account_id, p.requester), (p.requester, c.account_id))
            ) AS blocked,
            (
                SELECT count(*) = 2 FROM follows WHERE (follower_id, followed_id) IN
                    ((c.account_id, p.requester), (p.requester, c.account_id))
            ) AS mutual,
            (
                SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'id', h.grant_id, 'revision', h.revision, 'status', h.status, 'scope', g.scope, 'used', (
                        SELECT count(DISTINCT v.swarm_id) FROM receipts r JOIN videos v ON v.id = r.video_id
                        WHERE r.grant_id = h.grant_id AND v.status NOT IN ('failed', 'cancelled')
                            AND v.relation IS DISTINCT FROM 'render' AND v.swarm_id <> p.swarm
                    )) ORDER BY h.requested_at, h.grant_id), '[]')
                FROM grant_heads h JOIN grants g USING (grant_id, revision)
                WHERE h.cameo_id = c.id AND h.grantee_id = p.requester
            ) AS grants
        FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS p(cameo, requester, swarm, nr)
        JOIN cameos c ON c.id = p.cameo
        """,
        [pair.cameo for pair in pairs],
        [pair.requester for pair in pairs],
        [pair.swarm for pair in pairs],
    )
    found = {}
    for row in rows:
        pair = pairs[row.pop("nr") - 1]
        for name in ("restrictions", "grants"):
            row[name] = msgspec.json.decode(row[name])
        found[pair] = msgspec.convert(row, CameoFacts)
    return found


async def facts(cameo_ids: Sequence[str], requester: str, now: datetime) -> list[CameoFacts]:
    """What `decide` needs to know of each cameo that exists, for one requester."""
    return list((await facts_of([Pair(cameo, requester) for cameo in cameo_ids])).values())


async def verdicts_of(
    rows: Sequence[VideoRow], now: datetime, action: str | None = None
) -> dict[str, dict[str, Verdict]]:
    """For each video, whether its maker may (still) use each of its cameos; `action` None = to draw it."""
    wanted = {row.id: [Pair(cameo, row.account_id, row.swarm_id) for cameo in row.cameos] for row in rows}
    known = await facts_of(list(dict.fromkeys(pair for pairs in wanted.values() for pair in pairs)))
    found: dict[str, dict[str, Verdict]] = {}
    for row in rows:
        ask = Ask(
            requester=row.account_id,
            action=action or action_of(row.tier, row.relation),
            prompt=row.prompt,
            now=now,
        )
        found[row.id] = {pair.cameo: decide(known[pair], ask) for pair in wanted[row.id]}
    return found


async def covered(rows: Sequence[VideoRow], now: datetime) -> set[str]:
    """The ids of those videos that consent lets be shown to others."""
    verdicts = await verdicts_of(rows, now, "post")
    return {row.id for row in rows if all(verdict.allowed for verdict in verdicts[row.id].values())}
