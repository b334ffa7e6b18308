"""Frames to files, in memory: MP4 (H.264, faststart), webp poster and pictures, jpeg spritesheet."""

from __future__ import annotations

from io import BytesIO

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray
from PIL import Image

from model_server.media.mark import mark_frame, marked
from schemas.work import Media

# Phone decoders and their scalers handle tiny pictures badly, so the shorter side is brought to at least
# this many pixels by an integer factor: 64x96 -> 4x = 256x384, 128x192 -> 2x = 256x384. It adds no detail.
MIN_SIDE_PX = 256
# Visually lossless for drawn material; a 2 s preview is 20 to 100 kB. The preset takes half the time of
# veryfast, which CRF 18 gives the same bytes and the same signal to noise.
CRF, PRESET = 20, "superfast"
# One keyframe a second: loops and scrubbing start at once.
KEYFRAME_S = 1
# Room for the index in front of the data (faststart without a second pass): a fixed part, and some a frame.
MOOV_BYTES = 1024
MOOV_BYTES_PER_FRAME = 32
# The spritesheet holds every frame at its own size, row by row, in this many columns.
SHEET_COLUMNS = 6
WEBP_QUALITY = 80
JPEG_QUALITY = 85

Frames = NDArray[np.uint8]


def scale_for(width: int, height: int) -> int:
    """Integer factor by which a video of this size is enlarged for playing."""
    return max(1, -(-MIN_SIDE_PX // min(width, height)))


def media(frames: Frames, fps: int) -> Media:
    """All three files of a finished video; `frames` is uint8 [F, H, W, 3]."""
    return Media(video=mp4(frames, fps), thumbnail=poster(frames), spritesheet=spritesheet(frames))


def mp4(frames: Frames, fps: int) -> bytes:
    """H.264 in MP4, index first, enlarged by `scale_for`, with the visible mark."""
    count, height, width, _ = frames.shape
    factor = scale_for(width, height)
    film = Film(width * factor, height * factor, fps, count)
    larger = VideoReformatter()
    for frame in frames:
        # Enlarged on the way to the planes that are encoded: by pillow it would take as long as drawing.
        whole = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(frame[: film.height, : film.width]), format="rgb24"
        )
        shown = larger.reformat(
            whole, film.width, film.height, "yuv420p", interpolation=Interpolation.LANCZOS
        )
        mark_frame(shown)
        film.write(shown)
    return film.finish()


class Film:
    """H.264 in MP4, index first, written one frame at a time, so that a long one needs no memory.

    `width` and `height` are even: yuv420p halves the colour planes.
    """

    def __init__(self, width: int, height: int, fps: int, count: int) -> None:
        """Begin one of `count` frames of these sides, an odd one cut off by a pixel."""
        self._out = BytesIO()
        room = MOOV_BYTES + MOOV_BYTES_PER_FRAME * count
        self._container = av.open(self._out, "w", format="mp4", options={"moov_size": str(room)})
        options = {"crf": str(CRF), "preset": PRESET, "g": str(fps * KEYFRAME_S)}
        self._stream = self._container.add_stream("libx264", rate=fps, options=options)
        self.width, self.height = width // 2 * 2, height // 2 * 2
        self._stream.width, self._stream.height = self.width, self.height
        self._stream.pix_fmt = "yuv420p"
        # One thread: the same frames give the same bytes, and the other core stays free.
        self._stream.codec_context.thread_count = 1

    def add(self, pixels: Frames) -> None:
        """The next frame, uint8 [height, width, 3], as it shall be seen."""
        seen = np.ascontiguousarray(pixels[: self.height, : self.width])
        self.write(av.VideoFrame.from_ndarray(seen, format="rgb24"))

    def write(self, frame: av.VideoFrame) -> None:
        """The next frame, of these sides."""
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> bytes:
        """The whole file."""
        self._container.mux(self._stream.encode())
        self._container.close()
        return self._out.getvalue()


def poster(frames: Frames) -> bytes:
    """The middle frame as webp, at the size of the video."""
    _, height, width, _ = frames.shape
    shown = _enlarged(frames[len(frames) // 2], scale_for(width, height))
    return picture(np.asarray(marked(shown)))


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
