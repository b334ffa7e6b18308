"""The command line: what is wrong is said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.product import free_port
from tests.product import run_riffle as run


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
    "words", ["db verify-ledger", "db restored", "media verify", "seed", "moderator remove bobby"]
)
def test_a_database_that_cannot_be_used_is_one_line(words: str, tmp_path: Path) -> None:
    nobody = f"postgresql://127.0.0.1:{free_port()}/riffle"
    done = run(tmp_path, *words.split(), RIFFLE_DATABASE_URL=nobody)
    assert done.returncode == 1
    assert done.stderr.startswith("the database can't be used: ")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("words", ["db verify-ledger", "media verify"])
def test_a_database_without_tables_is_one_line(words: str, tmp_path: Path, postgres: str) -> None:
    done = run(tmp_path, *words.split(), RIFFLE_DATABASE_URL=postgres)
    assert done.returncode == 1
    assert done.stderr.startswith("the database can't be used: ")
    assert "riffle db upgrade" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
