"""Clips as phones, re-uploaders and a model make them."""

from __future__ import annotations

import io
from collections.abc import Iterable

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Frames = NDArray[np.uint8]
FPS = 10


def mp4(
    frames: Iterable[Frames],
    *,
    crf: int = 18,
    size: tuple[int, int] | None = None,
    fps: int = FPS,
    **said: str,
) -> bytes:
    """An MP4 of RGB frames; `said` is written into its metadata."""
    shown = list(frames)
    height, width, _ = shown[0].shape
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        container.metadata.update(said)
        stream = container.add_stream("libx264", rate=fps, options={"crf": str(crf), "preset": "ultrafast"})
        stream.width, stream.height = size or (width, height)
        stream.pix_fmt = "yuv420p"
        for pixels in shown:
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(frame.reformat(width=stream.width, height=stream.height)))
        container.mux(stream.encode())
    return buffer.getvalue()


def grey(width: int, height: int, count: int = 4) -> list[Frames]:
    """Frames that grow lighter."""
    return [np.full((height, width, 3), 60 * number, dtype=np.uint8) for number in range(count)]


def scene(seed: int, count: int = 20, side: int = 128, *, moves: bool = True) -> list[Frames]:
    """A disc that crosses a painted ground; each seed paints and moves otherwise."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (5, 5, 3)).astype(np.float32)
    ground = np.kron(coarse, np.ones((side // 5 + 1, side // 5 + 1, 1), np.float32))[:side, :side]
    rows, columns = np.mgrid[:side, :side]
    start, end = rng.uniform(0.2, 0.8, (2, 2)) * side
    frames = []
    for number in range(count):
        at = start + (end - start) * (number / count if moves else 0)
        disc = (rows - at[0]) ** 2 + (columns - at[1]) ** 2 < (side / 5) ** 2
        frames.append(np.where(disc[..., None], 255 - ground, ground).astype(np.uint8))
    return frames


def proof(seed: int, seconds: float = 4.0, **said: str) -> bytes:
    """Somebody who moves."""
    return mp4(scene(seed, int(seconds * FPS)), **said)


def jpeg(side: int = 64) -> bytes:
    """A small photo."""
    picture = Image.new("RGB", (side, side), (180, 120, 60))
    data = io.BytesIO()
    picture.save(data, "JPEG")
    return data.getvalue()
