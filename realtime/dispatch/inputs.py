"""Inputs of one job for the model server, read from the store: latents, clips, the picture of a cameo."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from domain.videos.inputs import SourceInputs, cameo_picture, first_picture, pieces, source_inputs
from domain.videos.leases import LeasedJob
from domain.videos.record import VideoRow
from domain.videos.relations import continued_frames, overlap_counts, target_frame
from media import cut
from media.store import MediaStore
from schemas.errors import Code
from schemas.videos import Recipe, Relation
from schemas.work import MAX_INPUT_BYTES, Clip, Inputs

T = TypeVar("T")
MEGABYTE = 1024 * 1024


class PermanentFailure(Exception):
    """The video can't be made, and another attempt would fail too; `code` is one of schemas.errors.Code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class RetryLater(Exception):
    """This attempt failed; another one may succeed."""


async def load_inputs(job: LeasedJob, store: MediaStore) -> Inputs:
    """Everything that a leased job is made from; the caller has checked consent.

    Raises:
        PermanentFailure: something that it is made from is gone, can't be read, or is too large.
        RetryLater: the store failed.
    """
    inputs = Inputs()
    for made_from in await source_inputs(job.id):
        await _add(inputs, made_from, job.recipe, store)
    if job.recipe.input_reference:
        inputs.begin = await _get(await first_picture(job.id), store)
    if job.recipe.likeness is not None:
        inputs.reference = await _likeness(job.recipe.likeness, store)
    _check_size(inputs)
    return inputs


async def _add(inputs: Inputs, made_from: SourceInputs, recipe: Recipe, store: MediaStore) -> None:
    source, parents = made_from.source, made_from.parents
    if source.relation is Relation.RENDER:
        inputs.preview = await _get(parents[0].latents_key, store)
    elif source.relation in (Relation.REMIX, Relation.EDIT):
        # A render starts from its preview, which has taken from the source what it should.
        if inputs.preview is None:
            inputs.source = await _get(parents[0].latents_key, store)
    elif source.relation is Relation.EXTEND and len(parents) == 1 and recipe.understood is not None:
        # Scene and actors go on from what was drawn, not from what was seen.
        inputs.source = await _get(parents[0].latents_key, store)
        inputs.continued_frame = continued_frames(source, parents[0].recipe).stop - 1
    elif source.relation is Relation.EXTEND:
        inputs.begin = await _begin(made_from, recipe.repeats or 1, store)
        if len(parents) == 2:
            second = await _get(parents[1].video_key, store)
            frame = target_frame(source, parents[1].recipe)
            inputs.end = second if frame == 0 else await _cut(lambda: cut.cut_picture(second, frame))
    elif source.relation is Relation.REFERENCE:
        inputs.reference = await _reference(made_from, store)
    elif source.relation is Relation.STITCH:
        inputs.clips = await _clips(parents, store)


async def _begin(made_from: SourceInputs, count: int, store: MediaStore) -> bytes:
    """The last `count` frames of the part that is meant; the whole video where they are its end."""
    first = made_from.parents[0]
    video = await _get(first.video_key, store)
    frames = continued_frames(made_from.source, first.recipe)[-count:]
    if count > 1 and frames == range(first.recipe.frames)[-count:]:
        return video
    return await _cut(lambda: cut.cut_clip(video, frames))


async def _reference(made_from: SourceInputs, store: MediaStore) -> bytes:
    video = await _get(made_from.parents[0].video_key, store)
    if made_from.source.from_s is None:
        return video
    frame = target_frame(made_from.source, made_from.parents[0].recipe)
    return await _cut(lambda: cut.cut_picture(video, frame))


async def _clips(parents: list[VideoRow], store: MediaStore) -> list[Clip]:
    left_out = overlap_counts(await pieces(parents))
    return [
        Clip(video=await _get(row.video_key, store), skip=skip)
        for row, skip in zip(parents, left_out, strict=True)
    ]


async def _likeness(cameo: str, store: MediaStore) -> bytes:
    """The current picture of a cameo; without one, no video with this person is generated."""
    key = await cameo_picture(cameo)
    if key is None:
        raise PermanentFailure(Code.CONSENT_REVOKED, f"cameo {cameo} has no picture any more")
    try:
        return await store.get(key)
    except FileNotFoundError as error:
        # Replaced a moment ago: the next attempt reads the new one, or meets that there is none.
        raise RetryLater(f"the picture of {cameo} was replaced") from error
    except Exception as error:
        raise RetryLater(f"the media store failed: {error!r}") from error


async def _get(key: str | None, store: MediaStore) -> bytes:
    try:
        if key is not None:
            return await store.get(key)
    except FileNotFoundError:
        pass
    except Exception as error:
        raise RetryLater(f"the media store failed: {error!r}") from error
    raise PermanentFailure(Code.GENERATION_FAILED, "the video that this one is made from is gone")


async def _cut(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except ValueError as error:
        raise PermanentFailure(
            Code.GENERATION_FAILED, f"of the video that this one is made from: {error}"
        ) from error


def _check_size(inputs: Inputs) -> None:
    videos = [clip.video for clip in inputs.clips or ()]
    parts = (inputs.preview, inputs.source, inputs.begin, inputs.end, inputs.reference, *videos)
    size = sum(len(part) for part in parts if part is not None)
    if size > MAX_INPUT_BYTES:
        raise PermanentFailure(
            Code.GENERATION_FAILED,
            f"what it is made from has {size / MEGABYTE:.1f} MB:"
            f" at most {MAX_INPUT_BYTES // MEGABYTE} MB can be used at once",
        )
