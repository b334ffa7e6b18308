"""What the file of a video has: it is drawn small, and enlarged for players."""

from __future__ import annotations

import msgspec

# Phone decoders and their scalers handle tiny pictures badly, so the shorter side is brought to at least
# this many pixels by an integer factor: 64x96 -> 4x = 256x384, 128x192 -> 2x = 256x384. It adds no detail.
MIN_SIDE_PX = 256


class VideoFile(msgspec.Struct, kw_only=True):
    """The MP4 of a completed video: pixels, frames, and how long it plays (`frames / fps` seconds)."""

    width: int
    height: int
    frames: int
    fps: int
    seconds: float


def scale_for(width: int, height: int) -> int:
    """Integer factor by which a video of this size is enlarged for playing."""
    return max(1, -(-MIN_SIDE_PX // min(width, height)))


def file_of(width: int, height: int, frames: int, fps: int) -> VideoFile:
    """The file of what was drawn in this size and number of frames."""
    factor = scale_for(width, height)
    # yuv420p halves the colour planes: an odd side loses a pixel.
    sides = [side * factor // 2 * 2 for side in (width, height)]
    return VideoFile(width=sides[0], height=sides[1], frames=frames, fps=fps, seconds=frames / fps)
