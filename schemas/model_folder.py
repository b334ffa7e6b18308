"""`riffle.json` of a model folder: what component configurations don't say."""

from __future__ import annotations

from itertools import pairwise

import msgspec

from export.errors import ExportError


class Tier(msgspec.Struct, kw_only=True):
    """How one tier is drawn: `size` is (width, height) in pixels, `sigmas` end with 0.

    `sizes` are all that it was trained for, `size` among them; none: that one alone.
    """

    size: tuple[int, int]
    sigmas: list[float]
    guidance: float
    sizes: list[tuple[int, int]] = []


class Card(msgspec.Struct, kw_only=True):
    """The whole file; `lengths` are all numbers of frames that it was trained for, none: `frames` alone."""

    name: str
    fps: int
    frames: int
    max_sequence_length: int
    preview: Tier
    full: Tier
    licence: str = ""
    # What the model was trained to be shown beside words (begin, end, reference), and at what second of the
    # clip's time a reference picture stands.
    conditions: list[str] = []
    reference_second: float = -1.0
    # Width and height of a reference picture; none: the preview's.
    reference_size: tuple[int, int] | None = None
    lengths: list[int] = []


def check_sigmas(sigmas: list[float]) -> None:
    """Noise levels lead from noise to a video.

    Raises:
        ExportError: these don't.
    """
    falling = all(now > later for now, later in pairwise(sigmas))
    if len(sigmas) < 2 or not falling or sigmas[-1] != 0.0:
        raise ExportError("load", f"riffle.json: sigmas must fall to 0, not {sigmas}")
