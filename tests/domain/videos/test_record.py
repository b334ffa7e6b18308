"""Pages of one's own videos."""

from __future__ import annotations

from domain.videos import record
from domain.videos.delete import delete_video
from schemas.errors import Code
from tests.build import at, person, queue, refused


async def test_pages_meet_every_video_once() -> None:
    ada, bob = await person(), await person()
    ids = [row.id for i in range(4) for row in await queue(ada.id, 1 + i % 2, now=at(i // 2))]
    for order in ("asc", "desc"):
        seen: list[str] = []
        more = True
        while more:
            rows, more = await record.page(ada.id, seen[-1] if seen else None, 2, order)  # type: ignore[arg-type]
            seen += [row.id for row in rows]
        assert sorted(seen) == sorted(ids)
    await delete_video(seen[1], ada.id, at(9))
    rest, _ = await record.page(ada.id, seen[1], 100, "desc")
    assert [row.id for row in rest] == seen[2:]
    await refused(Code.NOT_FOUND, record.page(ada.id, "video_0", 2, "desc"))
    await refused(Code.NOT_FOUND, record.page(bob.id, ids[0], 2, "desc"))
