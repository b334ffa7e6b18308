"""Folders that are named on a command line."""

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from train.arguments import bundle_folder, existing_path, model_folder, weights_folder


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        (model_folder, "riffle.json"),
        (bundle_folder, "manifest.json"),
        (weights_folder, "model.safetensors"),
    ],
)
def test_a_folder_is_known_by_its_file(kind: Callable[[str], Path], file: str, tmp_path: Path) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"it has no {file}"):
        kind(str(tmp_path))
    (tmp_path / file).touch()
    assert kind(str(tmp_path)) == tmp_path


def test_a_path_must_be_there(tmp_path: Path) -> None:
    assert existing_path(str(tmp_path)) == tmp_path
    with pytest.raises(argparse.ArgumentTypeError, match="is not there"):
        existing_path(str(tmp_path / "control.pt"))
