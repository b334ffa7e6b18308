"""Folders that are named on a command line, and numbers."""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from export.assemble import WEIGHTS
from export.options import count
from settings import PROJECT
from train.arguments import bundle_folder, existing_path, model_folder, positive, weights_folder


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        (model_folder, "riffle.json"),
        (bundle_folder, "manifest.json"),
        (weights_folder, "model.safetensors"),
    ],
)
def test_a_folder_is_known_by_a_file_that_can_be_read(
    kind: Callable[[str], Path], file: str, tmp_path: Path
) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"it has no {file}"):
        kind(str(tmp_path))
    for damaged in (b"", b"{", b"\xff\xfe", b'{"version": 1}', b"[" * 100_000):
        (tmp_path / file).write_bytes(damaged)
        with pytest.raises(argparse.ArgumentTypeError) as refused:
            kind(str(tmp_path))
        assert str(tmp_path) in str(refused.value)
        assert len(str(refused.value).splitlines()) == 1


def test_folders_that_are_whole_are_taken(tmp_path: Path) -> None:
    judge = WEIGHTS / "judge"
    assert weights_folder(str(judge)) == judge
    (tmp_path / "riffle.json").write_bytes((WEIGHTS / "teacher" / "riffle.json").read_bytes())
    assert model_folder(str(tmp_path)) == tmp_path


def test_the_ladder_looks_at_a_bundle_before_it_begins(tmp_path: Path) -> None:
    (tmp_path / "riffle.json").write_bytes((WEIGHTS / "teacher" / "riffle.json").read_bytes())
    (tmp_path / "manifest.json").write_text('{"version": ')
    words = ["-m", "bench.preview", str(tmp_path), "--bundle", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *words], cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "manifest.json is damaged" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


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
