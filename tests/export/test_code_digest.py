"""A digest of code that its comments don't change."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.code_digest import code_digest

CODE = '''"""What it is."""
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 3


@dataclass
class Size:
    side: int = 3


def twice(x: int) -> int:
    """Twice."""
    y = 2 * x  # or x + x
    return y
'''


def digest(folder: Path, code: str) -> str:
    (folder / "one.py").write_text(code)
    return code_digest(("*.py",), folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # or x + x", ""),
        ("Twice.", "Two times."),
        ("2 * x", "(2 * x)"),
        ("What it is.", "It."),
        ("x: int", "x"),
        ("-> int", "-> float"),
        (" -> int", ""),
        ("side: int", "side: float"),
        ("    y = ", "    y: int = "),
        ("    y = ", "    y: int\n    y = "),
        ("WIDTH = 3", "WIDTH: int = 3"),
        ("from collections.abc import Sequence\n", ""),
        ("from collections.abc import Sequence", "from typing import Any"),
    ],
)
def test_what_changes_nothing_keeps_it(tmp_path: Path, old: str, new: str) -> None:
    assert digest(tmp_path, CODE.replace(old, new)) == digest(tmp_path, CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2 * x", "x * 2"),
        ("WIDTH = 3", "WIDTH = 4"),
        ("WIDTH = 3", "WIDTH: int = 4"),
        ("WIDTH = 3", "WIDTH: int"),
        ("twice", "two"),
        ("(x: int)", "(x: int, y: int)"),
        ("(x: int)", "(x: int = 1)"),
        ("side: int = 3", "side: int = 4"),
        ("side: int = 3", "side: int"),
        ("side: int = 3", "side = 3"),
        ("from dataclasses import dataclass", "from dataclass import dataclass"),
    ],
)
def test_what_changes_something_changes_it(tmp_path: Path, old: str, new: str) -> None:
    assert digest(tmp_path, CODE.replace(old, new)) != digest(tmp_path, CODE)


def test_a_file_more_or_of_another_name_changes_it(tmp_path: Path) -> None:
    before = digest(tmp_path, CODE)
    (tmp_path / "two.py").write_text("")
    assert code_digest(("*.py",), tmp_path) != before
    assert code_digest(("one.py",), tmp_path) == before
    (tmp_path / "one.py").rename(tmp_path / "three.py")
    assert code_digest(("three.py",), tmp_path) != before
