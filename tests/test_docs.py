"""What the documentation names is there: links, files, modules and commands."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "train/docs/**/*.md")
    for page in ROOT.glob(pattern)
    if page.name != "CHANGELOG.md"
)
FOLDERS = "api|bench|db|docs|domain|export|media|model_server|realtime|schemas|tests|train|web"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# `domain/videos/lifecycle.py`, `export/weights/judge`, and the like; a pattern or a placeholder is none.
FILE = re.compile(rf"`((?:{FOLDERS})/[\w./-]*|\w+\.py)(?::\w+)?`")
COMMAND = re.compile(r"python -m ([a-z_]+(?:\.[a-z_]+)*)")
PROSE = re.compile(r"(?<![\w./])((?:train/)?docs/[\w/-]+\.md)\b")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def names(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found = HEADING.findall(page.read_text())
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{names(page)} links to {link}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{names(page)} links to {link}"


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_files_that_are_named_exist(page: Path) -> None:
    for name in FILE.findall(page.read_text()):
        near = (ROOT / name, page.parent / name)
        assert any(path.exists() for path in near) or list(ROOT.glob(f"*/**/{name}")), (
            f"{names(page)} names {name}"
        )


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_pages_that_are_named_in_prose_exist(page: Path) -> None:
    for name in PROSE.findall(page.read_text()):
        assert (ROOT / name).is_file(), f"{names(page)} names {name}"


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_commands_that_are_named_exist(page: Path) -> None:
    for module in COMMAND.findall(page.read_text()):
        path = ROOT / module.replace(".", "/")
        if module.split(".")[0] in ("pytest", "pip", "venv"):
            continue
        there = path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
        assert there, f"{names(page)} names python -m {module}"


def test_the_architecture_names_every_room() -> None:
    rooms = set(
        re.findall(r"^\| `([\w/]+)/` \|", (ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE)
    )
    parents = ("api", "domain", "export", "model_server", "realtime", "train")
    packages = {
        names(path.parent)
        for top in (*parents, "db", "media", "schemas", "web", "bench")
        for path in (ROOT / top).rglob("*.py")
        if path.name != "__init__.py" and "migrations" not in path.parts
    }
    # A folder that only holds rooms is none itself; of the api and realtime their rooms are told apart.
    folders = {package for package in packages if package not in ("api", "domain", "realtime", "train")}
    assert rooms - {"web"} == folders - {"web"}
