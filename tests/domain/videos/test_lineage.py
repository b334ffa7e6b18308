"""The graph of what was made from what."""

from __future__ import annotations

import json
import time
from typing import Any

from db.engine import fetch
from domain.feed import posts
from domain.videos import to_wire
from domain.videos.lineage import FAMILY, MAX_NODES, lineage
from schemas.videos import Relation
from tests.build import NOW, at, completed, person, queue, source


async def test_lineage_hides_others_drafts_and_keeps_the_way() -> None:
    ada, bob = await person(), await person()
    root = await completed(ada.id)
    await posts.post(root.id, ada.id, None, at(1))
    draft = await completed(bob.id, source=root.id, closeness={root.id: 0.8}, now=at(1))
    unseen = await completed(bob.id, source=root.id)
    render = await completed(bob.id, source=draft.id, relation=Relation.RENDER, now=at(2))
    await posts.post(render.id, bob.id, None, at(2))
    seen = await lineage(root.id, ada.id, NOW)
    assert [node.id for node in seen.nodes] == [root.id, draft.id, render.id]
    assert [node.prompt is None for node in seen.nodes] == [False, True, False]
    assert [(edge.parent, edge.child, edge.relation, edge.closeness) for edge in seen.edges] == [
        (root.id, draft.id, Relation.REMIX, 0.8),
        (draft.id, render.id, Relation.RENDER, None),
    ]
    own = await lineage(unseen.id, bob.id, NOW)
    assert {node.id for node in own.nodes} == {root.id, unseen.id}
    answer = await to_wire.to_video(draft)
    assert answer.remixed_from_video_id == root.id
    assert (await to_wire.to_video(render)).remixed_from_video_id is None


def visited(plan: dict[str, Any]) -> int:
    """The rows that the recursions of a plan have made."""
    own = plan["Actual Rows"] if plan["Node Type"] == "Recursive Union" else 0
    return own + sum(visited(part) for part in plan.get("Plans", ()))


async def test_of_what_became_popular_no_more_is_read_than_is_shown() -> None:
    ada = await person()
    root = await completed(ada.id)
    (child,) = await queue(ada.id, source=source(Relation.REMIX, root.id))
    await fetch(
        """
        INSERT INTO videos SELECT (jsonb_populate_record(v, made)).*
        FROM videos v, generate_series(1, 3000) n,
            jsonb_build_object('id', v.id || n, 'swarm_id', v.id || n) made
        WHERE v.id = $1
        """,
        child.id,
    )
    await fetch(
        """
        INSERT INTO sources (child_id, parent_id, relation, position)
        SELECT $1 || n, $2, 'remix', 1 FROM generate_series(1, 3000) n
        """,
        child.id,
        root.id,
    )
    (plan,) = await fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {FAMILY}", root.id, MAX_NODES)
    assert visited(json.loads(plan["QUERY PLAN"])[0]["Plan"]) <= 2 * MAX_NODES
    began = time.process_time()
    seen = await lineage(root.id, ada.id, NOW)
    assert len(seen.nodes) == MAX_NODES
    assert root.id in {node.id for node in seen.nodes}
    assert time.process_time() - began < 1
