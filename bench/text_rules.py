"""How many bad sentences do the rules refuse, and how many harmless ones that hold the same words?

    python -m bench.text_rules [--misses]

The sentences are in bench/data/rule_sentences.jsonl: each with whether a person's likeness is in it, the rule
that must refuse it (none: harmless), other rules that may, and its half. The rules were looked at with the
`development` half alone; the `held_out` half is what to believe.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from domain.safety.rules import judge, rules
from export.command import one_line_errors

SENTENCES = Path(__file__).parent / "data" / "rule_sentences.jsonl"
HALVES = ("development", "held_out")


class Sentence(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A written sentence. `rule` must refuse it, and those of `also` may; harmless where `rule` is None."""

    text: str
    person: bool
    half: str
    rule: str | None = None
    also: list[str] = []


class Measured(NamedTuple):
    """Of how many sentences; the share of refusals that are right, and of the bad ones that were refused."""

    sentences: int
    precision: float
    recall: float


def sentences(half: str | None = None) -> list[Sentence]:
    """The written set, or one half of it."""
    read = [msgspec.json.decode(line, type=Sentence) for line in SENTENCES.read_bytes().splitlines()]
    return [item for item in read if half in (None, item.half)]


def found_by(written: Sequence[Sentence]) -> list[set[str]]:
    """The rules that refuse each sentence."""
    return [{finding.rule for finding in judge([item.text], item.person)} for item in written]


def measure(written: Sequence[Sentence]) -> Measured:
    """Verdicts in all: a refusal is right where the sentence is bad, whichever rule refuses."""
    refused = [item for item, names in zip(written, found_by(written), strict=True) if names]
    right, bad = (
        sum(item.rule is not None for item in refused),
        sum(item.rule is not None for item in written),
    )
    return Measured(len(written), right / max(1, len(refused)), right / max(1, bad))


def measure_rule(written: Sequence[Sentence], rule: str) -> Measured:
    """One rule: right where it must or may refuse; found where it must."""
    refused = [item for item, names in zip(written, found_by(written), strict=True) if rule in names]
    right = sum(rule == item.rule or rule in item.also for item in refused)
    found, wanted = (sum(rule == item.rule for item in items) for items in (refused, written))
    return Measured(wanted, right / max(1, len(refused)), found / max(1, wanted))


@one_line_errors
def main() -> None:
    """Print the table; with --misses, what was judged wrongly in the half that may be looked at."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.text_rules",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--misses", action="store_true")
    args = parser.parse_args()
    parts = [sentences(half) for half in HALVES]
    print("| | development | precision | recall | held out | precision | recall |")
    print("|---|---|---|---|---|---|---|")
    for rule in rules():
        _print(rule.name, [measure_rule(part, rule.name) for part in parts])
    _print("in all", [measure(part) for part in parts])
    if args.misses:
        for item, names in zip(parts[0], found_by(parts[0]), strict=True):
            if (item.rule and item.rule not in names) or not names <= {item.rule, *item.also}:
                print(f"{item.rule or 'harmless'} -> {', '.join(sorted(names)) or 'nothing'}: {item.text}")


def _print(name: str, measured: Sequence[Measured]) -> None:
    print(
        f"| {name} |"
        + "".join(f" {it.sentences} | {it.precision:.3f} | {it.recall:.3f} |" for it in measured)
    )


if __name__ == "__main__":
    main()
