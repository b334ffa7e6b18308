"""Reads the facts that the consent policy decides by: of cameos, of who uses them, and of lineages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from db.engine import fetch
from domain.consent.policy import CameoFacts
from schemas.cameos import RevokeMode


class CameoRequester(NamedTuple):
    """A cameo and who uses it; requests of `swarm` don't count as earlier uses."""

    cameo: str
    requester: str
    swarm: str = ""


class LineageFacts(msgspec.Struct, kw_only=True, frozen=True):
    """Videos and all that they come from, together.

    `ancestors` is how many they are, `remixed` whether a remix is among them, `trend` the one that they stand
    in, `withdrawn` how the use of a cameo in them was withdrawn.
    """

    ancestors: int = 0
    remixed: bool = False
    trend: str | None = None
    withdrawn: dict[str, RevokeMode] = msgspec.field(default_factory=dict)


async def cameo_facts(pairs: Sequence[CameoRequester]) -> dict[CameoRequester, CameoFacts]:
    """The facts of each pair whose cameo exists."""
    if not pairs:
        return {}
    rows = await fetch(
        """
        SELECT p.nr, c.id, c.account_id AS owner, c.audience,
            -- Whoever leaves takes everything along, at once: the erasure may take a while to come to it.
            CASE WHEN o.deleted_at IS NULL THEN c.status ELSE 'revoked' END AS status, c.revision,
            c.restrictions,
            EXISTS (
                SELECT FROM blocks WHERE (blocker_id, blocked_id) IN
                    ((c.account_id, p.requester), (p.requester, c.account_id))
            ) AS blocked,
            (
                SELECT count(*) = 2 FROM follows WHERE (follower_id, followed_id) IN
                    ((c.account_id, p.requester), (p.requester, c.account_id))
            ) AS mutual,
            CASE WHEN o.deleted_at IS NOT NULL THEN 'tombstone' ELSE (
                SELECT max(w.mode) FROM revocations w
                WHERE w.cameo_id = c.id AND num_nonnulls(w.grantee_id, w.grant_id, w.video_id) = 0
            ) END AS revoked,
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
                            -- One that ended early counts once a picture of it was seen.
                            AND (v.status NOT IN ('failed', 'cancelled') OR v.shown)
                            AND v.relation IS DISTINCT FROM 'render' AND v.swarm_id <> p.swarm
                    )) ORDER BY h.requested_at, h.grant_id), '[]')
                FROM grant_heads h JOIN grants g USING (grant_id, revision)
                WHERE h.cameo_id = c.id AND h.grantee_id = p.requester
            ) AS grants
        FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS p(cameo, requester, swarm, nr)
        JOIN cameos c ON c.id = p.cameo JOIN accounts o ON o.id = c.account_id
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


async def lineage_facts(roots: Sequence[Sequence[str]]) -> list[LineageFacts]:
    """For each list of videos, the facts of these and all that they come from together."""
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
        ), back AS (
            SELECT nr, cameo_id, max(w.mode) AS mode FROM line JOIN receipts r ON r.video_id = line.id
            JOIN revocations w USING (cameo_id) WHERE withdrawn(r, w) GROUP BY nr, cameo_id
        )
        SELECT nr, remixed, trend, (
            SELECT count(*) FROM line WHERE line.nr = heads.nr
        ) AS ancestors, (
            SELECT coalesce(jsonb_object_agg(cameo_id, mode), '{}') FROM back WHERE back.nr = heads.nr
        ) AS withdrawn FROM heads
        """,
        numbers,
        [video for ids in roots for video in ids],
    )
    found = [LineageFacts() for _ in roots]
    for row in rows:
        row["withdrawn"] = msgspec.json.decode(row["withdrawn"])
        found[row.pop("nr")] = msgspec.convert(row, LineageFacts)
    return found


async def inherited_cameos(video_ids: Sequence[str]) -> list[str]:
    """The cameos of these videos, which hold those of all that they come from, in order of their ids."""
    rows = await fetch(
        "SELECT DISTINCT unnest(cameos) AS id FROM videos WHERE id = ANY ($1::text[]) ORDER BY 1",
        list(video_ids),
    )
    return [row["id"] for row in rows]
