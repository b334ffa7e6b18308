"""Logging as a process sets it up: one line an event, as text or JSON, with the ids that are bound."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from settings import PROJECT

PROGRAM = """
import logging
import structlog
import logs
from settings import load

logs.configure(load(), "api")
logging.getLogger("other.package").debug("not shown at this level")
with structlog.contextvars.bound_contextvars(request_id="req_1"):
    logging.getLogger("other.package").warning("%s is away", "it")
try:
    token = "a secret"
    {}["missing"]
except KeyError:
    logging.getLogger("api.x").exception("broken")
"""


def logged(home: Path, form: str) -> str:
    """What PROGRAM writes to stderr."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=PROJECT,
        env={"RIFFLE_HOME": str(home), "RIFFLE_LOG_FORMAT": form},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout == ""
    return ended.stderr


def test_json_is_one_object_a_line_with_what_is_bound(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [json.loads(line) for line in logged(tmp_path, "json").splitlines()]
    assert len(lines) == 2
    first, second = lines
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "event": "it is away",
        "level": "warning",
        "logger": "other.package",
        "process": "api",
        "request_id": "req_1",
    }
    assert second["event"] == "broken"
    assert "KeyError: 'missing'" in second["exception"]
    assert "request_id" not in second


def test_text_says_the_same(tmp_path: Path) -> None:
    text = logged(tmp_path, "text")
    first, second, *traceback = text.splitlines()
    assert first.endswith(" [warning] it is away [other.package] process=api request_id=req_1")
    assert "[error] broken [api.x] process=api" in second
    assert traceback[-1] == "KeyError: 'missing'"


@pytest.mark.parametrize("form", ["text", "json"])
def test_tracebacks_show_no_variables(tmp_path: Path, form: str) -> None:
    # The program's own line is not shown by a traceback of code that came by -c.
    assert "a secret" not in logged(tmp_path, form)
