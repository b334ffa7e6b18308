"""The model is made ready beside its place: what is cut off leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from export.work_folder import make_work_folder, remove_abandoned
from settings import PROJECT
from tests.export.small import small_folder


def test_a_preparation_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    places = {
        "RIFFLE_HOME": str(tmp_path / "home"),
        "RIFFLE_TEACHER": str(small_folder()),
        "RIFFLE_BUNDLE": str(tmp_path / "models" / "bundle"),
    }
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "export.prepare"],
        cwd=PROJECT,
        env={**os.environ, **places},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as lines:
        assert any("draw previews" in line for line in lines)
        process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 128 + signal.SIGTERM
    assert list((tmp_path / "models").iterdir()) == []


def test_work_folders_of_dead_processes_are_removed_and_others_stay(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    own = make_work_folder(out)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead = tmp_path / f".bundle-{ended.pid}-abcd"
    dead.mkdir()
    remove_abandoned(out)
    assert list(tmp_path.iterdir()) == [own]
