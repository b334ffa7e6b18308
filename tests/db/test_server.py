"""A database that can't start says so at once, and why."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

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
