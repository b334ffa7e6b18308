"""`make check FILE...`: ruff, mypy and the tests that a change touches, in under a minute.

    python -m tests.check [FILE ...]

Without files: those that differ from HEAD. Tests of a file are the one that mirrors it and those that import
its module. Those that need a running product or the exported model are left to `make test` and named.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Fixtures that start the whole product, export a model, or open a browser: more than a minute.
SLOW = {"product", "model_folders", "browser", "page", "server"}


def changed() -> list[str]:
    """Files that differ from HEAD, new ones too."""
    commands = (
        ["git", "diff", "--name-only", "--diff-filter=d", "HEAD"],
        ["git", "ls-files", "--others", "--exclude-standard"],
    )
    return [
        name
        for command in commands
        for name in subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.splitlines()
    ]


def imported(path: Path) -> set[str]:
    """Modules that a file imports; `from a import b` names both a and a.b."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def is_slow(path: Path) -> bool:
    """Whether a test takes a fixture that takes long."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, functions)]
    return any(argument.arg in SLOW for node in nodes for argument in node.args.args)


def module_of(path: Path) -> str:
    """The dotted name of a Python file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def affected_tests(paths: list[Path]) -> list[Path]:
    """Tests that mirror these files, import one of them, or are one of them."""
    modules = {module_of(path) for path in paths}
    mirrors = {f"{path.parent.relative_to(ROOT) / f'test_{path.name}'}" for path in paths}
    found = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        mirrored = path.relative_to(ROOT / "tests").as_posix() in mirrors
        if path in paths or mirrored or imported(path) & modules:
            found.append(path)
    return found


def main(names: list[str]) -> int:
    """Check files; the exit status is 0 where all of it passes."""
    paths = [(ROOT / name).resolve() for name in names or changed()]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        print(f"there is no file {', '.join(missing)}", file=sys.stderr)
        return 2
    python = [path for path in paths if path.suffix == ".py"]
    if not python:
        print("no Python file to check; `make test` runs the page's tests in a browser")
        return 0
    tests = affected_tests(python)
    slow = [path for path in tests if is_slow(path)]
    quick = [str(path.relative_to(ROOT)) for path in tests if path not in slow]
    files = [str(path.relative_to(ROOT)) for path in python]
    # Training is not under mypy, nor are tests.
    typed = [name for name in files if name.split("/")[0] not in ("tests", "train")]
    steps = [
        ["ruff", "format", "--check", *files],
        ["ruff", "check", *files],
        *([["mypy", *typed]] if typed else []),
        *([["pytest", "-q", "-n0", "-m", "not long", *quick]] if quick else []),
    ]
    failed = [step[0] for step in steps if subprocess.run([sys.executable, "-m", *step], cwd=ROOT).returncode]
    if slow:
        print("left to `make test`: " + ", ".join(str(path.relative_to(ROOT)) for path in slow))
    if failed:
        print("failed: " + ", ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
