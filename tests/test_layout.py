"""Who may import whom: five floors, no circle, no arrow upward."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = {
    "schemas",
    "core",
    "media",
    "db",
    "model_server",
    "api",
    "realtime",
    "export",
    "riffle",
    "web",
    "bench",
    "tests",
}
MAY_IMPORT = {
    "schemas": set(),
    "core": {"schemas"},
    "media": {"schemas"},
    "db": {"schemas", "core"},
    "model_server": {"schemas", "core"},
    "api": {"schemas", "core", "db", "media"},
    "realtime": {"schemas", "core", "db", "media"},
    "export": {"schemas", "core", "model_server"},
}
HEAVY = {"torch", "diffusers", "onnxruntime", "transformers", "optimum", "onnx"}
FORBIDDEN = {
    "schemas": HEAVY | {"piccolo", "litestar", "asyncio", "asyncpg", "socket"},
    "core": HEAVY | {"piccolo", "litestar", "asyncio", "asyncpg", "socket"},
    "media": HEAVY | {"piccolo", "litestar"},
    "db": HEAVY | {"litestar"},
    "model_server": {"piccolo", "litestar", "asyncpg"},
    "api": HEAVY | {"piccolo", "asyncpg"},
    "realtime": HEAVY | {"piccolo", "litestar"},
    "export": {"piccolo", "litestar", "asyncpg"},
}
# The serving path loads these without torch: only the full renderer may.
TORCH_FREE = {
    "app",
    "scheduler",
    "preview",
    "encode",
    "stitch",
    "conditions",
    "compare",
    "bundle",
    "sessions",
    "tokens",
    "host",
    "threads",
}
MAX_LINES = 400


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Every module a file names in an import, at any depth (also inside functions)."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_imports_point_downward(folder: str) -> None:
    assert modules(folder), folder
    for path in modules(folder):
        tops = {name.split(".")[0] for name in imported(path)}
        assert tops & OURS <= MAY_IMPORT[folder] | {folder}, f"{path.relative_to(ROOT)} imports {tops & OURS}"
        assert not tops & FORBIDDEN[folder], f"{path.relative_to(ROOT)} imports {tops & FORBIDDEN[folder]}"


def test_the_serving_path_is_free_of_torch() -> None:
    for path in modules("model_server"):
        if path.stem in TORCH_FREE:
            assert not {name.split(".")[0] for name in imported(path)} & {
                "torch",
                "diffusers",
                "transformers",
            }, path


def test_export_uses_only_the_engine_of_the_model_server() -> None:
    parts = (
        "preview",
        "bundle",
        "compare",
        "conditions",
        "encode",
        "sessions",
        "tokens",
        "render",
        "host",
        "flow",
    )
    allowed = {f"model_server.{part}" for part in parts}
    for path in modules("export"):
        used = {name for name in imported(path) if name.startswith("model_server")}
        assert used <= allowed, f"{path}: {used}"


def test_only_db_knows_piccolo() -> None:
    for folder in MAY_IMPORT:
        for path in modules(folder):
            if folder != "db":
                assert not any(name.split(".")[0] == "piccolo" for name in imported(path)), path


def test_no_file_outgrows_its_reason() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for folder in [*MAY_IMPORT, "bench", "tests"]
        for path in modules(folder)
        if (count := len(path.read_text().splitlines())) > MAX_LINES
    }
    assert not long, long


def test_the_tests_mirror_the_tree() -> None:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        folder = path.relative_to(ROOT / "tests").parent
        assert (ROOT / folder).is_dir(), f"{path} mirrors no folder"
