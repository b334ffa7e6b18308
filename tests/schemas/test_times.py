"""Instants on the wire are whole seconds under one name, and spans say their unit."""

from __future__ import annotations

import importlib
import typing
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from schemas.base import UnixSeconds

ROOT = Path(__file__).resolve().parents[2]
# The ledger's is text, because it is hashed as it stands; the manifest is a file and not on the wire.
OTHERS = {"LedgerEntry.at", "Manifest.created_at"}


def structs() -> Iterator[type[msgspec.Struct]]:
    for path in sorted((ROOT / "schemas").glob("*.py")):
        module = importlib.import_module(f"schemas.{path.stem}")
        for found in vars(module).values():
            if (
                isinstance(found, type)
                and issubclass(found, msgspec.Struct)
                and found.__module__ == module.__name__
            ):
                yield found


INSTANTS = [
    pytest.param(kind, name, id=f"{kind.__name__}.{name}")
    for kind in structs()
    for name in kind.__struct_fields__
    if (name == "at" or name.endswith("_at")) and f"{kind.__name__}.{name}" not in OTHERS
]


@pytest.mark.parametrize(("kind", "name"), INSTANTS)
def test_an_instant_is_in_unix_seconds(kind: type[msgspec.Struct], name: str) -> None:
    hint = typing.get_type_hints(kind, include_extras=True)[name]
    assert UnixSeconds in (hint, *typing.get_args(hint)), hint


def test_there_are_instants() -> None:
    assert len(INSTANTS) > 15
