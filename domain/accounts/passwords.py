"""Argon2id in threads of its own, a few at a time: nothing else that is slow stands before a sign-in."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from domain.work_threads import WorkThreads

# OWASP's second choice: 19 MiB, two passes, one lane; about 30 ms here.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# More at once would only take memory (19 MiB each) and the core that serves everybody else.
# The last of a hundred waits a second and a half; a crowd that waits longer would only try again.
THREADS = WorkThreads(
    "passwords", threads=2, max_waiting=100, busy="many people sign in at this moment: try again"
)


async def hashed(password: str) -> str:
    """The hash to store.

    Raises:
        RiffleError: busy, where too many wait.
    """
    return await THREADS.run(HASHER.hash, password)


async def matches(password: str, stored: str | None) -> bool:
    """Whether it is the password. None (nobody has that handle) takes as long and is False.

    Raises:
        RiffleError: busy, where too many wait.
    """
    return await THREADS.run(_verify, password, stored)


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
