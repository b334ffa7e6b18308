"""The one command: what stops it says so in one line, and what it started ends with it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from settings import PROJECT
from tests.product import ModelFolders, Product


def run(tmp_path: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RIFFLE")}
    return subprocess.run(
        [sys.executable, "-m", "riffle", *words],
        cwd=PROJECT,
        env={**clean, "RIFFLE_HOME": str(tmp_path / "home"), **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_bad_setting_is_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, "up", RIFFLE_API_PORT="eighty")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "RIFFLE_API_PORT='eighty'" in done.stderr


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(tmp_path, "up", RIFFLE_API_PORT=str(port))
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(port) in done.stderr
    assert "RIFFLE_API_PORT" in done.stderr


def test_two_parts_on_one_port_are_refused(tmp_path: Path) -> None:
    done = run(tmp_path, "up", RIFFLE_API_PORT="8123", RIFFLE_MODELS_PORT="8123")
    assert done.returncode == 1
    assert "ports must differ" in done.stderr


def test_an_unknown_word_lists_the_known_ones(tmp_path: Path) -> None:
    done = run(tmp_path, "fly")
    assert done.returncode == 2
    assert "realtime" in done.stderr


def test_a_second_riffle_in_the_same_home_is_refused(product: Product, tmp_path: Path) -> None:
    done = run(tmp_path, "up", RIFFLE_HOME=str(product.home))
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "another Riffle runs" in done.stderr
    # The one that runs is left alone, its database too.
    assert "PostgreSQL ended" not in product.output
    assert product.call("GET", "/ready")[0] == 200


def test_every_part_comes_back_after_sigkill(product: Product) -> None:
    for word in ("models", "realtime", "api"):
        before = product.pids(word)
        product.kill(word)
        deadline = time.monotonic() + 60
        while not (after := product.pids(word)) or after == before:
            assert time.monotonic() < deadline, product.output
            time.sleep(0.1)
    token = product.wait_until_up()
    # The api that came back knows no model until the model server that came back has loaded its own.
    status, video = product.call_patiently("POST", "/v1/videos", {"prompt": "a cat on a beach"}, token)
    assert status == 200, video
    assert product.wait(video["id"], token)["status"] == "completed"


def test_the_database_comes_back_after_sigkill(product: Product) -> None:
    token = product.sign_up()
    first = product.call("POST", "/v1/videos", {"prompt": "a pig in a meadow", "n": 4}, token)[1]
    os.kill(int((product.home / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    for video_id in first["swarm"]["video_ids"]:
        assert product.wait(video_id, token)["status"] == "completed"
    assert product.call("GET", "/v1/me/credits", token=token)[1]["held"] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_it_started(
    tmp_path: Path, model_folders: ModelFolders, number: signal.Signals
) -> None:
    other = Product(tmp_path / "home", model_folders)
    other.start()
    assert other.process is not None
    ours = [pid for word in ("models", "realtime", "api") for pid in other.pids(word)]
    assert len(ours) == 3
    other.process.send_signal(number)
    assert other.process.wait(30) == 0
    assert not [pid for pid in ours if Path(f"/proc/{pid}").exists()]
    home = str(other.home).encode()
    left = [p for p in Path("/proc").glob("[0-9]*/cmdline") if home in _read(p)]
    assert not left, [_read(p) for p in left]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
