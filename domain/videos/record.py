"""A video as a row, how it reads on the wire, and where it stands in the queue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from db.engine import fetch
from schemas.cameos import RevokeMode
from schemas.errors import VideoError
from schemas.events import video_stream
from schemas.videos import (
    Cost,
    Links,
    QueuePlace,
    Recipe,
    Relation,
    Source,
    Status,
    Swarm,
    Tier,
    Tombstone,
    Video,
)

# The words of one that goes, for consent alone: what was typed, and what the model was told beyond that.
SEALED = "coalesce(sealed, concat_ws(E'.\\n', prompt, nullif(recipe ->> 'prompt', prompt)))"
# Until a few have been drawn: what one takes on two busy cores, in seconds.
FIRST_GUESS_S = {Tier.PREVIEW: 2.0, Tier.FULL: 20.0}
# Enough to even out, few enough to follow a machine that got busier.
PACE_OF_LAST = 20


class VideoRow(msgspec.Struct, kw_only=True, frozen=True):
    """One row of `videos`, with the ids of its swarm in seed order.

    `withheld` is what revocations do to it, whether or not their cascades have come to it.
    """

    id: str
    account_id: str
    swarm_id: str
    swarm_ids: list[str]
    tier: Tier
    status: Status
    model: str
    prompt: str
    recipe: Recipe
    source: Source | None
    relation: Relation | None
    cameos: list[str]
    price: int
    progress: int
    attempt: int
    worker: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error_code: str | None
    error_message: str | None
    cpu_seconds: float | None
    fidelity: float | None
    video_key: str | None
    thumbnail_key: str | None
    spritesheet_key: str | None
    latents_key: str | None
    post_id: str | None
    deleted_at: datetime | None
    remixed: bool
    trend_id: str | None
    withheld: RevokeMode | None


# Reading asks the revocations themselves: a cascade that has not come to a video yet changes nothing.
COMPUTED = {
    "swarm_ids": "(SELECT array_agg(s.id ORDER BY s.swarm_index) FROM videos s"
    " WHERE s.swarm_id = v.swarm_id AND s.deleted_at IS NULL)",
    "withheld": "greatest(v.withheld, CASE WHEN v.cameos <> '{}' THEN withdrawal_of(v.id) END)",
}
COLUMNS = ", ".join(
    f"{COMPUTED[name]} AS {name}" if name in COMPUTED else f"v.{name}" for name in VideoRow.__struct_fields__
)


async def select(where: str, *args: Any) -> list[VideoRow]:
    """Rows of `videos v` by the rest of a statement: its condition, order, limit and lock."""
    return [_row(found) for found in await fetch(f"SELECT {COLUMNS} FROM videos v WHERE {where}", *args)]


async def to_video(row: VideoRow) -> Video:
    """The wire form of a row."""
    return (await to_videos([row]))[0]


async def to_videos(rows: Sequence[VideoRow]) -> list[Video]:
    """The wire form of rows, with one look at the queue for all."""
    queue = await places([row.id for row in rows if row.status is Status.QUEUED])
    return [_video(row, queue.get(row.id)) for row in rows]


async def places(video_ids: Sequence[str]) -> dict[str, QueuePlace]:
    """Where queued videos stand in the order of dispatch, and a guess when each starts."""
    if not video_ids:
        return {}
    rows = await fetch(
        f"""
        WITH line AS ({DISPATCH_ORDER}), place AS (
            SELECT id, tier, row_number() OVER w AS position,
                count(*) FILTER (WHERE tier = 'preview') OVER w AS previews,
                count(*) FILTER (WHERE tier = 'full') OVER w AS renders
            FROM line WINDOW w AS (
                ORDER BY tier = 'full', turn, created_at, swarm_index, id ROWS UNBOUNDED PRECEDING
            )
        ), running AS (
            SELECT count(*) FILTER (WHERE tier = 'preview') AS previews,
                count(*) FILTER (WHERE tier = 'full') AS renders
            FROM videos WHERE status = 'in_progress'
        )
        SELECT place.id, place.tier, position, place.previews + running.previews AS previews,
            place.renders + running.renders AS renders
        FROM place, running WHERE place.id = ANY ($1::text[])
        """,
        list(video_ids),
    )
    pace = await _pace() if rows else {}
    found = {}
    for row in rows:
        before_s = (row["previews"] - (row["tier"] == "preview")) * pace[Tier.PREVIEW]
        # A preview is drawn between the steps of a render, so it waits for none.
        if row["tier"] == "full":
            before_s += (row["renders"] - 1) * pace[Tier.FULL]
        found[row["id"]] = QueuePlace(position=row["position"], eta_ms=round(1000 * before_s))
    return found


# Previews go first. Within a tier come everybody's first jobs, then everybody's second ones, and so on; those
# that run count too.
DISPATCH_ORDER = """
    SELECT q.id, q.tier, q.created_at, q.swarm_index, coalesce(busy.running, 0) + row_number() OVER (
        PARTITION BY q.tier, q.account_id ORDER BY q.created_at, q.swarm_index, q.id) AS turn
    FROM videos q LEFT JOIN (
        SELECT account_id, tier, count(*) AS running FROM videos WHERE status = 'in_progress' GROUP BY 1, 2
    ) busy USING (account_id, tier)
    WHERE q.status = 'queued'
"""


async def _pace() -> dict[Tier, float]:
    """Seconds from one completed video to the next while there was work, by tier."""
    rows = await fetch(
        """
        SELECT tier, avg(extract(epoch FROM ended_at - greatest(started_at, before)))::float8 AS seconds
        FROM unnest(ARRAY['preview', 'full']) AS t(tier), LATERAL (
            SELECT started_at, ended_at, lag(ended_at) OVER (ORDER BY ended_at) AS before FROM (
                SELECT started_at, ended_at FROM videos v WHERE v.tier = t.tier AND v.status = 'completed'
                ORDER BY ended_at DESC LIMIT $1
            ) latest
        ) gaps GROUP BY tier
        """,
        PACE_OF_LAST,
    )
    return FIRST_GUESS_S | {Tier(row["tier"]): row["seconds"] for row in rows if row["seconds"] is not None}


def _row(found: dict[str, Any]) -> VideoRow:
    found["recipe"] = msgspec.json.decode(found["recipe"])
    found["source"] = None if found["source"] is None else msgspec.json.decode(found["source"])
    # A deleted video may be the last of its swarm.
    found["swarm_ids"] = found["swarm_ids"] or []
    return msgspec.convert(found, VideoRow)


def _video(row: VideoRow, queue: QueuePlace | None) -> Video:
    remixed = row.source is not None and row.relation is Relation.REMIX
    gone = row.withheld is RevokeMode.TOMBSTONE
    return Video(
        id=row.id,
        status=row.status,
        progress=row.progress,
        model=row.model,
        prompt="" if gone else row.prompt,
        size=f"{row.recipe.width}x{row.recipe.height}",
        # Its first frame stands at time 0; what is joined may end within a second.
        seconds=f"{(row.recipe.frames - 1) / row.recipe.fps:.3g}",
        created_at=int(row.created_at.timestamp()),
        completed_at=_seconds(row.ended_at if row.status is Status.COMPLETED else None),
        tier=row.tier,
        seed=row.recipe.seed,
        recipe=msgspec.structs.replace(row.recipe, prompt="") if gone else row.recipe,
        cost=Cost(credits=row.price, cpu_seconds=row.cpu_seconds),
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
        cameos=row.cameos,
        source=row.source,
        post_id=row.post_id,
        tombstone=Tombstone() if gone else None,
    )


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())
