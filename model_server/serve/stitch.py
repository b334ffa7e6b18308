"""Stitches finished videos into one: no model generates, only latents for comparing are encoded.

Frames are taken as they are played, so they keep their visible mark and aren't marked twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from media.h264 import Mp4Writer
from model_server.engine import latents
from model_server.engine.pixels import Frames
from model_server.engine.preview import PreviewEngine
from model_server.media import encode
from model_server.serve.engines import Engines
from model_server.serve.faults import JobError
from model_server.serve.generation import Output, Progress
from schemas.bundle import Bucket
from schemas.playback import scale_for
from schemas.videos import Recipe
from schemas.work import MAX_INPUT_BYTES, Clip, FaultCode, Media, Render


def stitch(request: Render, engines: Engines) -> Iterator[Progress | Output]:
    """Join a request's clips in order, one clip for each unit of work; the last item is an Output.

    Raises:
        JobError: a clip can't be read, or together they are not what the recipe says.
    """
    recipe, clips = request.recipe, request.inputs.clips or []
    engine = engines.preview_of(recipe.model)
    if engine.manifest.id != recipe.model:
        raise JobError(
            FaultCode.BAD_INPUT, f"this server compares by {engine.manifest.id!r}, not {recipe.model!r}"
        )
    bucket = _bucket(recipe, engine)
    # Frames for spritesheet and latents: as many as a preview has, evenly spaced.
    sampled = np.linspace(0, recipe.frames - 1, bucket.frames).round().astype(int)
    factor = scale_for(recipe.width, recipe.height)
    width, height = recipe.width * factor, recipe.height * factor
    writer = Mp4Writer(width, height, recipe.fps, recipe.frames)
    kept: dict[int, Frames] = {}
    thumbnail, count = b"", 0
    for number, clip in enumerate(clips):
        first = count
        for frame in _decode(clip, width, height):
            writer.add(frame)
            if count in sampled:
                kept[count] = _resized(frame, bucket.width, bucket.height)
            if count == recipe.frames // 2:
                thumbnail = encode.picture(frame)
            count += 1
        if count == first:
            raise JobError(
                FaultCode.BAD_INPUT, f"clip {number + 1} has no frames after its first {clip.skip}"
            )
        last = encode.picture(_resized(frame, bucket.width, bucket.height))
        yield Progress(stage="join", i=number + 1, n=len(clips), picture=last)
    if count != recipe.frames:
        raise JobError(FaultCode.BAD_INPUT, f"the clips have {count} frames together, not {recipe.frames}")
    video = writer.finish()
    if len(video) > MAX_INPUT_BYTES:
        raise JobError(
            FaultCode.BAD_INPUT, f"the whole would have {len(video)} bytes: at most {MAX_INPUT_BYTES}"
        )
    yield Progress(stage="encode")
    sample = np.stack([kept[index] for index in sampled])
    media = Media(video=video, thumbnail=thumbnail, spritesheet=encode.spritesheet(sample))
    yield Output(
        stage="measure", media=media, latents=latents.pack(_latents(sample, bucket, engine, engines))
    )


def _decode(clip: Clip, width: int, height: int) -> Iterator[Frames]:
    """The frames of a clip after those it skips, uint8 [height, width, 3]."""
    try:
        # Of all that FFmpeg reads only MP4: other formats can name files and addresses to open.
        with av.open(BytesIO(clip.video), "r", format="mp4") as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number >= clip.skip:
                    pixels = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
                    yield _resized(pixels, width, height)
    except (av.FFmpegError, IndexError) as error:
        raise JobError(FaultCode.BAD_INPUT, f"a clip is no MP4 that can be read: {error}") from error


def _resized(frame: NDArray[np.uint8], width: int, height: int) -> Frames:
    if frame.shape[:2] == (height, width):
        return frame
    # Averages where it shrinks, as a small video was drawn small; smooth where it grows.
    shrinks = frame.shape[1] > width
    how = Image.Resampling.BOX if shrinks else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(frame).resize((width, height), how))


def _bucket(recipe: Recipe, engine: PreviewEngine) -> Bucket:
    """The shortest shape of a preview that is nearest to the video's."""
    shape = recipe.width / recipe.height
    return min(
        engine.manifest.buckets,
        key=lambda item: (abs(item.width / item.height - shape), item.frames, item.width),
    )


def _latents(sample: Frames, bucket: Bucket, engine: PreviewEngine, engines: Engines) -> NDArray[np.float16]:
    if bucket.encoder:
        return engine.encode(sample, bucket)
    # A bundle without an encoder: the teacher's knows the same space.
    return engines.full.encode(sample, bucket.width, bucket.height)
