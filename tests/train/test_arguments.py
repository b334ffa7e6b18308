"""Folders that are named on a command line, and numbers."""

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from train.arguments import bundle_folder, count, existing_path, model_folder, positive, weights_folder


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


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "many", ""])
def test_too_few_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        count(text)
    assert count("1") == 1


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "many"])
def test_nothing_times_as_much(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        positive(text)
    assert positive("0.5") == 0.5
