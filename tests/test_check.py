"""`make check` finds the tests that a change touches."""

from __future__ import annotations

from tests.check import ROOT, affected_tests, is_slow, main


def names(*files: str) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in affected_tests([ROOT / file for file in files])}


def test_a_files_tests_are_its_mirror_and_those_that_import_it() -> None:
    found = names("domain/feed/ranking.py")
    assert "tests/domain/feed/test_ranking.py" in found
    assert "tests/export/test_pack.py" not in found
    assert "tests/media/test_fingerprint.py" in names("domain/safety/hash_distance.py")
    assert names("tests/test_layout.py") == {"tests/test_layout.py"}


def test_affected_tests_the_running_product_are_slow() -> None:
    assert is_slow(ROOT / "tests/test_supervisor.py")
    assert not is_slow(ROOT / "tests/domain/feed/test_ranking.py")


def test_a_file_that_is_not_there_is_named() -> None:
    assert main(["domain/nothing.py"]) == 2
