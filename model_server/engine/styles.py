"""The colours of a style, laid over whole frames."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from PIL import Image

from model_server.engine.pixels import Frames

Colour = tuple[int, int, int]

# What brightness becomes in a style of two or three colours, from dark to bright.
TONES: Mapping[str, tuple[Colour, Colour, Colour]] = MappingProxyType(
    {
        "monochrome": ((0, 0, 0), (128, 128, 128), (255, 255, 255)),
        "sepia": ((40, 22, 8), (158, 112, 66), (255, 236, 196)),
        "neon": ((26, 6, 72), (240, 40, 170), (110, 250, 255)),
    }
)
# How far a pastel goes towards white.
PALE = 0.5
LEVELS = np.arange(256, dtype=np.float32)


def style_frames(frames: Frames, style: str | None) -> Frames:
    """Frames uint8 [F, H, W, 3] in the colours of a style; as they are without one, or if it isn't known."""
    if style == "pastel":
        table = np.rint(LEVELS + (255 - LEVELS) * PALE).astype(np.uint8)
        return np.asarray(table[frames], dtype=np.uint8)
    if style is None or style not in TONES:
        return frames
    tones = np.asarray(TONES[style], dtype=np.float32)
    table = np.stack([np.interp(LEVELS, (0, 127.5, 255), tones[:, i]) for i in range(3)], axis=-1)
    table = np.rint(table).astype(np.uint8)
    return np.stack([table[np.asarray(Image.fromarray(frame).convert("L"))] for frame in frames])
