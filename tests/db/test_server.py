"""A database that can't start says so at once, and why."""

from __future__ import annotations

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
