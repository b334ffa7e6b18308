"""What a video is made of, as whoever draws it needs it: videos with their media, a picture of a cameo."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from db.engine import fetch, fetch_one
from domain.videos.mentions import Name
from domain.videos.record import VideoRow, select
from domain.videos.relations import Piece
from schemas.cameos import CameoStatus
from schemas.videos import Relation, Source


class Making(msgspec.Struct, kw_only=True, frozen=True):
    """A source, and its videos in its order; keys of what was deleted are None."""

    source: Source
    parents: list[VideoRow]


class Face(msgspec.Struct, kw_only=True, frozen=True):
    """A cameo as a drawing needs it: what it is called, and whether there is a picture of it."""

    id: str
    name: Name
    pictured: bool


async def makings(video_id: str) -> list[Making]:
    """How a video is made: from its own source and, where it is a render, from that of its preview."""
    found: list[Making] = []
    rows = await select("v.id = $1", video_id)
    while rows and (source := rows[0].source) is not None:
        rows = await _in_order(source.video_ids)
        found.append(Making(source=source, parents=rows))
        if source.relation is not Relation.RENDER:
            break
    return found


async def pieces(video_ids: Sequence[str]) -> list[Piece]:
    """These videos, in order, as clips to be joined."""
    rows = await _in_order(video_ids)
    drawings = await _drawings(video_ids)
    sources = [drawing.source for drawing in drawings.values() if drawing.source is not None]
    origins = await _drawings([video for source in sources for video in source.video_ids])
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


async def faces(cameo_ids: Sequence[str]) -> list[Face]:
    """These cameos, in order, as far as they exist."""
    rows = await fetch(
        """
        SELECT c.id, c.handle, c.display_name, c.reference_key IS NOT NULL AS pictured
        FROM cameos c WHERE c.id = ANY ($1::text[]) ORDER BY array_position($1::text[], c.id)
        """,
        list(cameo_ids),
    )
    return [
        Face(
            id=row["id"],
            name=Name(handle=row["handle"], display_name=row["display_name"]),
            pictured=row["pictured"],
        )
        for row in rows
    ]


async def picture(cameo_id: str) -> str | None:
    """The key of the picture of a cameo that is not revoked; None where there is none (any more)."""
    found = await fetch_one(
        "SELECT reference_key FROM cameos WHERE id = $1 AND status <> $2", cameo_id, CameoStatus.REVOKED.value
    )
    return None if found is None else found["reference_key"]


async def _in_order(video_ids: Sequence[str]) -> list[VideoRow]:
    """The rows of these videos in this order, each as often as it is named."""
    rows = {row.id: row for row in await select("v.id = ANY ($1::text[])", list(video_ids))}
    return [rows[video] for video in video_ids]


async def _drawings(video_ids: Sequence[str]) -> dict[str, VideoRow]:
    """For each video the one that it was first drawn as: a render's preview, else itself."""
    rows = {row.id: row for row in await select("v.id = ANY ($1::text[])", list(video_ids))}
    previews = {
        row.id: row.source.video_ids[0]
        for row in rows.values()
        if row.source is not None and row.relation is Relation.RENDER
    }
    found = {row.id: row for row in await select("v.id = ANY ($1::text[])", list(previews.values()))}
    return {video: found[previews[video]] if video in previews else row for video, row in rows.items()}
