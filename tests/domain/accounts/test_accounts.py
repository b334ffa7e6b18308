"""Accounts, tokens, tickets, follows and blocks."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from db.engine import fetch
from domain.accounts import accounts
from schemas.errors import Code, RiffleError
from tests.build import START, at, person


async def code_of(doing: object) -> Code:
    with pytest.raises(RiffleError) as caught:
        await doing  # type: ignore[misc]
    return caught.value.code


async def test_a_handle_is_taken_once() -> None:
    def sign_up() -> object:
        return accounts.create(handle="only_one", display_name="O", password_hash="!", demo=False, now=START)

    made = await asyncio.gather(*(sign_up() for _ in range(5)), return_exceptions=True)  # type: ignore[call-overload]
    assert sorted(isinstance(item, RiffleError) for item in made) == [False, True, True, True, True]
    found = await accounts.by_handle("only_one")
    assert found is not None
    assert await accounts.by_id(found.id) == found
    assert await accounts.by_handle("nobody") is None


async def test_tokens_live_and_die() -> None:
    ada = await person()
    access, refresh, expires_in = await accounts.issue_session(ada.id, None, START)
    assert await accounts.authenticate(access, START) == ada
    late = START + timedelta(seconds=expires_in)
    assert await code_of(accounts.authenticate(access, late)) is Code.TOKEN_EXPIRED
    for wrong in ("", "ra_x", refresh):
        assert await code_of(accounts.authenticate(wrong, START)) is Code.UNAUTHENTICATED
    stored = await fetch(
        "SELECT * FROM tokens t JOIN sessions s ON s.id = t.session_id WHERE account_id = $1", ada.id
    )
    assert len(stored) == 2
    assert access not in str(stored)
    assert refresh not in str(stored)
    await accounts.revoke_family(access)
    assert await code_of(accounts.authenticate(access, START)) is Code.UNAUTHENTICATED
    assert await code_of(accounts.rotate(refresh, START)) is Code.UNAUTHENTICATED


async def test_rotation_and_what_reuse_costs() -> None:
    ada = await person()
    _, first, _ = await accounts.issue_session(ada.id, None, START)
    account, (access, second, _) = await accounts.rotate(first, at(1))
    assert account == ada
    assert await accounts.authenticate(access, at(2)) == ada
    assert await code_of(accounts.rotate(first, at(3))) is Code.UNAUTHENTICATED
    assert await code_of(accounts.authenticate(access, at(4))) is Code.UNAUTHENTICATED
    assert await code_of(accounts.rotate(second, at(4))) is Code.UNAUTHENTICATED
    other, _, _ = await accounts.issue_session(ada.id, None, START)
    assert await accounts.authenticate(other, at(5)) == ada


async def test_a_refresh_token_expires() -> None:
    ada = await person()
    _, refresh, _ = await accounts.issue_session(ada.id, None, START)
    late = START + timedelta(seconds=accounts.REFRESH_S)
    assert await code_of(accounts.rotate(refresh, late)) is Code.TOKEN_EXPIRED
    await accounts.issue_session(ada.id, None, late)
    left = await fetch(
        "SELECT count(*) AS n FROM tokens t JOIN sessions s ON s.id = t.session_id WHERE account_id = $1",
        ada.id,
    )
    assert left[0]["n"] == 2


async def test_one_of_two_rotations_at_once_wins() -> None:
    ada = await person()
    _, refresh, _ = await accounts.issue_session(ada.id, None, START)
    tries = await asyncio.gather(*(accounts.rotate(refresh, START) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(item, tuple) for item in tries) == 1


async def test_a_ticket_is_good_once_and_briefly() -> None:
    ada = await person()
    ticket = await accounts.issue_ticket(ada.id, START)
    found = await asyncio.gather(*(accounts.redeem_ticket(ticket, at(1)) for _ in range(5)))
    assert sorted(map(str, found)) == sorted([ada.id, *["None"] * 4])
    stale = await accounts.issue_ticket(ada.id, START)
    assert await accounts.redeem_ticket(stale, at(accounts.TICKET_S)) is None
    assert await accounts.redeem_ticket("rt_unknown", START) is None


async def test_follows_and_blocks() -> None:
    ada, bob = await person(), await person()
    for _ in range(2):
        await accounts.follow(ada.id, bob.id, START)
    await accounts.follow(bob.id, ada.id, START)
    between = await accounts.relation(ada.id, bob.id)
    assert (between.follows, between.followed, between.blocks, between.blocked) == (True, True, False, False)
    await accounts.block(bob.id, ada.id, START)
    await accounts.block(bob.id, ada.id, START)
    between = await accounts.relation(ada.id, bob.id)
    assert (between.follows, between.followed, between.blocks, between.blocked) == (False, False, False, True)
    assert await code_of(accounts.follow(ada.id, bob.id, START)) is Code.NOT_FOUND
    await accounts.unblock(bob.id, ada.id)
    await accounts.follow(ada.id, bob.id, START)
    await accounts.unfollow(ada.id, bob.id)
    assert not (await accounts.relation(ada.id, bob.id)).follows
