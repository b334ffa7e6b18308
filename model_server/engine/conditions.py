"""What a clip is shown beside words: the frames it begins with, the one it ends with, a reference picture."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import islice

import av
import numpy as np
from av import VideoFrame
from av.error import FFmpegError
from numpy.typing import NDArray
from PIL import Image

from schemas.work import Inputs

Frames = NDArray[np.uint8]
Floats = NDArray[np.float32]
Size = tuple[int, int]
# Frames uint8 [F, H, W, 3] of a size (width, height) -> latents of a clip that begins with them.
Encode = Callable[[Frames, Size], Floats]

PICTURES = ("PNG", "WEBP", "JPEG")
# 48 megapixels, what phones go to, are 150 MB once they are decoded.
MAX_PIXELS = 50_000_000
# A minute at 30 frames a second; nothing after it is looked at.
MAX_FRAMES = 1800
# Two latent frames tell where everything is and how it moves: 5 frames at 4 a latent frame, 9 at 8.
BEGIN_LATENTS = 2
MOST_BEGIN_FRAMES = 9
# The noise level of tokens that tell nothing.
UNTOLD = 1.0


@dataclass(frozen=True, slots=True)
class Shown:
    """Frames uint8 [F, H, W, 3], None for what isn't shown. `begin` has up to MOST_BEGIN_FRAMES."""

    begin: Frames | None = None
    end: Frames | None = None
    reference: Frames | None = None

    @property
    def names(self) -> list[str]:
        """Which of schemas.bundle.CONDITIONS these are."""
        return [name for name in ("begin", "end", "reference") if getattr(self, name) is not None]


NOTHING = Shown()


@dataclass(frozen=True, slots=True)
class Told:
    """The conditions of one clip as a denoiser takes them, normalised latents all.

    reference: [1, C, 1, h', w'], end: [1, C, 1, h, w], zeros where there is none; clean: [1, C, K, h, w], the
    first K latent frames of the clip.
    """

    reference: Floats
    end: Floats
    clean: Floats
    has_reference: bool
    has_end: bool

    def hold(self, latents: NDArray[np.floating]) -> None:
        """Put the frames that are shown in their places in latents [1, C, F, h, w]."""
        latents[:, :, : self.clean.shape[2]] = self.clean

    def levels(self, sigma: float, frames: int) -> tuple[Floats, Floats]:
        """Noise levels: of each latent frame [1, F]; of the reference picture and the last frame [1, 2]."""
        each = np.full((1, frames), sigma, dtype=np.float32)
        each[:, : self.clean.shape[2]] = 0
        there = (self.has_reference, self.has_end)
        return each, np.asarray([[0.0 if known else UNTOLD for known in there]], dtype=np.float32)

    def without_reference(self) -> Told:
        """The same without the picture: for the pass without a prompt, so that guidance leads to it."""
        return replace(self, reference=np.zeros_like(self.reference), has_reference=False)


def shown(inputs: Inputs) -> Shown:
    """Read what a job is shown.

    Raises:
        ValueError: a file holds no picture; the text says which.
    """
    return Shown(
        begin=None if inputs.begin is None else _frames("begin", inputs.begin, _last),
        end=None if inputs.end is None else _frames("end", inputs.end, _first),
        reference=None if inputs.reference is None else _frames("reference", inputs.reference, _middle),
    )


def check(given: Shown, known: Collection[str]) -> None:
    """A model draws only what it was trained on.

    Raises:
        ValueError: it wasn't trained on one of these.
    """
    for name in given.names:
        if name not in known:
            raise ValueError(f"this model can't be shown {name!r}, only {', '.join(known) or 'words'}")


def tell(
    given: Shown,
    encode: Encode,
    shape: tuple[int, ...],
    frames_each: int,
    size: Size,
    reference_size: Size,
) -> Told:
    """The conditions of a clip of latents `shape` [1, C, F, h, w] and `size` (width, height).

    frames_each: frames of a latent frame; a reference picture is encoded at `reference_size`.
    """
    _, channels, _, rows, columns = shape
    space = size[0] // columns
    end = np.zeros((1, channels, 1, rows, columns), dtype=np.float32)
    grid = reference_size[1] // space, reference_size[0] // space
    reference = np.zeros((1, channels, 1, *grid), dtype=np.float32)
    clean = end[:, :, :0]
    if given.end is not None:
        end = encode(filled(given.end, size), size)[:, :, :1]
    if given.reference is not None:
        reference = encode(fitted(given.reference, reference_size), reference_size)[:, :, :1]
    if given.begin is not None:
        count = begun(given.begin, frames_each)
        clean = encode(filled(given.begin[-count:], size), size)[:, :, : BEGIN_LATENTS if count > 1 else 1]
    return Told(reference, end, clean, given.reference is not None, given.end is not None)


def begun(begin: Frames, frames_each: int) -> int:
    """How many of the frames it begins with a clip is told: the last one, or a latent frame more."""
    # What lies between is no whole number of latent frames.
    return frames_each + 1 if len(begin) > frames_each else 1


def filled(frames: Frames, size: Size) -> Frames:
    """Scale frames to cover `size` (width, height) and cut off what is left over at the sides."""
    rows, columns = frames.shape[1:3]
    scale = max(size[0] / columns, size[1] / rows)
    wide, tall = size[0] / scale, size[1] / scale
    box = ((columns - wide) / 2, (rows - tall) / 2, (columns + wide) / 2, (rows + tall) / 2)
    return np.stack([_resized(frame, size, box) for frame in frames])


def fitted(frames: Frames, size: Size) -> Frames:
    """Scale frames to lie inside `size` (width, height), on the colour of their edge."""
    width, height = size
    rows, columns = frames.shape[1:3]
    scale = min(width / columns, height / rows)
    wide, tall = max(1, round(columns * scale)), max(1, round(rows * scale))
    left, top = (width - wide) // 2, (height - tall) // 2
    out = np.empty((len(frames), height, width, 3), dtype=np.uint8)
    for number, frame in enumerate(frames):
        edge = np.concatenate((frame[0], frame[-1], frame[:, 0], frame[:, -1]))
        out[number] = np.median(edge, axis=0)
        whole = (0.0, 0.0, float(columns), float(rows))
        out[number, top : top + tall, left : left + wide] = _resized(frame, (wide, tall), whole)
    return out


def _resized(frame: Frames, size: Size, box: tuple[float, float, float, float]) -> Frames:
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC, box))


def _frames(
    name: str, data: bytes, pick: Callable[[Iterator[VideoFrame], int], Sequence[VideoFrame]]
) -> Frames:
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
    return list(deque(frames, MOST_BEGIN_FRAMES))


def _first(frames: Iterator[VideoFrame], count: int) -> Sequence[VideoFrame]:
    return list(islice(frames, 1))


def _middle(frames: Iterator[VideoFrame], count: int) -> Sequence[VideoFrame]:
    # A count that isn't known, or is wrong, still gives a frame.
    return list(deque(islice(frames, count // 2 + 1), 1))
