"""Parts of our own videos, frame for frame as they are: what conditions another drawing."""

from __future__ import annotations

import io
from fractions import Fraction

import av
from av.video.frame import PictureType
from PIL import Image

from media.h264 import CODEC, LOSSLESS, PIXEL_FORMAT


def cut_clip(video: bytes, frames: range) -> bytes:
    """These frames of an MP4 as an MP4 of their own, without any loss.

    Raises:
        ValueError: it is no MP4 that can be read, or has none of these frames.
    """
    written = io.BytesIO()
    try:
        with (
            av.open(io.BytesIO(video), "r", format="mp4") as source,
            av.open(written, "w", format="mp4") as target,
        ):
            taken = source.streams.video[0]
            rate = taken.average_rate or Fraction(1)
            made = target.add_stream(CODEC, rate=rate, options=LOSSLESS)
            made.width, made.height, made.pix_fmt = taken.width, taken.height, taken.pix_fmt or PIXEL_FORMAT
            count = 0
            for number, frame in enumerate(source.decode(taken)):
                if number >= frames.stop:
                    break
                if number in frames:
                    # Its place and its kind were those of the whole video.
                    frame.pts, frame.time_base = count, 1 / rate
                    frame.pict_type = PictureType.NONE
                    target.mux(made.encode(frame))
                    count += 1
            if not count:
                raise ValueError(f"this video has no frames {frames.start} to {frames.stop}")
            target.mux(made.encode())
    except (av.FFmpegError, OSError, IndexError) as wrong:
        raise ValueError("this is no MP4 that can be read") from wrong
    return written.getvalue()


def cut_picture(video: bytes, number: int) -> bytes:
    """One frame of an MP4 as PNG.

    Raises:
        ValueError: it is no MP4 that can be read, or has no such frame.
    """
    try:
        with av.open(io.BytesIO(video), "r", format="mp4") as source:
            for place, frame in enumerate(source.decode(video=0)):
                if place == number:
                    written = io.BytesIO()
                    Image.fromarray(frame.to_ndarray(format="rgb24")).save(written, "PNG")
                    return written.getvalue()
    except (av.FFmpegError, OSError, IndexError) as wrong:
        raise ValueError("this is no MP4 that can be read") from wrong
    raise ValueError(f"this video has no frame {number}")
