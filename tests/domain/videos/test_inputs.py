"""What a video is drawn from, and what it is compared with."""

from __future__ import annotations

from domain.feed import posts
from domain.videos import inputs, leases
from domain.videos.delete import delete_video
from schemas.videos import Relation
from tests.build import at, completed, person


async def test_sources_and_what_to_compare_with() -> None:
    ada = await person()
    root = await completed(ada.id)
    await posts.post(root.id, ada.id, None, at(1))
    middle = await completed(ada.id, source=root.id)
    await posts.post(middle.id, ada.id, None, at(2))
    preview = await completed(ada.id, source=middle.id)
    render = await completed(ada.id, source=preview.id, relation=Relation.RENDER)
    own, inherited = await inputs.source_inputs(render.id)
    assert (own.source.relation, [row.id for row in own.parents]) == (Relation.RENDER, [preview.id])
    assert (inherited.source.relation, [row.id for row in inherited.parents]) == (Relation.REMIX, [middle.id])
    assert own.parents[0].latents_key == preview.latents_key
    assert {row.video_id for row in await leases.comparisons(render.id)} == {preview.id, middle.id, root.id}
    assert await leases.comparisons(root.id) == []
    await delete_video(middle.id, ada.id, at(3))
    assert {row.video_id for row in await leases.comparisons(render.id)} == {preview.id, root.id}
