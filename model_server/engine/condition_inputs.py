"""What a clip is conditioned on beside its prompt, read from files: first frames, last frame, reference."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice

import av
import numpy as np
from av import VideoFrame
from av.error import FFmpegError
from PIL import Image

from model_server.engine.pixels import Frames
from schemas.bundle import CONDITIONS
from schemas.work import Inputs

PICTURES = ("PNG", "WEBP", "JPEG")
# 48 megapixels, what phones go to, are 150 MB once they are decoded.
MAX_PIXELS = 50_000_000
# A minute at 30 frames a second; frames after it are not read.
MAX_FRAMES = 1800
# As many as any model continues: two latent frames are 5 frames at 4 a latent frame, 9 at 8.
MAX_BEGIN_FRAMES = 9

# Picks frames of a decoded video; the second argument is how many it says it has.
Pick = Callable[[Iterator[VideoFrame], int], Sequence[VideoFrame]]


@dataclass(frozen=True, slots=True)
class ConditioningInputs:
    """Frames uint8 [F, H, W, 3], None for what isn't given. `begin` has up to MAX_BEGIN_FRAMES."""

    begin: Frames | None = None
    end: Frames | None = None
    reference: Frames | None = None

    @property
    def names(self) -> list[str]:
        """Which of schemas.bundle.CONDITIONS are given."""
        return [name for name in CONDITIONS if getattr(self, name) is not None]


NO_INPUTS = ConditioningInputs()


def read_inputs(inputs: Inputs) -> ConditioningInputs:
    """Decode the files of a request.

    Raises:
        ValueError: a file holds no picture; the text says which.
    """
    return ConditioningInputs(
        begin=None if inputs.begin is None else _frames("begin", inputs.begin, _last),
        end=None if inputs.end is None else _frames("end", inputs.end, _first),
        reference=None if inputs.reference is None else _frames("reference", inputs.reference, _middle),
    )


def check_supported(inputs: ConditioningInputs, supported: Collection[str]) -> None:
    """Refuse conditions that a model wasn't trained on.

    Raises:
        ValueError: it wasn't trained on one of these.
    """
    for name in inputs.names:
        if name not in supported:
            raise ValueError(f"this model can't be shown {name!r}, only {', '.join(supported) or 'words'}")


def _frames(name: str, data: bytes, pick: Pick) -> Frames:
    """Frames uint8 [F, H, W, 3]: a picture, or those of an MP4 that `pick` takes."""
    try:
        with Image.open(BytesIO(data), formats=PICTURES) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError(f"{name} has more than {MAX_PIXELS} pixels")
            return np.asarray(picture.convert("RGB"))[None]
    except (OSError, SyntaxError, Image.DecompressionBombError):
        # A video, or nothing; what follows says which.
        pass
    try:
        # Of all that FFmpeg reads only MP4: other formats can name files and addresses to open.
        with av.open(BytesIO(data), "r", format="mp4") as file:
            stream = file.streams.video[0]
            if stream.width * stream.height > MAX_PIXELS:
                raise ValueError(f"{name} has more than {MAX_PIXELS} pixels")
            picked = pick(islice(file.decode(stream), MAX_FRAMES), stream.frames)
            if not picked:
                raise ValueError(f"{name} holds no frame")
            return np.stack([frame.to_ndarray(format="rgb24") for frame in picked])
    except (FFmpegError, IndexError, AttributeError) as error:
        # The stream of a file that is cut off has no codec, and then no width.
        raise ValueError(f"{name} is neither MP4 nor {', '.join(PICTURES)} that can be read") from error


def _last(frames: Iterator[VideoFrame], count: int) -> Sequence[VideoFrame]:
    return list(deque(frames, MAX_BEGIN_FRAMES))


def _first(frames: Iterator[VideoFrame], count: int) -> Sequence[VideoFrame]:
    return list(islice(frames, 1))


def _middle(frames: Iterator[VideoFrame], count: int) -> Sequence[VideoFrame]:
    # A count that isn't known, or is wrong, still gives a frame.
    return list(deque(islice(frames, count // 2 + 1), 1))
