"""The model is made ready beside its place: what is cut off leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from export import prepare
from export.work_folder import make_work_folder, remove_abandoned
from model_server.engine import host
from settings import PROJECT, load
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


def test_what_stands_is_known_without_asking_the_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RIFFLE_TEACHER", raising=False)
    monkeypatch.delenv("RIFFLE_BUNDLE", raising=False)
    settings = load({"RIFFLE_HOME": str(tmp_path)})
    settings.bundle.mkdir(parents=True)
    (settings.bundle / "manifest.json").touch()
    stamp = settings.bundle.with_name("bundle.built-from")
    # As it was written before the processor stood in it.
    stamp.write_text(f"{host.host_target()} {prepare.fingerprint(prepare.WEIGHTS)}")
    prepare.prepare(settings)
    # What loads neither torch nor onnxruntime takes a fraction of a second.
    code = "import sys, export.prepare as p; p.prepare(p.load()); sys.exit('onnxruntime' in sys.modules)"
    env = {**os.environ, "RIFFLE_HOME": str(tmp_path)}
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, env=env, check=False).returncode == 0

    class Made(Exception):
        """A new bundle is begun."""

    def begin(_: Path) -> None:
        raise Made

    monkeypatch.setattr(prepare, "assemble", begin)
    monkeypatch.setattr(prepare, "processor_id", lambda: "another")
    prepare.prepare(settings)
    assert stamp.read_text().endswith("\nanother"), "its target fits here too"
    monkeypatch.setattr(prepare, "processor_id", lambda: "a third")
    monkeypatch.setattr(host, "host_target", lambda: "riscv")
    with pytest.raises(Made):
        prepare.prepare(settings)


def test_work_folders_of_dead_processes_are_removed_and_others_stay(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    own = make_work_folder(out)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead = tmp_path / f".bundle-{ended.pid}-abcd"
    dead.mkdir()
    remove_abandoned(out)
    assert list(tmp_path.iterdir()) == [own]
