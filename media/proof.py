"""Checks of a proof clip that need no knowledge of the person: that it plays, lasts, moves, and is new."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import NamedTuple, Protocol, runtime_checkable

import av
import numpy as np
from av.error import FFmpegError

from media import fingerprint
from media.fingerprint import SmallFrame

# Six digits and three turns take about six seconds; a minute is patience enough.
MIN_S, MAX_S = 3.0, 60.0
# A recorder ends with a whole group of frames, some tenths after its button.
SLACK_S = 0.5
MIN_FRAMES = 15
# Of the 32x32 cells, those that change by this many grey levels count as moved: above noise and flicker.
MOVED_LEVELS = 16.0
# A head in a phone's picture covers a tenth of it; its edge alone moves this share.
MIN_MOVED = 0.03
# Movement at one end only is a picture that was pushed once.
PARTS = 3
MIN_MOVED_PART = 0.01


class Inspection(NamedTuple):
    """A decoded proof: its hashes (None: a flat picture), length in seconds, what holds of it, its frames."""

    bits: str | None
    mirrored: str | None
    seconds: float
    long_enough: bool
    moving: bool
    recorded_at: datetime | None
    frames: list[SmallFrame]


@runtime_checkable
class LikenessCheck(Protocol):
    """The one interface for what needs to know faces and speech. Nothing here does (how-to/moderate.md)."""

    async def compare(self, clip: bytes, digits: str, turns: list[str]) -> dict[str, bool | None]:
        """Whether each check passed, by its name; None for one that can't be made."""
        ...


class NoLikenessCheck:
    """Faces, speech and head turns are not checked, and the answer says so."""

    async def compare(self, clip: bytes, digits: str, turns: list[str]) -> dict[str, bool | None]:
        """None for every check."""
        return {"face_match": None, "speech": None, "head_turns": None}


def inspect(clip: bytes) -> Inspection:
    """Look at a clip.

    Raises:
        fingerprint.UnreadableVideo: it can't be decoded within the limits.
    """
    timed = fingerprint.small_frames(clip)
    frames = [small for _, small in timed]
    step = timed[1][0] - timed[0][0] if len(timed) > 1 else 0.0
    seconds = timed[-1][0] - timed[0][0] + max(0.0, step)
    return Inspection(
        bits=fingerprint.fingerprint_of_frames(frames),
        mirrored=fingerprint.fingerprint_of_frames(frames, mirrored=True),
        seconds=seconds,
        long_enough=MIN_S <= seconds <= MAX_S + SLACK_S and len(frames) >= MIN_FRAMES,
        moving=_moving(frames),
        recorded_at=_recorded(clip),
        frames=frames,
    )


def _moving(frames: list[SmallFrame]) -> bool:
    pictures = np.stack(frames).astype(np.float32)
    # A change of light moves nothing.
    pictures -= pictures.mean(axis=(1, 2), keepdims=True)
    if _moved(pictures) < MIN_MOVED:
        return False
    return all(_moved(part) >= MIN_MOVED_PART for part in np.array_split(pictures, PARTS))


def _moved(pictures: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
    """The share of cells that change."""
    if len(pictures) < 2:
        return 0.0
    return float(((pictures.max(axis=0) - pictures.min(axis=0)) >= MOVED_LEVELS).mean())


def _recorded(clip: bytes) -> datetime | None:
    """When the camera says that it was taken; many say nothing, and anybody can say anything."""
    try:
        with av.open(io.BytesIO(clip), "r", format="mp4") as container:
            written = container.metadata.get("creation_time", "")
        at = datetime.fromisoformat(written)
    except (FFmpegError, ValueError):
        return None
    # Cameras without a clock say 1904 or 1970.
    return at.replace(tzinfo=at.tzinfo or UTC) if at.year > 2000 else None
