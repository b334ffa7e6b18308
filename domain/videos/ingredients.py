"""What videos are made from: sources read and checked, cameos locked, the lineage's facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from domain.consent import facts, receipts
from domain.consent.facts import LineageFacts
from domain.consent.policy import UseReason
from domain.videos import inputs
from domain.videos.mentions import CameoIdentity
from domain.videos.record import VideoRow, no_such_video, select
from domain.videos.relations import conditions
from domain.videos.visibility import can_view
from schemas.cameos import RevokeMode
from schemas.errors import Code, RiffleError
from schemas.videos import Source, Status, Tombstone


class Ingredients(msgspec.Struct, kw_only=True, frozen=True):
    """What videos are made from: their sources, the cameos (locked), and what the lineage says."""

    sources: list[VideoRow]
    cameos: list[CameoIdentity]
    lineage: LineageFacts


async def lock_ingredients(sources: Sequence[VideoRow], cameo_ids: Sequence[str]) -> Ingredients:
    """The sources with the cameos in them and those named, which stay locked until the transaction ends.

    So consent is decided either before or after a revocation of the same moment.

    Raises:
        RiffleError: not_found (a cameo).
    """
    inherited = sorted({cameo for row in sources for cameo in row.cameos})
    cameos = await receipts.lock_cameos(list(dict.fromkeys([*cameo_ids, *inherited])))
    (lineage,) = await facts.lineage_facts([[row.id for row in sources]])
    return Ingredients(sources=list(sources), cameos=cameos, lineage=lineage)


async def usable_sources(account: str, source: Source | None, now: datetime) -> list[VideoRow]:
    """The videos of a source, in its order, each fit to be used."""
    if source is None:
        return []
    rows = await select("v.id = ANY ($1::text[]) AND v.deleted_at IS NULL", source.video_ids)
    viewable = await can_view(rows, account, now)
    by_id = {row.id: row for row in rows if row.id in viewable}
    for video_id in source.video_ids:
        if video_id not in by_id:
            raise no_such_video(video_id)
    for video_id in source.video_ids:
        check_usable(by_id[video_id])
    return [by_id[video_id] for video_id in source.video_ids]


def check_usable(source: VideoRow) -> None:
    """A source must have latents to start from, and must not be withdrawn."""
    if source.withheld is RevokeMode.TOMBSTONE:
        raise RiffleError(Code.GONE, f"source {source.id}: {Tombstone().reason}")
    if source.withheld is not None:
        raise RiffleError(Code.CONSENT_REFUSED, f"source {source.id} may not be used: {UseReason.WITHDRAWN}")
    if source.unreadable:
        raise RiffleError(Code.INVALID_STATE, f"source {source.id} can't be read any more")
    if source.status in (Status.QUEUED, Status.IN_PROGRESS):
        raise RiffleError(
            Code.NOT_READY, f"source {source.id} is {source.status}: wait until it is completed"
        )
    if source.status is not Status.COMPLETED:
        raise RiffleError(
            Code.INVALID_STATE, f"source {source.id} is {source.status}: nothing is there to use"
        )


async def check_media(preview: VideoRow) -> None:
    """Refuse a render where a video or picture that conditioned its preview is gone."""
    if preview.recipe.input_reference and preview.input_key is None:
        raise RiffleError(Code.INVALID_STATE, "what this preview was made from is gone")
    if preview.source is not None and conditions(preview.source):
        for found in await inputs.source_inputs(preview.id):
            if any(row.video_key is None for row in found.parents):
                raise RiffleError(Code.INVALID_STATE, "what this preview was made from is gone")


def check_likeness(preview: VideoRow, cameos: Sequence[CameoIdentity]) -> None:
    """Refuse a render where the picture that conditioned its preview is gone."""
    likeness = preview.recipe.likeness
    if likeness is not None and not any(cameo.pictured for cameo in cameos if cameo.id == likeness):
        raise RiffleError(Code.CONSENT_REFUSED, f"cameo {likeness} has no picture any more", param="cameos")
