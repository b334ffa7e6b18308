"""The written tables of data/: which pictures are taken, what each is called, how one would describe it."""

from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).parent / "data"
# Each of its lines names three pictures: of a person, a man and a woman.
ROLES = "roles"
# More descriptions of what tables name, and lists of labels.
DESCRIPTIONS, LABELS = "descriptions", ("faces_left", "faces_right", "busts", "heads")


class Line(NamedTuple):
    """One line: emojibase's label, the library's name, synonyms, what it is near to, descriptions."""

    table: str
    label: str
    name: str
    synonyms: list[str]
    near: list[str]
    descriptions: list[str]


def read_tables(folder: Path = DATA) -> list[Line]:
    """Every line of every table, in order.

    Raises:
        KeyError: something is described that no table has.
    """
    more = dict(_described(text) for text in _rows(folder / f"{DESCRIPTIONS}.txt"))
    lines = [
        _line(path.stem, text)
        for path in sorted(folder.glob("*.txt"))
        if path.stem not in (DESCRIPTIONS, *LABELS)
        for text in _rows(path)
    ]
    if unknown := more.keys() - {line.label for line in lines}:
        raise KeyError(f"{DESCRIPTIONS} describes what no table has: {sorted(unknown)}")
    return [line._replace(descriptions=line.descriptions + more.get(line.label, [])) for line in lines]


def read_labels(name: str) -> set[str]:
    """The labels of a list of data/, one a line."""
    return set(_rows(DATA / f"{name}.txt"))


def _rows(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _described(text: str) -> tuple[str, list[str]]:
    label, _, described = text.partition("|")
    return label.strip(), [each.strip() for each in described.split(";") if each.strip()]


def _line(table: str, text: str) -> Line:
    head, words, described = (*(part.strip() for part in text.split("|")), "", "")[:3]
    label, _, name = (part.strip() for part in head.partition(" > "))
    names = [word.strip() for word in words.split(",") if word.strip()]
    return Line(
        table,
        label,
        name or label,
        # Labels of families have commas of their own.
        [word for word in names if not word.startswith("~") and not word.startswith("family:")],
        [word[1:].strip() for word in names if word.startswith("~")],
        [each.strip() for each in described.split(";") if each.strip()],
    )
