"""How many prompts that name somebody does the registry refuse, and how many that don't?

    python -m bench.name_refusals [--misses]

The prompts are in bench/data/registry_prompts.jsonl: each with the texts that it rests on, whether it names
somebody, and its half. Matching was looked at with the `tune` half alone; the `held` half is what to believe.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import msgspec

from domain.safety.name_match import NameMatcher, shipped_entries
from export.command import one_line_errors

PROMPTS = Path(__file__).parent / "data" / "registry_prompts.jsonl"


class Prompt(msgspec.Struct, kw_only=True, frozen=True):
    """A written prompt, newest text first, and whether it names somebody of the registry."""

    text: str
    lineage: list[str]
    named: bool
    half: str


class Score(NamedTuple):
    """What was refused of one half."""

    prompts: int
    precision: float
    recall: float
    wrong: list[Prompt]


def prompts() -> list[Prompt]:
    """The written set."""
    lines = PROMPTS.read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Prompt) for line in lines]


def score(matcher: NameMatcher, of: list[Prompt]) -> Score:
    """Precision and recall, 0..1, and the prompts that were judged wrongly."""
    refused = [bool(matcher.find([item.text, *item.lineage])) for item in of]
    right = sum(item.named for item, was in zip(of, refused, strict=True) if was)
    wrong = [item for item, was in zip(of, refused, strict=True) if was != item.named]
    return Score(len(of), right / max(1, sum(refused)), right / sum(item.named for item in of), wrong)


@one_line_errors
def main() -> None:
    """Print the table; with --misses, what was judged wrongly in the half that may be looked at."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.name_refusals",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--misses", action="store_true")
    args = parser.parse_args()
    matcher, written = NameMatcher(shipped_entries()), prompts()
    print("| half | prompts | precision | recall |\n|---|---|---|---|")
    for half in ("tune", "held"):
        found = score(matcher, [item for item in written if item.half == half])
        print(f"| {half} | {found.prompts} | {found.precision:.3f} | {found.recall:.3f} |")
        if args.misses and half == "tune":
            print("\n".join(f"{'missed' if item.named else 'refused'}: {item}" for item in found.wrong))


if __name__ == "__main__":
    main()
