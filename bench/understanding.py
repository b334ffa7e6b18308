"""How well prompts are understood: written phrases, and the subjects that each should find.

    python -m bench.understanding [BUNDLE] [--phrases FILE] [--names]

BUNDLE is a bundle with a library (default: the settings'). A line of FILE is a phrase, what it is (`name`,
`paraphrase` or `nothing`) and the library's names that are right, with tabs between; those are parted by "/".
`--names` reads without the text encoder, as the api does while the model server is away.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import settings
from domain.understanding.name_index import NameIndex
from domain.understanding.reader import read
from domain.understanding.scene import SceneWords
from export.command import one_line_errors
from model_server.engine.bundle import load_manifest
from model_server.engine.understanding import Understanding
from schemas.library import PromptReading

PHRASES = Path(__file__).parent / "data" / "understanding.tsv"
# At least, or of `nothing` at most false finds: what is asked of this.
GOALS = {"name": 0.97, "paraphrase": 0.85, "nothing": 0.95}


class Phrase(NamedTuple):
    """A written phrase, and the names of the library that are right for it."""

    text: str
    kind: str
    right: list[str]


def phrases(path: Path) -> list[Phrase]:
    """The phrases of a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line.strip() and not line.startswith("#"))
    return [Phrase(text, kind, right.split("/") if right else []) for text, kind, right in rows]


def is_right(phrase: Phrase, reading: PromptReading) -> bool:
    """Whether the first subject is a right one; nothing, where nothing fits."""
    if not phrase.right:
        return not reading.subjects
    names = [each.name for each in reading.subjects[0].candidates] if reading.subjects else []
    return bool(set(names) & set(phrase.right))


def measure(
    written: list[Phrase], reader: Callable[[str], PromptReading]
) -> tuple[dict[str, float], list[tuple[Phrase, PromptReading]]]:
    """The share that is right of each kind, and the phrases that aren't."""
    found: dict[str, list[bool]] = defaultdict(list)
    wrong = []
    for phrase in written:
        reading = reader(phrase.text)
        right = is_right(phrase, reading)
        found[phrase.kind].append(right)
        if not right:
            wrong.append((phrase, reading))
    return {kind: sum(each) / len(each) for kind, each in found.items()}, wrong


@one_line_errors
def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bundle", type=Path, nargs="?", default=settings.load().bundle)
    parser.add_argument("--phrases", type=Path, default=PHRASES)
    parser.add_argument("--names", action="store_true")
    given = parser.parse_args()
    understanding = Understanding(given.bundle, load_manifest(given.bundle))
    reader: Callable[[str], PromptReading] = understanding.read
    if given.names:
        names = NameIndex(understanding.library.index)
        scene = SceneWords(load_manifest(given.bundle).vocabulary)
        reader = lambda text: read(text, names, scene)  # noqa: E731
    written = phrases(given.phrases)
    started = time.perf_counter()
    shares, wrong = measure(written, reader)
    each_ms = (time.perf_counter() - started) / len(written) * 1000
    for phrase, reading in wrong:
        got = [f"{each.candidates[0].name} {each.score:.2f}" for each in reading.subjects if each.candidates]
        print(f"{phrase.kind}: {phrase.text}: {', '.join(got) or 'nothing'}")
    for kind, share in shares.items():
        print(f"{kind}: {share:.1%} right (goal {GOALS.get(kind, 0):.0%})")
    print(f"{each_ms:.1f} ms each")


if __name__ == "__main__":
    main()
