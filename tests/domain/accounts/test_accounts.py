"""Accounts."""

from __future__ import annotations

import asyncio

from domain.accounts import accounts
from schemas.errors import RiffleError
from tests.build import START


async def test_a_handle_is_taken_once() -> None:
    def sign_up() -> object:
        return accounts.create(handle="only_one", display_name="O", password_hash="!", demo=False, now=START)

    made = await asyncio.gather(*(sign_up() for _ in range(5)), return_exceptions=True)  # type: ignore[call-overload]
    assert sorted(isinstance(item, RiffleError) for item in made) == [False, True, True, True, True]
    found = await accounts.by_handle("only_one")
    assert found is not None
    assert await accounts.by_id(found.id) == found
    assert await accounts.by_handle("nobody") is None
