"""Who may import whom: five floors, no circle, no arrow upward."""

from __future__ import annotations

import ast
from collections.abc import Collection
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = {
    "schemas",
    "settings",
    "logs",
    "domain",
    "media",
    "db",
    "model_server",
    "api",
    "realtime",
    "export",
    "train",
    "riffle",
    "supervisor",
    "processes",
    "doctor",
    "backup",
    "web",
    "bench",
    "tests",
}
MAY_IMPORT = {
    "schemas": set(),
    "settings": {"schemas"},
    "logs": {"settings"},
    "media": {"schemas"},
    "db": {"schemas", "settings"},
    "domain": {"schemas", "settings", "db"},
    "model_server": {"schemas", "settings", "logs", "domain", "media"},
    "api": {"schemas", "settings", "logs", "domain", "db", "media"},
    "realtime": {"schemas", "settings", "logs", "domain", "db", "media"},
    "export": {"schemas", "settings", "model_server"},
    "train": {"schemas", "settings", "model_server", "export"},
    # The command and the supervisor load what they run by name, in processes of their own.
    "riffle": {"settings"},
    "supervisor": {"settings", "processes", "db"},
    "processes": {"settings"},
    "doctor": {"settings", "processes", "supervisor"},
    "backup": {"settings", "db", "domain"},
}
HEAVY = {"torch", "diffusers", "onnxruntime", "transformers", "optimum", "onnx"}
DATABASE = {"piccolo", "asyncpg"}
FORBIDDEN = {
    "schemas": HEAVY | DATABASE | {"litestar", "asyncio", "socket"},
    "logs": HEAVY | DATABASE | {"litestar", "asyncio", "socket"},
    "settings": HEAVY | DATABASE | {"litestar", "asyncio", "socket"},
    "media": HEAVY | DATABASE | {"litestar"},
    "db": HEAVY | {"litestar"},
    "domain": HEAVY | {"litestar"},
    "model_server": DATABASE | {"litestar"},
    "api": HEAVY | DATABASE,
    "realtime": HEAVY | {"piccolo", "litestar"},
    "export": DATABASE | {"litestar"},
    "train": DATABASE | {"litestar"},
    "riffle": HEAVY | DATABASE | {"litestar"},
    "supervisor": HEAVY | DATABASE | {"litestar"},
    "processes": HEAVY | DATABASE | {"litestar"},
    "doctor": HEAVY | DATABASE | {"litestar"},
    "backup": HEAVY | DATABASE | {"litestar"},
}
# Decisions of the domain, without I/O: facts and the clock are passed in.
PURE = {
    "domain/client_address.py",
    "domain/clock.py",
    "domain/ids.py",
    "domain/metrics_reader.py",
    "domain/consent/policy.py",
    "domain/consent/policy_table.py",
    "domain/consent/refused_topics.py",
    "domain/events/resume.py",
    "domain/feed/cursors.py",
    "domain/feed/prompt_diff.py",
    "domain/feed/ranking.py",
    "domain/safety/hash_distance.py",
    "domain/safety/name_match.py",
    "domain/safety/phrases.py",
    "domain/safety/rules.py",
    "domain/safety/spelling.py",
    "domain/safety/text.py",
    "domain/understanding/carry.py",
    "domain/understanding/choose.py",
    "domain/understanding/grammar.py",
    "domain/understanding/lexicon.py",
    "domain/understanding/name_index.py",
    "domain/understanding/parser.py",
    "domain/understanding/reader.py",
    "domain/understanding/scene.py",
    "domain/understanding/scene_prompt.py",
    "domain/understanding/spelling.py",
    "domain/understanding/words.py",
    "domain/videos/drafts.py",
    "domain/videos/lifecycle.py",
    "domain/videos/mentions.py",
    "domain/videos/pricing.py",
    "domain/videos/recipes.py",
    "domain/videos/relations.py",
    "domain/videos/steer.py",
    "domain/videos/validate.py",
}
INPUT_OUTPUT = HEAVY | DATABASE | {"litestar", "asyncio", "socket", "httpx", "db", "media"}
# Of the serving path only these load torch: full renders.
TORCH = {
    "model_server/engine/render.py",
    "model_server/engine/render_start.py",
    "model_server/engine/render_state.py",
    "model_server/engine/teacher.py",
}
MAX_LINES = 400


