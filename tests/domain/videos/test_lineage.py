"""The graph of what was made from what."""

from __future__ import annotations

from domain.feed import posts
from domain.videos import to_wire
from domain.videos.lineage import lineage
from schemas.videos import Relation
from tests.build import NOW, at, completed, person


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
