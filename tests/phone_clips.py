"""Clips as phones record them: frames at any times, on their side, in newer codecs."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import av
import numpy as np

# Microseconds: fine enough for any rate.
TICK = Fraction(1, 1_000_000)
ONE = 1 << 16
# (a, b, c, d) of the matrix that turns a picture clockwise.
MATRIX = {0: (ONE, 0, 0, ONE), 90: (0, ONE, -ONE, 0), 180: (-ONE, 0, 0, -ONE), 270: (0, -ONE, ONE, 0)}

Draw = Callable[[float, int, int], "np.ndarray[Any, np.dtype[np.uint8]]"]


class Timed(NamedTuple):
    """When each frame is shown, and when the last one ends, in seconds."""

    times: list[float]
    ends: float


def moving_bar(at: float, width: int, height: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A bright bar that crosses the picture within two seconds."""
    pixels = np.zeros((height, width, 3), np.uint8)
    centre = round(at / 2 * width)
    pixels[:, max(0, centre - 6) : centre + 7] = 255
    return pixels


def phone_clip(
    timed: Timed,
    draw: Draw,
    *,
    size: tuple[int, int] = (320, 96),
    turn: int = 0,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    pixel_shape: Fraction = Fraction(1),
) -> bytes:
    """An MP4 of `size` (width, height) whose player turns it clockwise by `turn` degrees.

    `pixel_shape` is the width of a pixel by its height.
    """
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        options = {"crf": "12", "preset": "ultrafast", "x265-params": "log-level=none:bframes=0"}
        stream = container.add_stream(
            codec, rate=30, options=options if codec == "libx265" else {"crf": "12"}
        )
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        if pixel_shape != 1:
            stream.codec_context.sample_aspect_ratio = pixel_shape
        stream.codec_context.time_base = stream.time_base = TICK
        shown, packets = timed.times, list[av.Packet]()
        for at in shown:
            frame = av.VideoFrame.from_ndarray(draw(at, *size), format="rgb24")
            frame.pts, frame.time_base = round(at / TICK), TICK
            packets += stream.encode(frame)
        packets += stream.encode()
        # No frame is put before an earlier one, so packets are in the order of the times.
        for packet, at, after in zip(packets, shown, [*shown[1:], timed.ends], strict=True):
            packet.duration = round(Fraction(after - at) / packet.time_base)
            container.mux(packet)
    return _turned(buffer.getvalue(), turn)


def _turned(data: bytes, turn: int) -> bytes:
    """With the matrix of the track's header replaced."""
    # Behind the box's name: version and flags, times and id (20 bytes), and 16 of layer and volume.
    place = data.index(b"tkhd") + 4 + 4 + 20 + 16
    a, b, c, d = MATRIX[turn]
    matrix = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    return data[:place] + matrix + data[place + len(matrix) :]
