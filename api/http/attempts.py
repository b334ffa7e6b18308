"""How often one address may try to sign up or in: enough for a household, too little for guessing."""

from __future__ import annotations

import time
from collections.abc import Callable

# argon2 takes about 30 ms of a core: 300 a minute is a seventh of one core, and no useful guessing rate.
ATTEMPTS_PER_WINDOW = 300
WINDOW_S = 60.0
# 100 bytes an address: 2 MB. Past it the oldest windows are forgotten first.
MAX_ADDRESSES = 20_000


class Attempts:
    """Counts in this process; each replica counts for itself, so N replicas allow N times as many."""

    def __init__(
        self,
        limit: int = ATTEMPTS_PER_WINDOW,
        window_s: float = WINDOW_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit, self._window_s, self._clock = limit, window_s, clock
        self._windows: dict[str, tuple[float, int]] = {}

    def wait_s(self, address: str) -> float:
        """Count one attempt: 0 where it may go on, else the seconds until the address may try again."""
        now = self._clock()
        started, count = self._windows.pop(address, (now, 0))
        if now - started >= self._window_s:
            started, count = now, 0
        self._windows[address] = (started, count + 1)
        if len(self._windows) > MAX_ADDRESSES:
            del self._windows[next(iter(self._windows))]
        return 0.0 if count < self._limit else self._window_s - (now - started)
