"""The command line: what is wrong is said in one line."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from tests.product import free_port
from tests.product import run_riffle as run

# 5 s for the database; the rest is importing torch and diffusers (the doctor) on a busy machine.
NO_ANSWER_S = 30.0


def own_ports() -> dict[str, str]:
    return {f"RIFFLE_{part}_PORT": str(free_port()) for part in ("API", "REALTIME", "MODELS")}


def test_a_bad_setting_is_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, "up", RIFFLE_API_PORT="eighty")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "RIFFLE_API_PORT='eighty'" in done.stderr


def test_an_unknown_word_lists_the_known_ones(tmp_path: Path) -> None:
    done = run(tmp_path, "fly")
    assert done.returncode == 2
    assert "realtime" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        *("db verify-ledger", "db restored", "db upgrade", "media verify", "seed", "moderator remove bobby"),
        *("api", "realtime", "up"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line(words: str, tmp_path: Path) -> None:
    nobody = f"postgresql://127.0.0.1:{free_port()}/riffle"
    done = run(tmp_path, *words.split(), RIFFLE_DATABASE_URL=nobody, **own_ports())
    assert done.returncode == 1
    assert done.stderr.startswith("the database can't be used")
    assert "Connect call failed" in done.stderr
    assert len((done.stdout + done.stderr).strip().splitlines()) == 1


@pytest.mark.parametrize("words", ["api", "realtime", "up", "doctor", "db upgrade"])
def test_a_database_that_never_answers_is_one_line_soon(words: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://riffle@127.0.0.1:{silent.getsockname()[1]}/riffle"
        started = time.monotonic()
        done = run(tmp_path, *words.split(), RIFFLE_DATABASE_URL=url, **own_ports())
    assert time.monotonic() - started < NO_ANSWER_S
    assert done.returncode == 1
    said = [line for line in (done.stdout + done.stderr).splitlines() if "database" in line]
    assert len(said) == 1
    assert "it does not answer within 5 s" in said[0]


@pytest.mark.parametrize("words", ["db verify-ledger", "media verify"])
def test_a_database_without_tables_is_one_line(words: str, tmp_path: Path, postgres: str) -> None:
    done = run(tmp_path, *words.split(), RIFFLE_DATABASE_URL=postgres)
    assert done.returncode == 1
    assert done.stderr.startswith("the database can't be used: ")
    assert "riffle db upgrade" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
