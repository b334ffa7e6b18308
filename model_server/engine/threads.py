"""How many threads a graph computes with: measured when it is loaded, since more make small graphs slower."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

# The setting that asks for a measurement.
MEASURED = 0
# More threads take more of the machine from everything else: their time must be this share or less.
WORTH_IT = 0.9
# Runs of each of two numbers of threads, in turns, so that a slow moment falls on both. The least time of
# each counts, since other work only adds.
ROUNDS = 6
# Graphs of large models take seconds a run: then a single pair has to do.
BUDGET_S = 0.5


class Warmable(Protocol):
    """What can be run once on inputs of zeros."""

    def warm(self) -> None:
        """Run once."""


T = TypeVar("T", bound=Warmable)


def fastest(make: Callable[[int], T], most: int) -> tuple[int, T]:
    """The number of threads up to `most` from which on doubling no longer pays, and what was made with it."""
    threads, best = 1, make(1)
    best.warm()
    while threads < most:
        more = min(2 * threads, most)
        other = make(more)
        other.warm()
        if not _pays(best, other):
            break
        threads, best = more, other
    return threads, best


def _pays(fewer: Warmable, more: Warmable) -> bool:
    least = [float("inf"), float("inf")]
    began = time.perf_counter()
    for _ in range(ROUNDS):
        for index, each in enumerate((fewer, more)):
            started = time.perf_counter()
            each.warm()
            least[index] = min(least[index], time.perf_counter() - started)
        if time.perf_counter() - began > BUDGET_S:
            break
    return least[1] <= WORTH_IT * least[0]
