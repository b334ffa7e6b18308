"""Tokens and tickets: how long they live, that none works twice, and what a lost answer costs."""

from __future__ import annotations

import asyncio
import contextvars
from datetime import timedelta

from db.engine import fetch, transaction
from domain.accounts import erasure, sessions, tickets
from schemas.errors import Code
from tests.build import START, at, person
from tests.domain.family import code_of


async def signed_in(account: str) -> tuple[str, str]:
    """The access token and the id of a new session."""
    access, _, _ = await sessions.issue(account, "a phone", START)
    return access, (await sessions.authenticate(access, START))[1]


async def test_tokens_live_and_die() -> None:
    ada = await person()
    access, refresh, expires_in = await sessions.issue(ada.id, "a phone", START)
    account, session = await sessions.authenticate(access, START)
    assert account == ada
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
    await sessions.end(session, at(1))
    assert await code_of(sessions.authenticate(access, START)) is Code.UNAUTHENTICATED
    assert await code_of(sessions.rotate(refresh, START)) is Code.UNAUTHENTICATED


async def test_rotation_and_what_reuse_costs() -> None:
    ada = await person()
    _, first, _ = await sessions.issue(ada.id, "a phone", START)
    account, (access, second, _) = await sessions.rotate(first, at(1))
    assert account == ada
    assert (await sessions.authenticate(access, at(2)))[0] == ada
    later = at(1 + sessions.REUSE_GRACE_S)
    assert await code_of(sessions.rotate(first, later)) is Code.UNAUTHENTICATED
    assert await code_of(sessions.authenticate(access, later)) is Code.UNAUTHENTICATED
    assert await code_of(sessions.rotate(second, later)) is Code.UNAUTHENTICATED
    other, _, _ = await sessions.issue(ada.id, "a phone", START)
    assert (await sessions.authenticate(other, at(5)))[0] == ada


async def test_a_lost_answer_is_given_again_for_some_seconds() -> None:
    ada = await person()
    _, first, _ = await sessions.issue(ada.id, "a phone", START)
    _, lost = await sessions.rotate(first, at(1))
    _, again = await sessions.rotate(first, at(sessions.REUSE_GRACE_S))
    assert again[:2] == lost[:2]
    assert again[2] == lost[2] - (sessions.REUSE_GRACE_S - 1)
    access, refresh, _ = again
    assert (await sessions.authenticate(access, at(22)))[0] == ada
    _, (newest, _, _) = await sessions.rotate(refresh, at(30))
    assert (await sessions.authenticate(newest, at(31)))[0] == ada


async def test_a_token_two_rotations_old_is_reuse_also_within_seconds() -> None:
    ada = await person()
    _, first, _ = await sessions.issue(ada.id, "a phone", START)
    _, (_, second, _) = await sessions.rotate(first, at(1))
    _, (access, _, _) = await sessions.rotate(second, at(2))
    assert await code_of(sessions.rotate(first, at(3))) is Code.UNAUTHENTICATED
    assert await code_of(sessions.authenticate(access, at(3))) is Code.UNAUTHENTICATED


async def test_what_is_stored_does_not_tell_the_successors() -> None:
    ada = await person()
    _, first, _ = await sessions.issue(ada.id, "a phone", START)
    _, (access, second, _) = await sessions.rotate(first, at(1))
    stored = str(await fetch("SELECT * FROM tokens"))
    assert first not in stored
    assert second not in stored
    assert access not in stored


async def test_a_refresh_token_expires() -> None:
    ada = await person()
    _, refresh, _ = await sessions.issue(ada.id, "a phone", START)
    late = START + timedelta(seconds=sessions.REFRESH_S)
    assert await code_of(sessions.rotate(refresh, late)) is Code.TOKEN_EXPIRED
    await sessions.issue(ada.id, "a phone", late)
    left = await fetch(
        "SELECT count(*) AS n FROM tokens t JOIN sessions s ON s.id = t.session_id WHERE account_id = $1",
        ada.id,
    )
    assert left[0]["n"] == 2


async def test_rotations_at_once_give_one_successor() -> None:
    """Two tabs, or a phone that sends its refresh twice."""
    ada = await person()
    _, refresh, _ = await sessions.issue(ada.id, "a phone", START)
    tries = await asyncio.gather(*(sessions.rotate(refresh, START) for _ in range(4)))
    assert len({tokens for _, tokens in tries}) == 1


