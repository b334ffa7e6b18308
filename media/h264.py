"""All settings of the MP4 encoder (H.264 by libx264), and the writer of the MP4s that are played."""

from __future__ import annotations

from io import BytesIO
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

CODEC: Final = "libx264"
PIXEL_FORMAT = "yuv420p"
# What is played. Visually lossless for drawn material; a 2 s preview is 20 to 100 kB. The preset takes half
# the time of veryfast, which CRF 18 gives the same bytes and the same signal to noise.
CRF, PRESET = 20, "superfast"
# One keyframe a second: loops and scrubbing start at once.
KEYFRAME_S = 1
# Room for the index in front of the data (faststart without a second pass): a fixed part, and some a frame.
MOOV_BYTES = 1024
MOOV_BYTES_PER_FRAME = 32
# A part of a video that conditions another drawing: qp 0 keeps every value.
LOSSLESS = {"qp": "0", "preset": "ultrafast"}
# Reference clips that people upload, written anew.
REFERENCE = {"crf": "20", "preset": "veryfast"}


class Mp4Writer:
    """H.264 in MP4, index first, written one frame at a time, so that a long one needs no memory.

    `width` and `height` are even: yuv420p halves the colour planes.
    """

    def __init__(self, width: int, height: int, fps: int, count: int) -> None:
        """Begin one of `count` frames of these sides, an odd one cut off by a pixel."""
        self._out = BytesIO()
        room = MOOV_BYTES + MOOV_BYTES_PER_FRAME * count
        self._container = av.open(self._out, "w", format="mp4", options={"moov_size": str(room)})
        options = {"crf": str(CRF), "preset": PRESET, "g": str(fps * KEYFRAME_S)}
        self._stream = self._container.add_stream(CODEC, rate=fps, options=options)
        self.width, self.height = width // 2 * 2, height // 2 * 2
        self._stream.width, self._stream.height = self.width, self.height
        self._stream.pix_fmt = PIXEL_FORMAT
        # One thread: the same frames give the same bytes, and the other core stays free.
        self._stream.codec_context.thread_count = 1

    def add(self, pixels: NDArray[np.uint8]) -> None:
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