def modules(place: str) -> list[Path]:
    """The files of a folder, or the one file of that name."""
    single = ROOT / f"{place}.py"
    return [single] if single.is_file() else sorted((ROOT / place).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path: Path, ours: Collection[str]) -> set[str]:
    """Those of our modules that a file imports: `from domain.feed import posts` is domain.feed.posts."""
    found = imported(path)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
            if all(f"{node.module}.{alias.name}" in ours for alias in node.names):
                found.discard(node.module or "")
    return found & set(ours)


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


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports inside of functions count too."""
    files = {dotted(path): path for place in sorted(OURS - {"web"}) for path in modules(place)}
    graph = {name: imported_modules(path, files) - {name} for name, path in files.items()}
    # What imports nothing that is left can be in no circle: take it away until nothing changes.
    while free := {name for name, others in graph.items() if not others & graph.keys()}:
        graph = {name: others for name, others in graph.items() if name not in free}
    # Nor can what nothing that is left imports.
    while free := graph.keys() - set().union(*graph.values()):
        graph = {name: others for name, others in graph.items() if name not in free}
    assert not graph, {name: sorted(others & graph.keys()) for name, others in graph.items()}


@pytest.mark.parametrize("place", sorted(MAY_IMPORT))
def test_imports_point_downward(place: str) -> None:
    assert modules(place), place
    for path in modules(place):
        tops = {name.split(".")[0] for name in imported(path)}
        assert tops & OURS <= MAY_IMPORT[place] | {place}, f"{name_of(path)} imports {tops & OURS}"
        assert not tops & FORBIDDEN[place], f"{name_of(path)} imports {tops & FORBIDDEN[place]}"


def test_decisions_do_no_input_or_output() -> None:
    for name in PURE:
        names = imported(ROOT / name)
        tops = {each.split(".")[0] for each in names}
        assert not tops & INPUT_OUTPUT, f"{name} imports {tops & INPUT_OUTPUT}"
        impure = {
            each
            for each in names
            if each.startswith("domain.")
            and each.count(".") > 1
            and f"{each.replace('.', '/')}.py" not in PURE
        }
        assert not impure, f"{name} imports {impure}"


def test_the_model_server_knows_only_decisions_of_the_domain() -> None:
    for path in modules("model_server"):
        used = {f"{name.replace('.', '/')}.py" for name in imported(path) if name.startswith("domain.")}
        assert used <= PURE, f"{name_of(path)} imports {used - PURE}"


def test_of_the_media_folder_the_model_server_knows_only_the_encoder() -> None:
    for path in modules("model_server"):
        used = {name for name in imported(path) if name.split(".")[0] == "media"}
        assert used <= {"media.h264"}, f"{name_of(path)} imports {used}"


def test_the_serving_path_is_free_of_torch() -> None:
    for path in modules("model_server"):
        if name_of(path) not in TORCH:
            loaded = {name.split(".")[0] for name in imported(path)} & {"torch", "diffusers", "transformers"}
            assert not loaded, f"{name_of(path)} imports {loaded}"


def test_export_uses_only_the_engine_of_the_model_server() -> None:
    for place in ("export", "train"):
        for path in modules(place):
            used = {name for name in imported(path) if name.startswith("model_server.")}
            assert all(name.startswith("model_server.engine") for name in used), f"{path}: {used}"


def test_only_what_talks_to_the_database_knows_piccolo() -> None:
    for place in MAY_IMPORT:
        for path in modules(place):
            if place not in ("db", "domain"):
                assert not any(name.split(".")[0] == "piccolo" for name in imported(path)), path


def test_a_class_name_means_one_thing() -> None:
    places: dict[str, list[str]] = {}
    for place in [*MAY_IMPORT, "riffle", "install", "bench"]:
        for path in modules(place):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places.setdefault(node.name, []).append(name_of(path))
    twice = {name: paths for name, paths in places.items() if len(paths) > 1}
    assert not twice, twice


def test_no_file_outgrows_its_reason() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for place in [*MAY_IMPORT, "riffle", "bench", "tests"]
        for path in modules(place)
        if (count := len(path.read_text().splitlines())) > MAX_LINES
    }
    assert not long, long


def test_the_tests_mirror_the_tree() -> None:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        folder = path.relative_to(ROOT / "tests").parent
        assert (ROOT / folder).is_dir(), f"{path} mirrors no folder"