async def test_an_account_has_only_so_many_sessions() -> None:
    ada = await person()
    oldest, _ = await signed_in(ada.id)
    for second in range(1, sessions.MAX_SESSIONS):
        await sessions.issue(ada.id, "a phone", at(second))
    assert (await sessions.authenticate(oldest, at(60)))[0] == ada
    newest, _, _ = await sessions.issue(ada.id, "a phone", at(60))
    assert await code_of(sessions.authenticate(oldest, at(60))) is Code.UNAUTHENTICATED
    assert (await sessions.authenticate(newest, at(60)))[0] == ada


async def test_a_ticket_is_good_once_and_briefly() -> None:
    ada = await person()
    _, session = await signed_in(ada.id)
    ticket = await tickets.issue_ticket(session)
    tries = await asyncio.gather(*(tickets.redeem_ticket(ticket) for _ in range(5)))
    (found,) = [one for one in tries if one is not None]
    assert (found.account_id, found.session_id) == (ada.id, session)
    stale = await tickets.issue_ticket(session)
    await fetch("UPDATE tickets SET expires_at = expires_at - make_interval(secs => $1)", tickets.TICKET_S)
    assert await tickets.redeem_ticket(stale) is None
    assert await tickets.redeem_ticket("rt_unknown") is None


async def test_a_ticket_ends_with_its_session_and_no_other() -> None:
    ada = await person()
    (_, one), (_, other) = await signed_in(ada.id), await signed_in(ada.id)
    first, second = await tickets.issue_ticket(one), await tickets.issue_ticket(other)
    await sessions.end(one, at(1))
    assert await tickets.redeem_ticket(first) is None
    assert await tickets.redeem_ticket(second) is not None


async def test_sessions_that_ended_or_ran_out_are_told_from_those_that_live() -> None:
    ada = await person()
    names = [(await signed_in(ada.id))[1] for _ in range(3)]
    await sessions.end(names[0], at(1))
    assert await sessions.ended([*names, "sess_unknown"], at(2)) == {names[0], "sess_unknown"}
    assert await sessions.ended(names, at(sessions.REFRESH_S)) == set(names)
    await sessions.end_of_account(ada.id, at(2), keep=names[2])
    assert await sessions.ended(names, at(3)) == set(names[:2])


async def test_who_was_compared_before_the_password_changed_is_not_let_in() -> None:
    ada = await person()
    _, kept = await signed_in(ada.id)
    _, other = await signed_in(ada.id)
    await sessions.change_password(ada, "another hash", at(1), keep=kept)
    assert await sessions.ended([kept, other], at(1)) == {other}
    late = sessions.issue(ada.id, "a phone", at(2), compared=ada.password_hash)
    assert await code_of(late) is Code.WRONG_CREDENTIALS
    # Nor can it be changed by who was compared with the one of before.
    again = sessions.change_password(ada, "a third hash", at(2), keep=other)
    assert await code_of(again) is Code.WRONG_CREDENTIALS
    await sessions.issue(ada.id, "a phone", at(3), compared="another hash")


async def test_nobody_signs_in_to_an_account_that_is_deleted_meanwhile() -> None:
    ada = await person()
    access, _ = await signed_in(ada.id)
    await erasure.request(ada.id, at(1))
    late = sessions.issue(ada.id, "a phone", at(2), compared=ada.password_hash)
    assert await code_of(late) is Code.WRONG_CREDENTIALS
    # Not even by a session that was left.
    await fetch("UPDATE sessions SET revoked_at = NULL WHERE account_id = $1", ada.id)
    assert await code_of(sessions.authenticate(access, at(2))) is Code.UNAUTHENTICATED


async def test_a_sign_in_waits_for_what_ends_all_sessions() -> None:
    ada = await person()
    async with transaction():
        await erasure.request(ada.id, at(1))
        signing_in = asyncio.create_task(
            code_of(sessions.issue(ada.id, "a phone", at(1))), context=contextvars.Context()
        )
        await asyncio.sleep(0.2)
        assert not signing_in.done()
    assert await signing_in is Code.WRONG_CREDENTIALS
