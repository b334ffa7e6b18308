"""The fingerprint of a video, 256 bits: the perceptual hashes of four of its frames."""

from __future__ import annotations

import io
from collections.abc import Sequence

import av
import numpy as np
from numpy.typing import NDArray

from media.decode_budget import OverBudget, PixelBudget

# Four frames of 64 bits each: a still picture inside of another video doesn't match, the whole clip does.
FRAMES = 4
BITS = 64 * FRAMES
# The hash looks at 32x32 grey pixels; the decoder's scaler brings frames there at once.
SIDE_PX = 32
# Two minutes, far above anything that is drawn here, with what a recorder adds after its button.
MAX_S = 120.5
# Slow motion goes to 240 frames a second; more in that time only cost time.
MAX_FRAMES = round(MAX_S * 240)
# Frames nearer than this are one: 60 or 240 a second show nothing more. Each kept one costs 1 kB.
MIN_STEP_S = 0.9 / 30
# 4096x4096 decodes to 25 MB; more is no phone's clip.
MAX_SIDE_PX = 4096
# Below this spread of grey levels a frame has nothing to be recognised by (black, white, one colour).
FLAT_LEVELS = 4.0

SmallFrame = NDArray[np.uint8]
# The eight lowest frequencies of the cosine transform (type II) of SIDE_PX samples.
_COSINES = 2 * np.cos(np.pi * np.outer(np.arange(8), 2 * np.arange(SIDE_PX) + 1) / (2 * SIDE_PX))


class UnreadableVideo(ValueError):
    """No video that can be decoded within the limits; the text says which."""


def small_frames(video: bytes) -> list[tuple[float, SmallFrame]]:
    """The frames of a clip, 30 a second at most: the time of each in seconds, and its grey 32x32 picture.

    Raises:
        UnreadableVideo: it is no video, too large, or too long.
    """
    found: list[tuple[float, SmallFrame]] = []
    try:
        # Of all that FFmpeg reads only MP4: other formats can name files and addresses to open.
        with av.open(io.BytesIO(video), "r", format="mp4") as container:
            if not container.streams.video:
                raise UnreadableVideo("it holds no moving picture")
            stream = container.streams.video[0]
            if max(stream.width or 0, stream.height or 0) > MAX_SIDE_PX:
                raise UnreadableVideo(f"it is larger than {MAX_SIDE_PX} pixels")
            budget = PixelBudget()
            budget.check_declared(stream.frames, stream.width or 0, stream.height or 0)
            stream.codec_context.thread_count = 1
            for number, frame in enumerate(container.decode(stream)):
                if number == MAX_FRAMES:
                    raise UnreadableVideo(f"it has more than {MAX_FRAMES} frames")
                budget.spend(frame.width, frame.height)
                at = float(frame.time or 0.0)
                if found and at - found[0][0] > MAX_S:
                    raise UnreadableVideo(f"it is longer than {MAX_S:.0f} seconds")
                if found and frame.time is not None and at - found[-1][0] < MIN_STEP_S:
                    continue
                small = frame.reformat(width=SIDE_PX, height=SIDE_PX, format="gray", interpolation="AREA")
                found.append((at, small.to_ndarray().astype(np.uint8)))
    except UnreadableVideo:
        raise
    except OverBudget as error:
        raise UnreadableVideo(str(error)) from None
    # Damaged files raise far more than FFmpeg's own errors: missing codecs, sides, times.
    except Exception as error:
        raise UnreadableVideo("it is no video that can be decoded") from error
    if not found:
        raise UnreadableVideo("it has no frames")
    return found


def fingerprint_of(video: bytes, *, mirrored: bool = False) -> str | None:
    """The fingerprint of a clip as a string of 0 and 1; None where it shows nothing to recognise it by.

    Raises:
        UnreadableVideo: it can't be decoded.
    """
    return fingerprint_of_frames([small for _, small in small_frames(video)], mirrored=mirrored)


def fingerprint_of_frames(pictures: Sequence[SmallFrame], *, mirrored: bool = False) -> str | None:
    """The fingerprint of the frames of a clip."""
    picked = [pictures[round(place)] for place in np.linspace(0, len(pictures) - 1, FRAMES)]
    if sum(float(picture.std()) >= FLAT_LEVELS for picture in picked) <= FRAMES // 2:
        return None
    bits = ""
    for picture in picked:
        bits += "".join("1" if bit else "0" for bit in _hash(picture[:, ::-1] if mirrored else picture).flat)
    return bits


def _hash(picture: SmallFrame) -> NDArray[np.bool_]:
    """Which of the 8x8 lowest frequencies of a picture of SIDE_PX are above their median.

    The perceptual hash of https://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html,
    bit for bit as `imagehash.phash` has it, which needs SciPy (142 MB) for this one cosine transform.
    """
    low = _COSINES @ picture.astype(np.float64) @ _COSINES.T
    return np.asarray(low > np.median(low))


def distance(one: str, other: str) -> int:
    """How many of the 256 bits differ."""
    return (int(one, 2) ^ int(other, 2)).bit_count()
