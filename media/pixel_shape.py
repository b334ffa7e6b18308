"""The sides at which a clip is shown: its pixels need not be square (anamorphic recording)."""

from __future__ import annotations

from fractions import Fraction

import av

SQUARE = Fraction(1)


def shown_sides(stream: av.VideoStream, width: int, height: int, longest: int) -> tuple[int, int]:
    """Width and height of a decoded frame of `stream` as a player shows it, before it turns it.

    The sample aspect ratio of the file is applied; then both are scaled down to at most `longest`. Each is at
    least 1.
    """
    ratio = _sample_aspect_ratio(stream)
    # The shorter side of a pixel grows, so that nothing of what was recorded is lost.
    wide, high = width * max(ratio, SQUARE), height / min(ratio, SQUARE)
    scale = min(SQUARE, longest / max(wide, high))
    return max(1, round(wide * scale)), max(1, round(high * scale))


def _sample_aspect_ratio(stream: av.VideoStream) -> Fraction:
    """Width of a pixel by its height, as the container says it, else the codec; SQUARE where neither does."""
    declared = stream.sample_aspect_ratio
    return Fraction(declared) if declared and declared > 0 else SQUARE
