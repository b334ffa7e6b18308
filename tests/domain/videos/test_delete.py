"""Deleting for good."""

from __future__ import annotations

from db.engine import fetch
from domain.events import stream
from domain.feed import posts
from domain.videos import leases, visibility
from domain.videos.delete import delete_video
from schemas.errors import Code
from schemas.events import EventName, video_stream
from tests.build import NOW, at, completed, ledger_adds_up, loose, person, queue, refused


async def test_delete_leaves_no_trace_of_the_media() -> None:
    ada = await person()
    row = await completed(ada.id)
    await leases.fetch("UPDATE events SET picture = 'x' WHERE stream = $1", video_stream(row.id))
    await posts.post(row.id, ada.id, "look", at(1))
    await delete_video(row.id, ada.id, at(2))
    assert {row.video_key, row.thumbnail_key, row.spritesheet_key, row.latents_key} <= await loose()
    await refused(Code.NOT_FOUND, visibility.get_viewable(row.id, ada.id, NOW))
    await refused(Code.NOT_FOUND, delete_video(row.id, ada.id, at(3)))
    assert all(event.picture is None for event in await stream.since(video_stream(row.id), 0, 50))
    events = await stream.since(video_stream(row.id), 0, 50)
    assert (events[-1].name, events[-1].data) == (EventName.VIDEO_WITHDRAWN, {"reason": "deleted"})
    (left,) = await fetch(
        "SELECT prompt, recipe->>'prompt' AS words, post_id FROM videos WHERE id = $1", row.id
    )
    assert left == {"prompt": "", "words": "", "post_id": None}
    (running,) = await queue(ada.id)
    await delete_video(running.id, ada.id, at(3))
    assert await ledger_adds_up(ada.id) == 999
