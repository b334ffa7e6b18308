"""How often one address may call a public route: guards that count in the memory of this process.

Each replica counts for itself, so N replicas allow N times as many.
"""

from __future__ import annotations

import math
import time
from typing import Any

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from domain.client_address import rate_key
from schemas.errors import Code, RiffleError

# Enough for a household, too little for guessing: argon2 takes about 30 ms of a core, so this is a seventh of
# one core.
SIGN_INS = RateLimitItemPerMinute(300, namespace="sign_in")
# Anybody may file a takedown; a person files a few, a flood keeps moderators from the one that matters.
TAKEDOWNS = RateLimitItemPerHour(20, namespace="takedown")
# Decoding an uploaded clip takes a second of a core at worst: this is a sixth of one core.
CLIP_CHECKS = RateLimitItemPerHour(600, namespace="clip_check")
# 200 bytes an address: 4 MB. The library walks over all of them after a hit, 3 ms at this many.
MAX_ADDRESSES = 20_000


class BoundedMemoryStorage(MemoryStorage):
    """Counters in memory; past MAX_ADDRESSES the one that was begun first is dropped."""

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count `amount` more for `key`."""
        if key not in self.expirations and len(self.expirations) >= MAX_ADDRESSES:
            # A copy: the library drops expired keys in a thread of its own.
            self.clear(next(iter(list(self.expirations))))
        return super().incr(key, expiry, amount)


def create_limiter() -> FixedWindowRateLimiter:
    """The limiter of one app, kept as `rate_limiter` in its state."""
    return FixedWindowRateLimiter(BoundedMemoryStorage())


def caller(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """What calls from the address of this request are counted under."""
    return rate_key(connection.client.host) if connection.client else ""


def rate_limited(rate: RateLimitItem) -> Guard:
    """A guard that counts a call against the address it comes from; it raises rate_limited past `rate`."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if connection.scope.get("method") == "OPTIONS":
            return
        limiter: FixedWindowRateLimiter = connection.app.state.rate_limiter
        address = caller(connection)
        if not limiter.hit(rate, address):
            wait_s = limiter.get_window_stats(rate, address).reset_time - time.time()
            raise RiffleError(
                Code.RATE_LIMITED,
                "too many attempts from this address",
                retry_after_s=max(1, math.ceil(wait_s)),
            )

    return guard
