"""Who sees which video."""

from __future__ import annotations

from domain.accounts import social
from domain.events import stream
from domain.feed import posts
from domain.ids import new_id
from domain.videos import transitions, visibility
from domain.videos.delete import delete_video
from domain.videos.lineage import lineage
from schemas.errors import Code
from schemas.events import video_stream
from tests.build import NOW, at, completed, person, refused


async def test_a_draft_is_its_owners_alone_until_it_is_posted() -> None:
    ada, bob = await person(), await person()
    row = await completed(ada.id)
    for call in (visibility.get_viewable, lineage):
        await refused(Code.NOT_FOUND, call(row.id, bob.id, NOW))
    assert not await visibility.can_follow(video_stream(row.id), bob.id, NOW)
    assert await visibility.can_follow(video_stream(row.id), ada.id, NOW)
    await refused(Code.NOT_FOUND, transitions.cancel(row.id, bob.id, at(1)))
    await refused(Code.NOT_FOUND, delete_video(row.id, bob.id, at(1)))
    await posts.post(row.id, ada.id, None, at(1))
    assert (await visibility.get_viewable(row.id, bob.id, NOW)).id == row.id
    assert await visibility.can_follow(video_stream(row.id), bob.id, NOW)
    assert not await visibility.can_follow(f"inbox:{ada.id}", bob.id, NOW)
    assert await visibility.can_follow(f"inbox:{bob.id}", bob.id, NOW)
    await social.block(ada.id, bob.id, at(2))
    await refused(Code.NOT_FOUND, visibility.get_viewable(row.id, bob.id, NOW))


async def test_an_unknown_source_is_no_video() -> None:
    ada = await person()
    assert not await visibility.can_follow(video_stream(new_id("video")), ada.id, NOW)
    assert await stream.head(video_stream("nothing")) is None
    assert await stream.since("nothing", 0, 10) == []
