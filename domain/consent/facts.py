"""Brings the facts to the consent policy: what stands between cameos, owners and the people who use them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from db.engine import fetch
from domain.consent.policy import Action, Ask, CameoFacts, Verdict, action_of, decide
from domain.videos.record import VideoRow
from schemas.cameos import RevokeMode
from schemas.videos import Relation, Source, Tier


class Pair(NamedTuple):
    """A cameo and who uses it; requests of `swarm` don't count as earlier uses."""

    cameo: str
    requester: str
    swarm: str = ""


class LineageFacts(msgspec.Struct, kw_only=True, frozen=True):
    """What videos and all that they come from say together.

    `words` are their prompts and captions, `ancestors` how many they are, `remixed` whether a remix is among
    them, `trend` the one that they stand in, `withdrawn` how the use of a cameo in them was withdrawn.
    """

    words: list[str] = msgspec.field(default_factory=list)
    ancestors: int = 0
    remixed: bool = False
    trend: str | None = None
    withdrawn: dict[str, RevokeMode] = msgspec.field(default_factory=dict)


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
                SELECT max(w.mode) FROM revocations w
                WHERE w.cameo_id = c.id AND num_nonnulls(w.grantee_id, w.grant_id, w.video_id) = 0
            ) AS revoked,
            (
                SELECT w.mode FROM revocations w WHERE w.cameo_id = c.id AND w.grantee_id = p.requester
                ORDER BY w.id DESC LIMIT 1
            ) AS shut_out,
            (
                SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'id', h.grant_id, 'revision', h.revision, 'status', h.status, 'scope', g.scope,
                    'mode', g.mode, 'used', (
                        SELECT count(DISTINCT v.swarm_id) FROM receipts r JOIN videos v ON v.id = r.video_id
                        WHERE r.grant_id = h.grant_id AND r.action = 'draw'
                            AND v.status NOT IN ('failed', 'cancelled')
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


async def lineage_facts(roots: Sequence[Sequence[str]]) -> list[LineageFacts]:
    """For each list of videos what they and all that they come from say together."""
    numbers = [nr for nr, ids in enumerate(roots) for _ in ids]
    if not numbers:
        return [LineageFacts() for _ in roots]
    rows = await fetch(
        """
        WITH root AS (
            SELECT * FROM unnest($1::integer[], $2::text[]) WITH ORDINALITY AS r(nr, id, place)
        ), line AS (
            SELECT DISTINCT root.nr, a.ancestor_id AS id FROM root JOIN ancestors a ON a.video_id = root.id
        ), heads AS (
            SELECT nr, bool_or(v.remixed) AS remixed, (
                array_agg(coalesce(p.trend_id, v.trend_id) ORDER BY place)
                FILTER (WHERE coalesce(p.trend_id, v.trend_id) IS NOT NULL)
            )[1] AS trend
            FROM root JOIN videos v USING (id) LEFT JOIN posts p ON p.id = v.post_id GROUP BY nr
        ), said AS (
            SELECT nr, array_agg(DISTINCT said) AS words FROM (
                SELECT nr, coalesce(v.sealed, v.prompt) AS said FROM line JOIN videos v USING (id)
                -- Steering says more to the model than was typed.
                UNION SELECT nr, v.recipe ->> 'prompt' FROM line JOIN videos v USING (id)
                UNION SELECT nr, p.caption FROM line JOIN posts p ON p.video_id = line.id
                WHERE p.deleted_at IS NULL AND p.caption <> ''
            ) AS texts WHERE said IS NOT NULL GROUP BY nr
        ), back AS (
            SELECT nr, cameo_id, max(w.mode) AS mode FROM line JOIN receipts r ON r.video_id = line.id
            JOIN revocations w USING (cameo_id) WHERE withdrawn(r, w) GROUP BY nr, cameo_id
        )
        SELECT nr, remixed, trend, words, (
            SELECT count(*) FROM line WHERE line.nr = heads.nr
        ) AS ancestors, (
            SELECT coalesce(jsonb_object_agg(cameo_id, mode), '{}') FROM back WHERE back.nr = heads.nr
        ) AS withdrawn FROM heads JOIN said USING (nr)
        """,
        numbers,
        [video for ids in roots for video in ids],
    )
    found = [LineageFacts() for _ in roots]
    for row in rows:
        row["withdrawn"] = msgspec.json.decode(row["withdrawn"])
        found[row.pop("nr")] = msgspec.convert(row, LineageFacts)
    return found


async def verdicts_of(
    rows: Sequence[VideoRow],
    now: datetime,
    action: Action | None = None,
    trend: str | None = None,
    caption: str | None = None,
) -> dict[str, dict[str, Verdict]]:
    """For each video, whether its maker may (still) use each of its cameos; `action` None = to draw it.

    `trend` is the one that it is about to be posted to, under `caption`.
    """
    wanted = {row.id: [Pair(cameo, row.account_id, row.swarm_id) for cameo in row.cameos] for row in rows}
    with_cameos = [row for row in rows if row.cameos]
    found_lineages = await lineage_facts([[row.id] for row in with_cameos])
    lineages = dict(zip((row.id for row in with_cameos), found_lineages, strict=True))
    known = await facts_of(list(dict.fromkeys(pair for pairs in wanted.values() for pair in pairs)))
    found: dict[str, dict[str, Verdict]] = {row.id: {} for row in rows}
    for row in with_cameos:
        ask = Ask(
            requester=row.account_id,
            action=action or action_of(row.tier, row.relation),
            prompt=row.prompt,
            now=now,
            words=[*lineages[row.id].words, *([caption] if caption else [])],
            trend=trend or lineages[row.id].trend,
            video=row.id,
            remixed=row.remixed,
        )
        found[row.id] = _decide_all([known[pair] for pair in wanted[row.id]], ask, lineages[row.id])
    return found


async def verdicts_for(
    requester: str,
    cameo_ids: Sequence[str],
    source: Source | None,
    tier: Tier,
    prompt: str,
    now: datetime,
    *,
    lineage: LineageFacts,
    extra_texts: Sequence[str] = (),
) -> dict[str, Verdict]:
    """Whether a video may be drawn that does not exist yet, by cameo; one that there is not is left out.

    `lineage` says what its sources come from; `extra_texts` is what is said beyond the prompt, such as the
    model's own prompt.
    """
    known = await facts_of([Pair(cameo, requester) for cameo in cameo_ids])
    ask = Ask(
        requester=requester,
        action=action_of(tier, source.relation if source else None),
        prompt=prompt,
        now=now,
        words=[*lineage.words, *extra_texts],
        trend=lineage.trend,
        remixed=is_remixed(lineage, source),
    )
    return _decide_all(list(known.values()), ask, lineage)


def is_remixed(lineage: LineageFacts, source: Source | None) -> bool:
    """Whether a remix is in the making of what is drawn from a source with this lineage."""
    return lineage.remixed or (source is not None and source.relation is not Relation.RENDER)


def _decide_all(cameos: Sequence[CameoFacts], ask: Ask, lineage: LineageFacts) -> dict[str, Verdict]:
    owners = {cameo.owner for cameo in cameos}
    return {
        cameo.id: decide(
            cameo,
            msgspec.structs.replace(
                ask, others=owners != {cameo.owner}, withdrawn=lineage.withdrawn.get(cameo.id)
            ),
        )
        for cameo in cameos
    }


async def inherited(video_ids: Sequence[str]) -> list[str]:
    """The cameos of these videos, which hold those of all that they come from, in order of their ids."""
    rows = await fetch(
        "SELECT DISTINCT unnest(cameos) AS id FROM videos WHERE id = ANY ($1::text[]) ORDER BY 1",
        list(video_ids),
    )
    return [row["id"] for row in rows]
