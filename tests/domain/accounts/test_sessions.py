"""Tokens and tickets: how long they live, and that none works twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from db.engine import fetch
from domain.accounts import sessions
from schemas.errors import Code
from tests.build import START, at, person
from tests.domain.family import code_of


async def test_tokens_live_and_die() -> None:
    ada = await person()
    access, refresh, expires_in = await sessions.issue(ada.id, None, START)
    assert await sessions.authenticate(access, START) == ada
    late = START + timedelta(seconds=expires_in)
    assert await code_of(sessions.authenticate(access, late)) is Code.TOKEN_EXPIRED
    for wrong in ("", "ra_x", refresh):
        assert await code_of(sessions.authenticate(wrong, START)) is Code.UNAUTHENTICATED
    stored = await fetch(
        "SELECT * FROM tokens t JOIN sessions s ON s.id = t.session_id WHERE account_id = $1", ada.id
    )
    assert len(stored) == 2
    assert access not in str(stored)
    assert refresh not in str(stored)
    await sessions.revoke(access, at(1))
    assert await code_of(sessions.authenticate(access, START)) is Code.UNAUTHENTICATED
    assert await code_of(sessions.rotate(refresh, START)) is Code.UNAUTHENTICATED


async def test_rotation_and_what_reuse_costs() -> None:
    ada = await person()
    _, first, _ = await sessions.issue(ada.id, None, START)
    account, (access, second, _) = await sessions.rotate(first, at(1))
    assert account == ada
    assert await sessions.authenticate(access, at(2)) == ada
    assert await code_of(sessions.rotate(first, at(3))) is Code.UNAUTHENTICATED
    assert await code_of(sessions.authenticate(access, at(4))) is Code.UNAUTHENTICATED
    assert await code_of(sessions.rotate(second, at(4))) is Code.UNAUTHENTICATED
    other, _, _ = await sessions.issue(ada.id, None, START)
    assert await sessions.authenticate(other, at(5)) == ada


async def test_a_refresh_token_expires() -> None:
    ada = await person()
    _, refresh, _ = await sessions.issue(ada.id, None, START)
    late = START + timedelta(seconds=sessions.REFRESH_S)
    assert await code_of(sessions.rotate(refresh, late)) is Code.TOKEN_EXPIRED
    await sessions.issue(ada.id, None, late)
    left = await fetch(
        "SELECT count(*) AS n FROM tokens t JOIN sessions s ON s.id = t.session_id WHERE account_id = $1",
        ada.id,
    )
    assert left[0]["n"] == 2


async def test_one_of_two_rotations_at_once_wins() -> None:
    ada = await person()
    _, refresh, _ = await sessions.issue(ada.id, None, START)
    tries = await asyncio.gather(*(sessions.rotate(refresh, START) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(item, tuple) for item in tries) == 1


async def test_a_ticket_is_good_once_and_briefly() -> None:
    ada = await person()
    ticket = await sessions.issue_ticket(ada.id, START)
    found = await asyncio.gather(*(sessions.redeem_ticket(ticket, at(1)) for _ in range(5)))
    assert sorted(map(str, found)) == sorted([ada.id, *["None"] * 4])
    stale = await sessions.issue_ticket(ada.id, START)
    assert await sessions.redeem_ticket(stale, at(sessions.TICKET_S)) is None
    assert await sessions.redeem_ticket("rt_unknown", START) is None
