"""What a long task says of itself: the step it is at, how long it has taken, and how long is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

# Seconds that the expected speed counts as measured: a short first step alone says little.
PRIOR_S = 5.0


class ExportProgress:
    """Prints a line for each step. `last` is what was begun last, `seconds` what each finished step took.

    `expected` has seconds of each step as measured elsewhere: how much faster or slower this machine is shows
    after the first steps. Steps that it doesn't know count as one second.
    """

    def __init__(
        self,
        label: str,
        expected: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.last = label
        self.seconds: dict[str, float] = {}
        self._label, self._clock = label, clock
        self._expected = dict(expected or {})
        self._plan = list(self._expected)
        self._begun, self._since = clock(), clock()
        self._step = ""

    def plan(self, steps: Sequence[str]) -> None:
        """The steps in their order, once they are known; those that are over stay counted."""
        past = [name for name in [*self.seconds, self._step] if name and name not in steps]
        self._plan = [*past, *steps]

    def step(self, name: str, text: str, stage: str = "") -> None:
        """The step before is over, this one begins; `stage` is what an error in it is put down to."""
        self._close()
        self._step, self.last = name, f"{stage}: {name}" if stage else name
        if name not in self._plan:
            self._plan.append(name)
        number = self._plan.index(name)
        spent = self._clock() - self._begun
        left = f", about {self._left(spent, number):.0f} s left" if self._expected or self.seconds else ""
        print(f"[{self._label} {number + 1}/{len(self._plan)}] {text} ({spent:.0f} s{left})", flush=True)

    def detail(self, text: str) -> None:
        """Something within a step."""
        print(f"[{self._label}]   {text}", flush=True)

    def end(self, text: str) -> None:
        """All is over."""
        self._close()
        print(f"[{self._label}] {text} ({self._clock() - self._begun:.0f} s)", flush=True)

    def _close(self) -> None:
        now = self._clock()
        if self._step:
            self.seconds[self._step] = self.seconds.get(self._step, 0.0) + now - self._since
        self._step, self._since = "", now

    def _left(self, spent: float, number: int) -> float:
        over = sum(self._weight(name) for name in self.seconds)
        prior = PRIOR_S if self._expected else 0.0
        pace = (spent + prior) / (over + prior) if over + prior else 1.0
        return pace * sum(self._weight(name) for name in self._plan[number:])

    def _weight(self, name: str) -> float:
        return self._expected.get(name, 1.0)
