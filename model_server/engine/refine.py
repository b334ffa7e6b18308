"""Puts a reference picture's own detail into a clip that was drawn with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model_server.engine.conditions import Floats, Frames, Size, filled, fitted
from model_server.engine.sessions import Component

BLACK_TO_WHITE = np.float32(255)


def refined(refiner: Component, frames: Frames, reference: Frames, sizes: Sequence[Size]) -> Frames:
    """Frames uint8 [F, H, W, 3] refined by a picture uint8 [1, h, w, 3].

    sizes: (width, height) of previews; subjects are looked for in the one whose shape the frames have.
    """
    height, width = frames.shape[1:3]
    small = min(sizes, key=lambda size: abs(size[0] / size[1] - width / height))
    short = min(height, width)
    feeds = {
        "reference": _channels_first(fitted(reference, (short, short))),
        "frames": _channels_first(frames),
        "small": _channels_first(frames if small == (width, height) else filled(frames, small)),
    }
    made = refiner.run(feeds)["refined"]
    return np.rint(np.moveaxis(made, 1, -1).clip(0, 1) * BLACK_TO_WHITE).astype(np.uint8)


def _channels_first(frames: Frames) -> Floats:
    """uint8 [F, H, W, 3] -> float32 [F, 3, H, W] in 0..1."""
    return np.moveaxis(frames, -1, 1).astype(np.float32) / BLACK_TO_WHITE
