"""A wrong path is answered in one line by every command; a defect keeps its traceback."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from export import cli
from export.assemble import BESIDE, assemble
from export.command import one_line_errors
from export.errors import ExportError
from settings import PROJECT
from tests.export.small import small_folder

COMMANDS = sorted(
    path
    for pattern in ("bench/*.py", "bench/preview/__main__.py", "train/measure/*.py", "train/train.py")
    for path in PROJECT.glob(pattern)
    if "__name__" in path.read_text()
)


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_every_command_answers_by_the_one_way(path: Path) -> None:
    mains = [
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == "main"
    ]
    assert [[ast.unparse(item) for item in main.decorator_list] for main in mains] == [["one_line_errors"]]


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("bench.bundle_targets", ["BUNDLE"]),
        ("bench.render_fidelity", ["TEACHER", "BUNDLE"]),
        ("bench.denoiser_batching", ["MODEL"]),
        ("train.measure.reconstruction", ["--model", "MODEL"]),
    ],
)
def test_what_lies_at_a_path_is_not_what_it_should_be(
    module: str,
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, file in (("BUNDLE", "manifest.json"), ("MODEL", "riffle.json")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("nonsense")
    paths = {
        "BUNDLE": str(tmp_path / "BUNDLE"),
        "MODEL": str(tmp_path / "MODEL"),
        "TEACHER": str(small_folder()),
    }
    monkeypatch.setattr(sys, "argv", [module, *(paths.get(word, word) for word in words)])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(module).main()
    # In one line: that of the exit, or the last one of the parser's.
    message = ended.value.code
    if not isinstance(message, str):
        assert message == 2
        message = capsys.readouterr().err.splitlines()[-1]
    assert "\n" not in message
    assert str(tmp_path) in message


@pytest.mark.parametrize(
    "module", ["bench.fingerprint_distance", "bench.sketch_distance", "train.measure.memorization"]
)
def test_a_count_of_nothing_is_an_error_of_the_arguments(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    word = {"bench.fingerprint_distance": "--clips", "bench.sketch_distance": "--frames"}.get(
        module, "--rounds"
    )
    monkeypatch.setattr(sys, "argv", [module, word, "0"])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(module).main()
    assert ended.value.code == 2
    assert "0 is too few" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["export.assemble", "export.prepare", "export.record"])
def test_asking_for_help_begins_nothing(module: str, tmp_path: Path) -> None:
    env = {**os.environ, "RIFFLE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(PROJECT)}
    for word, status in (("--help", 0), ("--nonsense", 2)):
        done = subprocess.run(
            [sys.executable, "-m", module, word],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == status, done.stderr
        assert f"usage: python -m {module}" in done.stdout + done.stderr
        assert list(tmp_path.iterdir()) == []


def test_a_model_is_never_assembled_in_the_place_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    file = tmp_path / "thesis.txt"
    for out in (tmp_path, file):
        with pytest.raises(ExportError, match="it is left alone"):
            assemble(out)
    assert file.read_text() == "years of work"
    with pytest.raises(ExportError, match="holds no weights"):
        assemble(tmp_path / "model", tmp_path)
    assert list(tmp_path.iterdir()) == [file]


def test_an_export_to_nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert cli.main([str(tmp_path / "nothing"), "--out", str(tmp_path / "out")]) == 1
    for words in (
        ["verify", str(tmp_path / "nothing")],
        ["card", str(tmp_path / "file")],
        [str(small_folder()), "--out", str(tmp_path / "file" / "x")],
    ):
        assert cli.main(words) == 1
        assert len(capsys.readouterr().err.strip().splitlines()[-1:]) == 1


def test_a_defect_keeps_its_traceback() -> None:
    @one_line_errors
    def main() -> None:
        raise KeyError("a defect")

    with pytest.raises(KeyError):
        main()


def test_a_folder_with_every_part_is_replaced_when_its_weights_change(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    for name in ("teacher", *BESIDE):
        (weights / name).mkdir(parents=True)
        (weights / name / "part.bin").write_bytes(b"first")
    out = assemble(tmp_path / "model", weights)
    for name in BESIDE:
        (weights / name / "part.bin").write_bytes(b"second")
    assert assemble(out, weights) == out
    assert {(out / name / "part.bin").read_bytes() for name in BESIDE} == {b"second"}
