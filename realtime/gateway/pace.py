"""How much a phone may ask in a while: a bucket of tokens that fills with time. Pure."""

from __future__ import annotations


class Pace:
    """At most `burst` at once and `per_second` on average; instants are seconds of any one clock."""

    def __init__(self, burst: float, per_second: float, now: float) -> None:
        self._burst = burst
        self._per_second = per_second
        self._left = burst
        self._at = now

    def take(self, cost: float, now: float) -> bool:
        """Take `cost`; False where there is too little left."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if cost > self._left:
            return False
        self._left -= cost
        return True
