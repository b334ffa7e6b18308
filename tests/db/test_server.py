"""A database that can't start says so at once, and why."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from db import server
from settings import Settings, load


@pytest.fixture
def stopped(tmp_path: Path) -> Settings:
    """A home whose server ran once."""
    settings = load({"RIFFLE_HOME": str(tmp_path / "home")})
    server.ensure(settings)
    server.stop(settings)
    return settings


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("postgresql.conf", "no_such_setting = 1\n", "no_such_setting"),
        ("PG_VERSION", "9.6\n", "9.6"),
        ("global/pg_control", "broken", "pg_control"),
    ],
)
def test_what_stops_it_is_said_at_once(stopped: Settings, file: str, text: str, why: str) -> None:
    (stopped.home / "postgres" / file).write_text(text)
    began = time.monotonic()
    with pytest.raises(RuntimeError, match="PostgreSQL does not start") as caught:
        server.ensure(stopped)
    assert time.monotonic() - began < 30
    assert why in str(caught.value)


def test_a_folder_that_was_half_made_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load({"RIFFLE_HOME": str(tmp_path / "home")})
    folder = settings.home / "postgres"
    failed = []

    def broken_off(self: server.PostgresServer) -> None:
        if failed:
            return real(self)
        # As after the death of the server that initdb starts for itself.
        (folder / "PG_VERSION").write_text("18\n")
        (folder / "base").mkdir()
        (folder / "postmaster.pid").write_text("-4194300\n/none\n1\n5432\n\n\n1 1\n")
        failed.append(True)
        raise subprocess.CalledProcessError(1, ("/somewhere/initdb", "-D", str(folder)))

    real = server.PostgresServer.ensure_pgdata_inited
    monkeypatch.setattr(server.PostgresServer, "ensure_pgdata_inited", broken_off)
    try:
        assert server.ensure(settings).startswith("postgresql://")
        assert failed
    finally:
        server.stop(settings)


@pytest.fixture
def stranger() -> Iterator[int]:
    """A process of the server's user that is no server, as one that got a dead one's number."""
    user = "pgserver" if os.geteuid() == 0 else None
    process = subprocess.Popen(["sleep", "100"], user=user)
    yield process.pid
    process.kill()
    process.wait()


# What a server has written when it is there, the number left out, and how much of it one that died had.
LINES = "{folder}\n1\n5432\n{folder}\n\n 1 1\n"
STARTING, READY = "", "ready\n"


@pytest.mark.parametrize("written", [None, STARTING, READY], ids=["nothing", "while it started", "all"])
@pytest.mark.parametrize("lives", [False, True], ids=["dead", "somebody else's number"])
def test_a_server_that_died_at_any_moment_is_started_again(
    stopped: Settings, stranger: int, written: str | None, lives: bool
) -> None:
    folder = stopped.home / "postgres"
    number = stranger if lives else 4194300
    lines = LINES.format(folder=folder)
    (folder / "postmaster.pid").write_text("" if written is None else f"{number}\n{lines}{written}")
    (folder / ".s.PGSQL.5432.lock").write_text(f"{number}\n{lines}")
    began = time.monotonic()
    assert server.ensure(stopped).startswith("postgresql://")
    assert time.monotonic() - began < 20
    assert server.running(stopped)
    server.stop(stopped)


@pytest.mark.parametrize("seen", [True, False], ids=["seen", "seen by PostgreSQL alone"])
def test_what_a_dead_server_leaves_is_waited_for(
    stopped: Settings, seen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.ensure(stopped)
    if not seen:
        monkeypatch.setattr(server, "_is_worked_in", lambda folder: False)
    first = psutil.Process(int((stopped.home / "postgres" / "postmaster.pid").read_text().split()[0]))
    # On a busy machine its processes hear of the death of the first one late.
    helper = first.children()[0]
    helper.suspend()
    first.kill()
    later = threading.Timer(5.0, helper.resume)
    later.start()
    try:
        assert server.ensure(stopped).startswith("postgresql://")
        # Where nobody collects the dead, as in some containers, one that ended keeps its name.
        assert not helper.is_running() or helper.status() == psutil.STATUS_ZOMBIE
    finally:
        later.join()
        server.stop(stopped)


def test_what_somebody_else_keeps_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    settings = load({"RIFFLE_HOME": str(tmp_path / "home")})
    theirs = settings.home / "postgres" / "letters" / "to_ada.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("Dear Ada")
    with pytest.raises(RuntimeError, match="not empty"):
        server.ensure(settings)
    assert theirs.read_text() == "Dear Ada"
    assert sorted(path.name for path in theirs.parent.parent.iterdir()) == ["letters"]


def test_memory_that_is_still_in_use_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert not server._is_held(log)
    held = (
        "FATAL:  pre-existing shared memory block (key 4859770, ID 3637286) is still in use\nHINT:  Wait.\n"
    )
    log.write_text(f"LOG:  database system is shut down\n{held}")
    assert server._is_held(log)
    log.write_text(f"{held}FATAL:  could not open file\n")
    assert not server._is_held(log)
