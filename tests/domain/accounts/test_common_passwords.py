"""Which passwords anybody would try first, and which nobody would."""

from __future__ import annotations

import secrets

import pytest

from domain.accounts.common_passwords import is_common


@pytest.mark.parametrize(
    "password",
    [
        "password123",
        "P@ssw0rd!",
        "qwertyasdf",
        "abc1abc1",
        # A word backward, with the usual tail; twice the same; one key held down.
        "drowssap123",
        "321drowssap",
        "trustno1trustno1",
        "letmeinletmein",
        "11111111a",
        "a11111111!",
        "zzzzzzzz99",
        # The handle backward.
        "elpmaxe_ada",
        "elpmaxe_ada1",
    ],
)
def test_what_is_tried_first(password: str) -> None:
    assert is_common(password, "ada_example")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "tulips in the fjord",
        "mQ7-zz-fjord-11",
        "a long enough password",
        "hunter of 3 blue moons",
    ],
)
def test_what_nobody_tries(password: str) -> None:
    assert not is_common(password, "ada_example")


def test_random_ones_are_let_pass() -> None:
    # One of 10,000 holds a row of keys by chance.
    assert sum(is_common(secrets.token_urlsafe(9), "ada_example") for _ in range(500)) <= 2
    assert sum(is_common(secrets.token_hex(8), "ada_example") for _ in range(500)) <= 2
