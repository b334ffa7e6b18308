"""Reference pictures and clips: decoded, made small and written anew, so that nothing else comes along."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
from PIL import Image, ImageOps

from media.decode_budget import PixelBudget
from media.h264 import CODEC, PIXEL_FORMAT, REFERENCE

# A phone's 12-megapixel photo has 3 to 6 MB, five seconds of its video about the same.
MAX_BYTES = 8 * 1024 * 1024
# 50 megapixels of RGB are 150 MB while they are decoded; phones go to 48.
MAX_PIXELS = 50_000_000
# A model looks at far less; people look at a face on a phone.
PICTURE_SIDE = 1024
CLIP_SIDE = 640
MIN_SIDE = 64
MAX_CLIP_S = 10
MAX_FPS = 60
PICTURES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
CLIP = "video/mp4"


def clean(data: bytes, media_type: str) -> tuple[bytes, str]:
    """The picture as WebP, or the clip as MP4 without sound, and which; no metadata survives.

    Raises:
        ValueError: it is not what `media_type` says, or too large, too small or too long; the text says it.
    """
    if media_type == CLIP:
        return _clip(data), CLIP
    if media_type not in PICTURES:
        raise ValueError(f"send {', '.join(PICTURES)} or {CLIP}")
    return _picture(data, PICTURES[media_type]), "image/webp"


def _picture(data: bytes, form: str) -> bytes:
    try:
        with Image.open(io.BytesIO(data), formats=[form]) as found:
            _check_size(found.width, found.height)
            # A photo lies on its side until its metadata, which is not kept, is obeyed.
            picture = ImageOps.exif_transpose(found).convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as wrong:
        raise ValueError(f"this is no {form} picture that can be read") from wrong
    picture.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    written = io.BytesIO()
    picture.save(written, "WEBP", quality=90)
    return written.getvalue()


def _clip(data: bytes) -> bytes:
    written = io.BytesIO()
    try:
        # Of all that FFmpeg reads only MP4: other formats can name files and addresses to open.
        with (
            av.open(io.BytesIO(data), "r", format="mp4") as source,
            av.open(written, "w", format="mp4") as target,
        ):
            if not source.streams.video:
                raise ValueError("there is no picture in this clip")
            taken = source.streams.video[0]
            _check_size(taken.width, taken.height)
            rate = taken.average_rate or Fraction(25)
            if rate > MAX_FPS:
                raise ValueError(f"a clip has at most {MAX_FPS} pictures a second")
            budget = PixelBudget()
            budget.check_declared(taken.frames, taken.width, taken.height)
            taken.codec_context.thread_count = 1
            made = target.add_stream(CODEC, rate=rate, options=REFERENCE)
            made.pix_fmt = PIXEL_FORMAT
            count = 0
            for frame in source.decode(taken):
                count += 1
                budget.spend(frame.width, frame.height)
                if count > MAX_CLIP_S * rate:
                    raise ValueError(f"a clip has at most {MAX_CLIP_S} seconds")
                pixels = _upright(frame)
                if count == 1:
                    made.height, made.width = pixels.shape[:2]
                target.mux(made.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            if not count:
                raise ValueError("there is no picture in this clip")
            target.mux(made.encode())
    except (av.FFmpegError, OSError) as wrong:
        raise ValueError("this is no MP4 clip that can be read") from wrong
    return written.getvalue()


def _upright(frame: av.VideoFrame) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The pixels as they are meant to be seen, at most CLIP_SIDE wide and high, in even numbers."""
    scale = min(1.0, CLIP_SIDE / max(frame.width, frame.height))
    width, height = (max(2, round(side * scale) // 2 * 2) for side in (frame.width, frame.height))
    pixels = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
    turned = np.rot90(pixels, round(frame.rotation / 90) % 4)
    return np.ascontiguousarray(turned)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ValueError(f"it has {width}x{height} pixels: at most {MAX_PIXELS:,} are taken")
    if min(width, height) < MIN_SIDE:
        raise ValueError(f"it has {width}x{height} pixels: at least {MIN_SIDE} each way are needed")
