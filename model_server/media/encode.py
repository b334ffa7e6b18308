"""Frames to files, in memory: MP4 (settings in media.h264), webp thumbnail and pictures, jpeg spritesheet."""

from __future__ import annotations

from io import BytesIO

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image

from media.h264 import PIXEL_FORMAT, Mp4Writer
from model_server.engine.pixels import Frames
from model_server.media.mark import mark_frame, marked
from schemas.playback import scale_for
from schemas.work import Media

# The spritesheet holds every frame at its own size, row by row, in this many columns.
SHEET_COLUMNS = 6
WEBP_QUALITY = 80
JPEG_QUALITY = 85


def media(frames: Frames, fps: int) -> Media:
    """All three files of a finished video; `frames` is uint8 [F, H, W, 3]."""
    return Media(video=mp4(frames, fps), thumbnail=thumbnail(frames), spritesheet=spritesheet(frames))


def mp4(frames: Frames, fps: int) -> bytes:
    """H.264 in MP4, index first, enlarged by `scale_for`, with the visible mark."""
    count, height, width, _ = frames.shape
    factor = scale_for(width, height)
    writer = Mp4Writer(width * factor, height * factor, fps, count)
    larger = VideoReformatter()
    for frame in frames:
        # Enlarged on the way to the planes that are encoded: by pillow it would take as long as drawing.
        whole = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(frame[: writer.height, : writer.width]), format="rgb24"
        )
        enlarged = larger.reformat(
            whole, writer.width, writer.height, PIXEL_FORMAT, interpolation=Interpolation.LANCZOS
        )
        mark_frame(enlarged)
        writer.write(enlarged)
    return writer.finish()


def thumbnail(frames: Frames) -> bytes:
    """The middle frame as webp, at the size of the video."""
    _, height, width, _ = frames.shape
    enlarged = _enlarged(frames[len(frames) // 2], scale_for(width, height))
    return picture(np.asarray(marked(enlarged)))


def picture(frame: Frames) -> bytes:
    """One frame, uint8 [H, W, 3], as webp at its own size."""
    return _saved(Image.fromarray(frame), "webp", WEBP_QUALITY)


def spritesheet(frames: Frames) -> bytes:
    """Every frame in a grid of SHEET_COLUMNS columns, row by row, as jpeg; cells left over are black."""
    count, height, width, _ = frames.shape
    rows = -(-count // SHEET_COLUMNS)
    sheet = np.zeros((rows, height, SHEET_COLUMNS, width, 3), dtype=np.uint8)
    for index, frame in enumerate(frames):
        row, column = divmod(index, SHEET_COLUMNS)
        sheet[row, :, column] = frame
    return _saved(Image.fromarray(sheet.reshape(rows * height, -1, 3)), "jpeg", JPEG_QUALITY)


def _enlarged(frame: Frames, factor: int) -> Image.Image:
    image = Image.fromarray(frame)
    size = (image.width * factor, image.height * factor)
    return image if factor == 1 else image.resize(size, Image.Resampling.LANCZOS)


def _saved(image: Image.Image, kind: str, quality: int) -> bytes:
    out = BytesIO()
    image.save(out, format=kind, quality=quality)
    return out.getvalue()
