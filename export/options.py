"""What a person asks of an export beyond the folder, and the sizes it can be asked in."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

# What is quantised or narrowed where. On CUDA int8 products go through the host's memory, and a browser's are
# no faster than 16 bits; processors compute 16 bits more slowly than 32.
PRECISIONS_OF = {
    "avx2": ("int8", "int4", "fp32"),
    "vnni": ("int8", "int4", "fp32"),
    "arm64": ("int8", "int4", "fp32"),
    "cuda": ("fp16", "int4", "fp32"),
    "web": ("fp16", "int4", "fp32"),
}
# A bundle holds the transformer once for each.
MAX_SHAPES = 16
MAX_STEPS = 1000
MAX_PROMPT_TOKENS = 4096


class ExportOptions(msgspec.Struct, kw_only=True, frozen=True):
    """Flags; what is None or empty comes from riffle.json, else from the family's pipeline."""

    sizes: tuple[tuple[int, int], ...] = ()
    frames: tuple[int, ...] = ()
    fps: int | None = None
    steps: int | None = None
    guidance: float | None = None
    prompt_tokens: int | None = None
    decode_timestep: float = 0.0
    name: str | None = None
    tiny_decoder: Path | None = None
    encoder: bool = True


def count(text: str) -> int:
    """How many: 1 or more.

    Raises:
        ArgumentTypeError: it is no such number.
    """
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no int") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is too few: 1 or more")
    return number


def size(text: str) -> tuple[int, int]:
    """`64x96` as (width, height).

    Raises:
        ValueError: it is nothing like that.
    """
    width, cross, height = text.lower().partition("x")
    if not cross or int(width) < 1 or int(height) < 1:
        raise ValueError(text)
    return int(width), int(height)


def default_precision(target: str) -> str:
    """The first of a target's precisions."""
    return PRECISIONS_OF[target][0]
