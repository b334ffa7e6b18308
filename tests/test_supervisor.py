"""The product under its supervisor: what stops it says so, what dies comes back, what it started ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor import how_far
from tests.product import ModelFolders, Product, free_port, run_riffle

# Two times what processes have to stop in, of which the model server takes the longest.
STOP_WITHIN_S = 20.0


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_riffle(tmp_path, "up", RIFFLE_API_PORT=str(port))
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(port) in done.stderr
    assert "RIFFLE_API_PORT" in done.stderr


def test_two_processes_on_one_port_are_refused(tmp_path: Path) -> None:
    done = run_riffle(tmp_path, "up", RIFFLE_API_PORT="8123", RIFFLE_MODELS_PORT="8123")
    assert done.returncode == 1
    assert "ports must differ" in done.stderr


def test_a_second_riffle_in_the_same_home_is_refused(product: Product, tmp_path: Path) -> None:
    done = run_riffle(tmp_path, "up", RIFFLE_HOME=str(product.home))
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "another Riffle runs" in done.stderr
    # The one that runs is left alone, its database too.
    assert "PostgreSQL ended" not in product.output
    assert product.call("GET", "/ready")[0] == 200


def test_every_process_comes_back_after_sigkill(product: Product) -> None:
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


@pytest.mark.long
@pytest.mark.parametrize("word", ["models", "realtime", "api"])
def test_a_process_that_hangs_comes_back(product: Product, word: str) -> None:
    token = product.wait_until_up()
    before = product.pids(word)
    # While the model server hangs no new one is taken: what it can draw can't be asked.
    status, video = product.call_patiently("POST", "/v1/videos", {"prompt": "a cat on a beach"}, token)
    assert status == 200, video
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    if word == "models":
        assert product.call("GET", "/ready")[0] == 503
        told_by = time.monotonic() + 8
        while product.is_gateway_ready():
            assert time.monotonic() < told_by, "the gateway says ready while the model server hangs"
            time.sleep(0.2)
    product.wait_for_line(f"{word} hangs: ending it")
    deadline = time.monotonic() + 60
    while not (after := product.pids(word)) or after == before:
        assert time.monotonic() < deadline, product.output
        time.sleep(0.1)
    product.wait_until_up()
    assert product.wait(video["id"], token)["status"] == "completed"
    while product.call("GET", "/ready")[0] != 200:
        assert time.monotonic() < deadline, product.output
        time.sleep(0.1)


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
    assert not left_of(other)


# What Python runs first in every process: the preparation of the model waits until a file is there.
HOLD = """
import pathlib, sys, time
if "export.prepare" in sys.orig_argv:
    print({line!r}, flush=True)
    while not pathlib.Path({released!r}).exists():
        time.sleep(0.05)
"""
PROGRESS = "[model 12/30] quantise: decoder (31 s, about 25 s left)"


class Held(Product):
    """A Riffle whose model's preparation has begun, and goes on when it is released."""

    def __init__(self, tmp_path: Path, folders: ModelFolders) -> None:
        (tmp_path / "hold").mkdir()
        self._released = tmp_path / "released"
        code = HOLD.format(line=PROGRESS, released=str(self._released))
        (tmp_path / "hold" / "sitecustomize.py").write_text(code)
        super().__init__(tmp_path / "home", folders, PYTHONPATH=str(tmp_path / "hold"))

    def release(self) -> None:
        self._released.touch()


@pytest.fixture
def held(tmp_path: Path, model_folders: ModelFolders) -> Iterator[Held]:
    product = Held(tmp_path, model_folders)
    product.launch()
    yield product
    assert product.stop(STOP_WITHIN_S) == 0
    assert not left_of(product)
    assert not (product.home / "model-progress.txt").exists()


