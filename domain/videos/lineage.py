"""The graph of what was made from what."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

import msgspec

from db.engine import fetch
from domain.videos.record import VideoRow, select
from domain.videos.visibility import can_view, get_viewable
from schemas.videos import Lineage, LineageEdge, LineageNode, Relation

# What fits on a screen that scrolls; a larger family is read from one of its branches.
MAX_NODES = 500


# Each way is followed no further than to MAX_NODES: what became popular has any number of descendants.
FAMILY = """
    WITH RECURSIVE up(id) AS (
        SELECT $1::text UNION SELECT s.parent_id FROM sources s JOIN up ON s.child_id = up.id
    ), down(id) AS (
        SELECT $1::text UNION SELECT s.child_id FROM sources s JOIN down ON s.parent_id = down.id
    )
    SELECT id, bool_or(above) AS above FROM (
        (SELECT id, true AS above FROM up LIMIT $2) UNION ALL (SELECT id, false FROM down LIMIT $2)
    ) found GROUP BY id ORDER BY 2 DESC, 1 LIMIT $2
"""


async def lineage(video_id: str, viewer: str, now: datetime) -> Lineage:
    """The graph up and down from a video. Of others' drafts only those show that lead to what is viewable.

    Raises:
        RiffleError: not_found.
    """
    await get_viewable(video_id, viewer, now)
    found = await fetch(FAMILY, video_id, MAX_NODES)
    above = {row["id"] for row in found if row["above"]}
    ids = [row["id"] for row in found]
    rows = {row.id: row for row in await select("v.id = ANY ($1::text[]) ORDER BY v.created_at, v.id", ids)}
    edges = await fetch(
        """
        SELECT s.parent_id AS parent, s.child_id AS child, s.relation, c.value AS closeness
        FROM sources s LEFT JOIN closenesses c ON c.video_id = s.child_id AND c.other_id = s.parent_id
        WHERE s.parent_id = ANY ($1::text[]) AND s.child_id = ANY ($1::text[]) ORDER BY s.id
        """,
        ids,
    )
    viewable = await can_view([row for row in rows.values() if row.deleted_at is None], viewer, now)
    included = above | viewable
    parents: defaultdict[str, list[str]] = defaultdict(list)
    for edge in edges:
        parents[edge["child"]].append(edge["parent"])
    pending = list(viewable)
    while pending:
        new = set(parents[pending.pop()]) - included
        included |= new
        pending += new
    return Lineage(
        nodes=[_node(row, row.id in viewable) for row in rows.values() if row.id in included],
        edges=[
            LineageEdge(**{**edge, "relation": Relation(edge["relation"])})
            for edge in edges
            if edge["parent"] in included and edge["child"] in included
        ],
    )


def _node(row: VideoRow, viewable: bool) -> LineageNode:
    return LineageNode(
        id=row.id,
        prompt=row.prompt if viewable and row.withheld is None else None,
        status=row.status,
        tier=row.tier,
        post_id=row.post_id if viewable else None,
    )


class PostedAncestor(msgspec.Struct, kw_only=True, frozen=True):
    """A posted video that another one comes from, by whatever way."""

    video_id: str
    post_id: str
    trend_id: str
    author: str
    latents_key: str | None


async def posted_ancestors(video_id: str) -> list[PostedAncestor]:
    """The posted ancestors of a video, nearest first."""
    rows = await fetch(
        """
        WITH RECURSIVE up(id, depth, position) AS (
            SELECT parent_id, 1, position::bigint FROM sources WHERE child_id = $1
            UNION SELECT s.parent_id, depth + 1, s.position FROM sources s JOIN up ON s.child_id = up.id
        )
        SELECT v.id AS video_id, p.id AS post_id, p.trend_id, p.account_id AS author, v.latents_key
        FROM (SELECT id, min(depth) AS depth, min(position) AS position FROM up GROUP BY id) a
        JOIN videos v USING (id) JOIN posts p ON p.id = v.post_id ORDER BY a.depth, a.position, v.id
        """,
        video_id,
    )
    return [msgspec.convert(row, PostedAncestor) for row in rows]
