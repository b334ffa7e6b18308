"""Argon2id off the event loop, a few at a time."""

from __future__ import annotations

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's second choice: 19 MiB, two passes, one lane; about 30 ms here.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# More at once would only take memory (19 MiB each) and the core that serves everybody else.
AT_ONCE = asyncio.Semaphore(2)


async def hashed(password: str) -> str:
    """The hash to store."""
    async with AT_ONCE:
        return await asyncio.to_thread(HASHER.hash, password)


async def matches(password: str, stored: str | None) -> bool:
    """Whether it is the password. None (nobody has that handle) takes as long and is False."""
    async with AT_ONCE:
        return await asyncio.to_thread(_verify, password, stored)


def _verify(password: str, stored: str | None) -> bool:
    try:
        return HASHER.verify(stored or _nobody(), password) and stored is not None
    except VerificationError:
        return False
    except InvalidHashError:
        # An account nobody can sign in to holds no hash: spend the usual time on it.
        return _verify(password, None)


@cache
def _nobody() -> str:
    return HASHER.hash("nobody has this password")
