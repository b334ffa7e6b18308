"""A video as it reads on the wire."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from domain.videos.queue import places
from domain.videos.record import VideoRow
from schemas.base import unix_seconds
from schemas.cameos import RevokeMode
from schemas.errors import VideoError
from schemas.events import video_stream
from schemas.playback import file_of
from schemas.videos import Cost, Links, QueuePlace, Relation, Status, Swarm, Tombstone, Video


async def to_video(row: VideoRow) -> Video:
    """The wire form of a row."""
    return (await to_videos([row]))[0]


async def to_videos(rows: Sequence[VideoRow]) -> list[Video]:
    """The wire form of rows; their places in the queue are read together."""
    queue = await places([row.id for row in rows if row.waits])
    return [with_place(row, queue.get(row.id)) for row in rows]


def with_place(row: VideoRow, queue: QueuePlace | None) -> Video:
    """The wire form of a row whose place in the queue is known; None where it has none."""
    remixed = row.source is not None and row.relation is Relation.REMIX
    completed = row.status is Status.COMPLETED
    gone = row.withheld is RevokeMode.TOMBSTONE
    return Video(
        id=row.id,
        # What is leased and not drawn yet waits like any other.
        status=Status.QUEUED if row.waits else row.status,
        progress=row.progress,
        model=row.model,
        prompt="" if gone else row.prompt,
        size=f"{row.recipe.width}x{row.recipe.height}",
        # Its first frame stands at time 0; what is joined may end within a second.
        seconds=f"{(row.recipe.frames - 1) / row.recipe.fps:.3g}",
        created_at=unix_seconds(row.created_at),
        completed_at=unix_seconds(row.ended_at) if completed and row.ended_at else None,
        tier=row.tier,
        seed=row.recipe.seed,
        recipe=msgspec.structs.replace(row.recipe, prompt="", understood=None) if gone else row.recipe,
        cost=Cost(credits=row.price if row.charged is None else row.charged, cpu_seconds=row.cpu_seconds),
        links=Links(
            self=f"/v1/videos/{row.id}",
            content=f"/v1/videos/{row.id}/content",
            cancel=f"/v1/videos/{row.id}/cancel",
            render=f"/v1/videos/{row.id}/render",
            events=video_stream(row.id),
        ),
        swarm=Swarm(id=row.swarm_id, video_ids=row.swarm_ids),
        error=None
        if row.error_code is None
        else VideoError(code=row.error_code, message=row.error_message or ""),
        remixed_from_video_id=row.source.video_ids[0] if remixed and row.source else None,
        queue=queue,
        fidelity=row.fidelity,
        file=file_of(row.recipe.width, row.recipe.height, row.recipe.frames, row.recipe.fps)
        if completed and not gone
        else None,
        cameos=row.cameos,
        source=row.source,
        post_id=row.post_id,
        tombstone=Tombstone() if gone else None,
    )
