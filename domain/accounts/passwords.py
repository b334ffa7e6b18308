"""Argon2id in threads of its own, a few at a time; and which passwords are too easily guessed."""

from __future__ import annotations

import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from domain.accounts.common_passwords import is_common
from domain.work_threads import WorkThreads
from schemas.accounts import MIN_PASSWORD_CHARS
from schemas.errors import Code, RiffleError

# OWASP's second choice: 19 MiB, two passes, one lane; about 30 ms here.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# More at once would only take memory (19 MiB each) and the core that serves everybody else.
# The last of a hundred waits a second and a half; a crowd that waits longer would only try again.
THREADS = WorkThreads(
    "passwords", threads=2, max_waiting=100, busy="many people sign in at this moment: try again"
)


def normalized(password: str) -> str:
    """The one form of a password that is hashed: keyboards write the same letters in several ways.

    NFKC, with every kind of space as the plain one, as RFC 8265 asks for but for its width mapping.
    """
    spaced = "".join(" " if unicodedata.category(sign) == "Zs" else sign for sign in password)
    return unicodedata.normalize("NFKC", spaced)


def check_new(password: str, handle: str, param: str = "password") -> None:
    """Refuse a new password that is too short in its one form, or among the first that anybody tries.

    Raises:
        RiffleError: invalid_request.
    """
    text = normalized(password)
    if len(text) < MIN_PASSWORD_CHARS:
        raise RiffleError(
            Code.INVALID_REQUEST, f"a password takes {MIN_PASSWORD_CHARS} characters or more", param=param
        )
    if is_common(text, handle):
        raise RiffleError(
            Code.INVALID_REQUEST, "this password is among the first that anybody would guess", param=param
        )


async def hashed(password: str) -> str:
    """The hash to store.

    Raises:
        RiffleError: busy, where too many wait.
    """
    return await THREADS.run(HASHER.hash, normalized(password))


async def matches(password: str, stored: str | None) -> bool:
    """Whether it is the password. None (nobody has that handle) takes as long and is False.

    Raises:
        RiffleError: busy, where too many wait.
    """
    if await THREADS.run(_verify, normalized(password), stored):
        return True
    # One that was hashed before there was one form; only such a password costs a second look.
    return password != normalized(password) and await THREADS.run(_verify, password, stored)


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
