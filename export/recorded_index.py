"""The record's index: which model and code its graphs and choices are of."""

from __future__ import annotations

from pathlib import Path

import msgspec

from schemas.bundle import KeptLayer

FOLDER = Path(__file__).parent / "recorded"
INDEX = "index.json"
RANGES_SUFFIX = ".ranges.json"


class Choices(msgspec.Struct, kw_only=True):
    """What was measured for one target: by part, the layers that stay in higher precision."""

    digest: str
    kept: dict[str, list[KeptLayer]]


class Index(msgspec.Struct, kw_only=True):
    """The whole record but the graphs. `tracers` are the versions of the packages that traced them.

    `seconds` is how long each step of an export with this record took where it was made: their shares matter,
    not their sum.
    """

    graphs_digest: str
    tracers: dict[str, str]
    ranges_digest: str
    choices: dict[str, Choices]
    seconds: dict[str, float]


def read_index(folder: Path = FOLDER) -> Index | None:
    """The record's index; None if there is none."""
    path = folder / INDEX
    return msgspec.json.decode(path.read_bytes(), type=Index) if path.is_file() else None


def expected_seconds() -> dict[str, float]:
    """How long each step of making the shipped model ready took where the record was made."""
    found = read_index()
    return {} if found is None else found.seconds
