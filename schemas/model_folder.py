"""`riffle.json` of a model folder: what the component configurations don't say."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec

MODEL_SPEC_FILE = "riffle.json"


class ModelSpecError(ValueError):
    """A folder whose riffle.json can't be used; the text is one line that names the file."""


class TierSpec(msgspec.Struct, kw_only=True):
    """How one tier is drawn.

    `size` is the default (width, height) in pixels, `sizes` are all that it was trained for; none: `size`
    alone. `sigmas` are the noise levels from 1 to 0, both ends. `reference_guidance` leads to a reference
    picture as `guidance` does to the prompt; none: `guidance` leads to both.

    Raises:
        ValueError: the noise levels don't fall to 0.
    """

    size: tuple[int, int]
    sigmas: list[float]
    guidance: float
    reference_guidance: float | None = None
    sizes: list[tuple[int, int]] = []

    def __post_init__(self) -> None:
        falling = all(now > later for now, later in pairwise(self.sigmas))
        if len(self.sigmas) < 2 or not falling or self.sigmas[-1] != 0.0:
            raise ValueError(f"sigmas must fall to 0, not {self.sigmas}")


class ModelSpec(msgspec.Struct, kw_only=True):
    """The whole file. `lengths` are all numbers of frames that the model was trained for; none: `frames`."""

    name: str
    fps: int
    frames: int
    max_sequence_length: int
    preview: TierSpec
    full: TierSpec
    licence: str = ""
    lengths: list[int] = []
    # What the model was trained to be shown beside words (CONDITIONS of schemas.bundle), and at what second
    # of the clip a reference picture stands.
    conditions: list[str] = []
    reference_second: float = -1.0
    # Width and height of a reference picture; none: the preview's.
    reference_size: tuple[int, int] | None = None

    @property
    def full_sizes(self) -> list[tuple[int, int]]:
        """What full renders are drawn in, the default first."""
        return self.full.sizes or [self.full.size]


def read_model_spec(folder: Path) -> ModelSpec:
    """The `riffle.json` of a model folder.

    Raises:
        ModelSpecError: there is none, or it makes no sense.
    """
    path = folder / MODEL_SPEC_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=ModelSpec)
    except OSError as error:
        raise ModelSpecError(f"{path} can't be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelSpecError(f"{path}: {error}") from error
