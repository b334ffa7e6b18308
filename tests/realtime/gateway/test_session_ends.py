"""A socket lives as long as the session that asked for its ticket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from db import engine
from domain.accounts import sessions, tickets
from realtime import limits
from schemas.events import video_stream
from tests.realtime.phones import phone
from tests.realtime.world import World, now


async def sign_out(session: str) -> None:
    await sessions.end(session, now())


async def everywhere(session: str) -> None:
    """As by a changed password."""
    (row,) = await engine.fetch("SELECT account_id FROM sessions WHERE id = $1", session)
    await sessions.end_of_account(row["account_id"], now())


async def by_hand(session: str) -> None:
    """Some other way, such as a moderator at the database."""
    await engine.fetch("UPDATE sessions SET revoked_at = now() WHERE id = $1", session)


@pytest.mark.parametrize("end", [sign_out, everywhere, by_hand])
async def test_a_socket_is_closed_when_its_session_ends(
    world: World, end: Callable[[str], Awaitable[None]]
) -> None:
    person, other = await world.person(), await world.person()
    session = await world.session(person)
    stream = video_stream(await world.video(person))
    async with phone(world.port) as device, phone(world.port) as bystander:
        await device.hello(await tickets.issue_ticket(session), stream)
        await device.events(1)
        await bystander.hello(await world.ticket(other), "inbox")
        await bystander.frame()
        await end(session)
        assert await device.goodbye() == ("signed_out", 1008)
        await world.append(stream)
        await bystander.silence()


async def test_one_sign_out_leaves_the_other_devices(world: World) -> None:
    person = await world.person()
    session = await world.session(person)
    stream = video_stream(await world.video(person))
    async with phone(world.port) as device, phone(world.port) as tablet:
        await device.hello(await tickets.issue_ticket(session), stream)
        await tablet.hello(await world.ticket(person), stream)
        await tablet.events(1)
        await sessions.end(session, now())
        assert (await device.goodbye())[0] == "signed_out"
        await world.append(stream)
        assert [event.seq for event in await tablet.events(1)] == [2]


async def test_a_ticket_of_an_ended_session_opens_nothing(world: World) -> None:
    session = await world.session(await world.person())
    ticket = await tickets.issue_ticket(session)
    await sessions.end(session, now())
    async with phone(world.port) as device:
        await device.hello(ticket)
        assert await device.goodbye() == ("bad_ticket", 1008)


async def test_an_end_that_no_listener_heard_is_noticed(world: World) -> None:
    session = await world.session(await world.person())
    async with phone(world.port) as device:
        await device.hello(await tickets.issue_ticket(session), "inbox")
        await device.frame()
        # Time for the one question that the gateway asks about each new session.
        await device.silence(0.5)
        await world.stop_wakeups()
        await sessions.end(session, now())
        await device.silence()
        await world.start_wakeups()
        assert (await device.goodbye())[0] == "signed_out"


async def test_an_end_between_ticket_and_watch_is_noticed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session ends after its ticket was redeemed, before the gateway listens for it."""
    redeem = tickets.redeem_ticket

    async def redeem_and_end(ticket: str) -> tickets.Admission | None:
        admission = await redeem(ticket)
        await sessions.end(session, now())
        return admission

    session = await world.session(await world.person())
    ticket = await tickets.issue_ticket(session)
    await world.stop_wakeups()
    monkeypatch.setattr(tickets, "redeem_ticket", redeem_and_end)
    async with phone(world.port) as device:
        await device.hello(ticket, "inbox")
        assert (await device.goodbye())[0] == "signed_out"


async def test_a_session_that_runs_out_ends_its_sockets(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SESSION_CHECK_S", 0.05)
    session = await world.session(await world.person())
    async with phone(world.port) as device:
        await device.hello(await tickets.issue_ticket(session), "inbox")
        await device.frame()
        await engine.fetch("UPDATE tokens SET expires_at = now() WHERE session_id = $1", session)
        assert (await device.goodbye())[0] == "signed_out"
