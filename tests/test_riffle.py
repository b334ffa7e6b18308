"""The command line: what is wrong is said in one line."""

from __future__ import annotations

from pathlib import Path

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
