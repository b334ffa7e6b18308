"""Fixtures of the whole product: the real model folders, and a running Riffle as a stranger meets it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from filelock import FileLock

from export.prepare import prepare
from settings import PROJECT, load

# The model's first load and the database's first start, on a busy machine.
READY_WITHIN_S = 180.0
PARTS = ("models", "realtime", "api")


class ModelFolders(NamedTuple):
    """Where the teacher's diffusers folder and the exported bundle lie."""

    teacher: Path
    bundle: Path


@pytest.fixture(scope="session")
def model_folders() -> ModelFolders:
    """The model of this repository, exported once for all workers; kept under var/ between runs."""
    home = PROJECT / "var" / "test-models"
    home.mkdir(parents=True, exist_ok=True)
    settings = load({"RIFFLE_HOME": str(home)})
    with FileLock(f"{home}.lock"):
        prepare(settings)
    return ModelFolders(settings.teacher, settings.bundle)


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_riffle(tmp_path: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """`riffle` with these words and settings, run to its end; its home lies in `tmp_path` unless set."""
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


class Product:
    """A running Riffle and what a client of it needs."""

    def __init__(self, home: Path, folders: ModelFolders, **extra: str) -> None:
        self.home = home
        self.ports = {part: free_port() for part in PARTS}
        self.url = f"http://127.0.0.1:{self.ports['api']}"
        self.socket_url = f"ws://127.0.0.1:{self.ports['realtime']}"
        self._log = home.parent / f"{home.name}.log"
        self._env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RIFFLE")},
            "RIFFLE_HOME": str(home),
            "RIFFLE_API_PORT": str(self.ports["api"]),
            "RIFFLE_REALTIME_PORT": str(self.ports["realtime"]),
            "RIFFLE_MODELS_PORT": str(self.ports["models"]),
            "RIFFLE_TEACHER": str(folders.teacher),
            "RIFFLE_BUNDLE": str(folders.bundle),
            "RIFFLE_SEED": "off",
            "RIFFLE_RENDER_POSTS": "off",
            # As `make run` has it.
            "RIFFLE_REQUIRE_PROOF": "off",
            **extra,
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> str:
        """What it printed so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self) -> None:
        """Start it and wait for its ready line."""
        seen = self.output.count("Riffle is ready")
        self.launch()
        self.wait_for_line("Riffle is ready", seen)

    def launch(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "riffle", "up"],
                cwd=PROJECT,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_for_line(self, text: str, seen: int = 0) -> None:
        """Wait until it has printed `text` once more than `seen` times."""
        assert self.process is not None
        deadline = time.monotonic() + READY_WITHIN_S
        while self.output.count(text) <= seen:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(
                    f"no line {text!r} (status {self.process.poll()}):\n{self.output}\n{self.logs()}"
                )
            time.sleep(0.1)

    def stop(self, within_s: float = 30.0) -> int:
        """SIGTERM it; returns its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s)

    def logs(self) -> str:
        """The last lines of each part's log."""
        folder = self.home / "logs"
        return "\n".join(
            f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-30:])
            for path in sorted(folder.glob("*.log"))
        )

    def pids(self, word: str) -> list[int]:
        """Process ids of one part (`riffle <word>`) that belong to this product."""
        assert self.process is not None
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(status.read_text().rsplit(")", 1)[1].split()[1])
                command = (status.parent / "cmdline").read_bytes().split(b"\0")
            except (OSError, IndexError):
                continue
            if parent == self.process.pid and word.encode() in command:
                found.append(int(status.parent.name))
        return found

    def kill(self, word: str) -> None:
        """SIGKILL one part, as a fault would; one that is being restarted is waited for."""
        deadline = time.monotonic() + 30
        while not (pids := self.pids(word)):
            assert time.monotonic() < deadline, f"{word} does not run:\n{self.output}"
            time.sleep(0.05)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def call(
        self, method: str, path: str, body: object = None, token: str = "", **headers: str
    ) -> tuple[int, Any]:
        """One JSON request: (status, decoded reply)."""
        request = urllib.request.Request(
            self.url + path,
            None if body is None else json.dumps(body).encode(),
            {
                "content-type": "application/json",
                **({"authorization": f"Bearer {token}"} if token else {}),
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, json.loads(reply.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def call_patiently(
        self, method: str, path: str, body: object, token: str, within_s: float = 60.0
    ) -> tuple[int, Any]:
        """`call`, asked again while a restarted part is loading, as Retry-After bids its clients."""
        deadline = time.monotonic() + within_s
        while (reply := self.call(method, path, body, token))[0] == 503 and time.monotonic() < deadline:
            time.sleep(0.2)
        return reply

    def call_health(self, part: str) -> int:
        """The status of a part's `/health`; 0 while nothing listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[part]}/health", timeout=5) as reply:
                return int(reply.status)
        except OSError:
            return 0

    def sign_up(self) -> str:
        """A new person's access token."""
        body = {"handle": "p" + uuid4().hex[:12], "password": uuid4().hex}
        status, reply = self.call("POST", "/v1/accounts", body)
        assert status == 201, reply
        return str(reply["session"]["access_token"])

    def is_gateway_ready(self) -> bool:
        """What `GET /ready` of the realtime process says."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.ports['realtime']}/ready", timeout=5
            ) as reply:
                return bool(reply.status == 200)
        except urllib.error.HTTPError:
            return False

    def wait_until_up(self, within_s: float = 60.0) -> str:
        """Sign up as soon as the api answers (after a restart); returns the token."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                return self.sign_up()
            except (urllib.error.URLError, OSError):
                assert time.monotonic() < deadline, self.output
                time.sleep(0.2)

    def wait(self, video_id: str, token: str, within_s: float = 120.0) -> dict[str, Any]:
        """Poll one video to its end."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                status, video = self.call("GET", f"/v1/videos/{video_id}", token=token)
                if status == 200 and video["status"] not in ("queued", "in_progress"):
                    return dict(video)
            except (urllib.error.URLError, OSError):
                pass  # a killed api is being restarted
            if time.monotonic() > deadline:
                raise AssertionError(f"{video_id} did not end:\n{self.output}\n{self.logs()}")
            time.sleep(0.2)


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory, model_folders: ModelFolders) -> Iterator[Product]:
    """One running Riffle for the whole session, in a folder with a space in its path."""
    running = Product(tmp_path_factory.mktemp("a riffle") / "home", model_folders)
    running.start()
    yield running
    assert running.stop() == 0, running.output
