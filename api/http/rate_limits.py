"""How often somebody may do something: counted in this process, in windows that end by themselves.

Each replica counts for itself, so N replicas allow N times as many.
"""

from __future__ import annotations

import hashlib
import math
import time
from types import TracebackType
from typing import Any

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from domain.client_address import rate_key
from schemas.errors import Code, RiffleError

# Whoever signs in or up costs 30 ms of a core: by one address at most a seventh of one core.
SIGN_INS = RateLimitItemPerMinute(300, namespace="sign_in")
# Wrong passwords: for one handle 2,880 a day, from wherever; who mistypes ten times waits five minutes.
# By one address enough for a school behind it.
FAILED_BY_HANDLE = RateLimitItemPerMinute(10, 5, namespace="failed_by_handle")
FAILED_BY_ADDRESS = RateLimitItemPerMinute(100, 5, namespace="failed_by_address")
# Anybody may file a takedown; a person files a few, a flood keeps moderators from the one that matters.
# What is refused reaches no moderator, and only costs a query.
TAKEDOWNS = RateLimitItemPerHour(20, namespace="takedown")
REFUSED_TAKEDOWNS = RateLimitItemPerHour(300, namespace="refused_takedown")
# Seconds that decoding strangers' clips takes: of one address a sixth of one core.
CLIP_SECONDS = RateLimitItemPerHour(600, namespace="clip_seconds")
# The page asks once for each pause in typing; a quarter of a second of a core at worst.
CONSENT_CHECKS = RateLimitItemPerMinute(120, namespace="consent_check")
# The same pauses; 40 ms of two cores each.
PROMPT_READINGS = RateLimitItemPerMinute(120, namespace="prompt_reading")
# 200 bytes each: 4 MB. The library walks over all of them after a hit, 3 ms at this many.
MAX_COUNTERS = 20_000


class BoundedMemoryStorage(MemoryStorage):
    """Counters in memory; past MAX_COUNTERS the one that was begun first is dropped."""

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count `amount` more for `key`."""
        if key not in self.expirations and len(self.expirations) >= MAX_COUNTERS:
            # A copy: the library drops expired keys in a thread of its own.
            self.clear(next(iter(list(self.expirations))))
        return super().incr(key, expiry, amount)


class Limiter(FixedWindowRateLimiter):
    """The counters of one app."""

    def give_back(self, rate: RateLimitItem, key: str, count: int = 1) -> None:
        """Take back what `hit` has counted, unless its window has ended."""
        stored = rate.key_for(key)
        if self.storage.get(stored) >= count:
            self.storage.incr(stored, rate.get_expiry(), -count)


def create_limiter() -> Limiter:
    """The limiter of one app, kept as `rate_limiter` in its state."""
    return Limiter(BoundedMemoryStorage())


def caller(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """What calls from the address of this request are counted under."""
    return rate_key(connection.client.host) if connection.client else ""


class Attempt:
    """Something that counts only if it goes one way: counted at first, and given back unless it is kept.

    So a thousand tries at once are bounded as a thousand one after another are.
    """

    def __init__(self, limiter: Limiter, *limits: tuple[RateLimitItem, str]) -> None:
        self._limiter = limiter
        self._limits = list(limits)
        self._kept = False

    def keep(self) -> None:
        """It counts."""
        self._kept = True

    def forget(self) -> None:
        """It doesn't count after all."""
        self._kept = False

    def __enter__(self) -> Attempt:
        counted: list[tuple[RateLimitItem, str]] = []
        for rate, key in self._limits:
            if not self._limiter.hit(rate, key):
                self._give_back(counted)
                raise _too_many(self._limiter, rate, key)
            counted.append((rate, key))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._kept:
            self._give_back(self._limits)

    def _give_back(self, counted: list[tuple[RateLimitItem, str]]) -> None:
        for rate, key in counted:
            self._limiter.give_back(rate, key)


def attempt(connection: ASGIConnection[Any, Any, Any, Any], *limits: tuple[RateLimitItem, str]) -> Attempt:
    """A context in which something is tried that counts if `keep` is called; each limit has its key.

    Raises:
        RiffleError: rate_limited, on entering.
    """
    return Attempt(connection.app.state.rate_limiter, *limits)


def sign_in_attempt(connection: ASGIConnection[Any, Any, Any, Any], handle: str) -> Attempt:
    """An attempt at the password of a handle, which counts if it is wrong."""
    # Of what somebody typed, which may be long, only a hash is kept.
    key = hashlib.sha256(handle.encode()).hexdigest()[:32]
    return attempt(connection, (FAILED_BY_ADDRESS, caller(connection)), (FAILED_BY_HANDLE, key))


def check_left(connection: ASGIConnection[Any, Any, Any, Any], rate: RateLimitItem, key: str) -> None:
    """Refuse where nothing of `rate` is left for `key`; nothing is counted.

    Raises:
        RiffleError: rate_limited.
    """
    limiter: Limiter = connection.app.state.rate_limiter
    if not limiter.test(rate, key):
        raise _too_many(limiter, rate, key)


def count(connection: ASGIConnection[Any, Any, Any, Any], rate: RateLimitItem, key: str, cost: int) -> None:
    """Count what was done already, though it be more than was left."""
    limiter: Limiter = connection.app.state.rate_limiter
    limiter.storage.incr(rate.key_for(key), rate.get_expiry(), cost)


def rate_limited(rate: RateLimitItem) -> Guard:
    """A guard that counts a call against the address it comes from; it raises rate_limited past `rate`."""
    return _guard(rate, caller)


def account_limited(rate: RateLimitItem) -> Guard:
    """A guard that counts a call against the account that asks, wherever from; behind `require_sign_in`."""
    return _guard(rate, lambda connection: str(connection.user.id))


def _guard(rate: RateLimitItem, key_of: Any) -> Guard:
    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if connection.scope.get("method") == "OPTIONS":
            return
        limiter: Limiter = connection.app.state.rate_limiter
        key = key_of(connection)
        if not limiter.hit(rate, key):
            raise _too_many(limiter, rate, key)

    return guard


def _too_many(limiter: Limiter, rate: RateLimitItem, key: str) -> RiffleError:
    wait_s = limiter.get_window_stats(rate, key).reset_time - time.time()
    return RiffleError(
        Code.RATE_LIMITED,
        "too many attempts: wait before the next one",
        retry_after_s=max(1, math.ceil(wait_s)),
    )
