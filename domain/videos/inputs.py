"""What a video is made of, as whoever draws it needs it: videos with their media, a picture of a cameo."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from db.engine import fetch_one
from domain.videos.record import VideoRow, in_order, select
from domain.videos.relations import Piece
from schemas.cameos import CameoStatus
from schemas.videos import Relation, Source


class SourceInputs(msgspec.Struct, kw_only=True, frozen=True):
    """A source and its videos, in its order; keys of media that was deleted are None."""

    source: Source
    parents: list[VideoRow]


async def source_inputs(video_id: str) -> list[SourceInputs]:
    """What a video is drawn from: its own source and, where it is a render, that of its preview."""
    found: list[SourceInputs] = []
    rows = await select("v.id = $1", video_id)
    while rows and (source := rows[0].source) is not None:
        rows = await in_order(source.video_ids)
        found.append(SourceInputs(source=source, parents=rows))
        if source.relation is not Relation.RENDER:
            break
    return found


async def first_picture(video_id: str) -> str | None:
    """The key of the picture that a video, or the preview that it renders, begins with; None: it is gone."""
    (row,) = await select("v.id = $1", video_id)
    if row.relation is Relation.RENDER and row.source is not None:
        (row,) = await in_order(row.source.video_ids)
    return row.input_key


async def pieces(rows: Sequence[VideoRow]) -> list[Piece]:
    """These videos, in order, as clips to be joined."""
    drawings = await _drawings(rows)
    parents = {video for row in drawings.values() if row.source is not None for video in row.source.video_ids}
    origins = await _drawings(await in_order(sorted(parents)))
    found = []
    for row in rows:
        drawing = drawings[row.id]
        named = drawing.source.video_ids if drawing.source is not None else []
        found.append(
            Piece(
                drawing=drawing.id,
                tier=row.tier,
                recipe=row.recipe,
                source=drawing.source,
                origins=[origins[video].id for video in named],
            )
        )
    return found


async def cameo_picture(cameo_id: str) -> str | None:
    """The key of the picture of a cameo that may be drawn from; None where there is none (any more).

    Not of one that is revoked, or flagged as a minor's.
    """
    found = await fetch_one(
        """
        SELECT reference_key FROM cameos c WHERE id = $1 AND status <> $2
            AND NOT EXISTS (SELECT FROM minor_cameos m WHERE m.cameo_id = c.id AND m.ended_at IS NULL)
        """,
        cameo_id,
        CameoStatus.REVOKED.value,
    )
    return None if found is None else found["reference_key"]


async def _drawings(rows: Sequence[VideoRow]) -> dict[str, VideoRow]:
    """For each video the one that it was first drawn as: a render's preview, else itself."""
    preview_ids = {
        row.id: row.source.video_ids[0]
        for row in rows
        if row.source is not None and row.relation is Relation.RENDER
    }
    previews = dict(zip(preview_ids, await in_order(list(preview_ids.values())), strict=True))
    return {row.id: previews.get(row.id, row) for row in rows}