def test_the_product_answers_while_the_model_is_being_prepared(held: Held) -> None:
    held.wait_for_line(f"Riffle answers at {held.url} (the model is being prepared)")
    assert PROGRESS in held.output
    token = held.sign_up()
    status, feed = held.call("GET", "/v1/feed", token=token)
    assert (status, feed["items"]) == (200, [])
    with urllib.request.urlopen(held.url, timeout=10) as page:
        assert b"<title>Riffle</title>" in page.read()
    assert held.call("GET", "/health")[0] == 200
    for method, path, body in (
        ("POST", "/v1/videos", {"prompt": "a cat on a beach"}),
        ("GET", "/v1/models", None),
        ("GET", "/ready", None),
    ):
        headers, error = refused(held, method, path, body, token)
        assert int(headers["retry-after"]) > 0
        assert error["code"] == "busy"
        assert error["message"] == "the model is being prepared: step 12 of 30, about 25 s left"
    assert "Riffle is ready" not in held.output
    held.release()
    held.wait_for_line(f"Riffle is ready: {held.url}")
    assert held.call("GET", "/ready")[0] == 200
    status, video = held.call("POST", "/v1/videos", {"prompt": "a cat on a beach"}, token)
    assert status == 200
    render = held.call("POST", f"/v1/videos/{held.wait(video['id'], token)['id']}/render", {}, token)[1]
    # Its engine may still be loading.
    assert held.wait(render["id"], token)["status"] == "completed"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[model 1/30] load it (0 s)", "step 1 of 30"),
        ("[model 30/30] verify (50 s, about 3 s left)", "step 30 of 30, about 3 s left"),
        ("downloading", "downloading"),
    ],
)
def test_progress_is_said_in_plain_words(line: str, expected: str) -> None:
    assert how_far(line) == expected


def test_a_signal_stops_it_while_the_model_is_being_prepared(held: Held) -> None:
    held.wait_for_line("Riffle answers at")
    # The fixture stops it, and looks at what is left.


def test_a_signal_stops_it_before_anything_answers(held: Held) -> None:
    held.wait_for_line("starting PostgreSQL")


def test_a_model_that_cannot_be_prepared_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ports = {f"RIFFLE_{name}_PORT": str(free_port()) for name in ("API", "REALTIME", "MODELS")}
    folders = {"RIFFLE_TEACHER": str(tmp_path / "empty"), "RIFFLE_BUNDLE": str(tmp_path / "bundle")}
    done = run_riffle(tmp_path, "up", **ports, **folders)
    assert done.returncode == 1, done.stdout
    assert "the model can't be made ready" in done.stdout
    assert done.stderr.strip().splitlines()[-1].startswith("preparing the model failed")
    assert "Riffle is ready" not in done.stdout
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{ports['RIFFLE_API_PORT']}/health", timeout=5)


def test_without_a_renderer_it_serves_previews_and_says_why(
    tmp_path: Path, model_folders: ModelFolders
) -> None:
    previews = Product(tmp_path / "home", ModelFolders(tmp_path / "no-teacher", model_folders.bundle))
    previews.start()
    try:
        previews.wait_for_line("full videos can't be drawn")
        assert "no-teacher" in previews.output
        token = previews.sign_up()
        video = previews.call("POST", "/v1/videos", {"prompt": "a cat"}, token)[1]
        assert previews.wait(video["id"], token)["status"] == "completed"
    finally:
        assert previews.stop() == 0


def refused(
    product: Product, method: str, path: str, body: object, token: str
) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and error of a request that is answered by 503."""
    request = urllib.request.Request(
        product.url + path,
        None if body is None else json.dumps(body).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {token}"},
        method=method,
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)
    assert caught.value.code == 503
    headers = {name.lower(): value for name, value in caught.value.headers.items()}
    return headers, json.load(caught.value)["error"]


def left_of(product: Product) -> list[bytes]:
    """Command lines of processes that still name the home of a product that was stopped."""
    home = str(product.home).encode()
    return [found for path in Path("/proc").glob("[0-9]*/cmdline") if home in (found := _read(path))]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
