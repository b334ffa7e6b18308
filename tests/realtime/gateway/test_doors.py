"""Sockets without a ticket keep nobody out, and those with one don't ask without end."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from realtime import limits
from realtime.gateway.doors import Doors
from realtime.gateway.pace import Pace
from realtime.gateway.phone import Disconnect, decode
from schemas.stream import SUBPROTOCOL, GoodbyeReason, Welcome
from tests.realtime.phones import phone
from tests.realtime.world import World


class Door:
    """A transport that says whether it was ended."""

    ended = False

    def abort(self) -> None:
        self.ended = True


def test_the_longest_waiting_leaves_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_WAITING_PER_ADDRESS", 2)
    monkeypatch.setattr(limits, "MAX_WAITING", 4)
    doors, come = Doors(), [Door() for _ in range(7)]
    for number, door in enumerate(come[:3]):
        doors.enter(door, "10.0.0.1")
        assert not door.ended, number
    assert [door.ended for door in come[:3]] == [True, False, False]
    for door, address in zip(come[3:], ("10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"), strict=True):
        doors.enter(door, address)
    assert [door.ended for door in come] == [True, True, True, False, False, False, False]


def test_those_inside_are_bounded_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_SOCKETS_PER_ADDRESS", 1)
    doors, first, second, other = Doors(), Door(), Door(), Door()
    for door, address in ((first, "2001:db8::1"), (second, "2001:db8::2"), (other, "2001:db8:0:1::1")):
        doors.enter(door, address)
    assert [doors.admit(door) for door in (first, second, other)] == [True, False, True]
    doors.leave(first)
    doors.enter(second, "2001:db8::2")
    assert doors.admit(second)
    assert doors.inside == 2


def test_a_pace_fills_up_again() -> None:
    pace = Pace(3, 1.0, 0.0)
    assert [pace.take(1, 0.0) for _ in range(4)] == [True, True, True, False]
    assert pace.take(2, 2.0)
    assert not pace.take(1, 2.5)
    assert not pace.take(4, 1000.0)


@settings(max_examples=300, deadline=None)
@given(
    text=st.text() | st.sampled_from(["[", '{"a":', '{"type":"hello","follow":[']).map(lambda one: one * 5000)
)
def test_no_frame_breaks_the_decoder(text: str) -> None:
    with pytest.raises(Disconnect):
        decode(text)


async def test_sockets_without_a_ticket_stop_nobody(world: World) -> None:
    idle = [await asyncio.open_connection("127.0.0.1", world.port) for _ in range(200)]
    sockets = [
        await connect(f"ws://127.0.0.1:{world.port}/", subprotocols=[Subprotocol(SUBPROTOCOL)])
        for _ in range(40)
    ]
    began = time.monotonic()
    async with phone(world.port) as device:
        await device.hello(await world.ticket(await world.person()), "inbox")
        assert isinstance(await device.frame(), Welcome)
        assert time.monotonic() - began < 2
        for socket in sockets:
            async with asyncio.timeout(limits.HELLO_S + 2):
                await socket.wait_closed()
    for _, writer in idle:
        writer.close()


async def test_frames_after_hello_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FRAME_BURST", 20)
    async with phone(world.port) as device:
        await device.hello(await world.ticket(await world.person()), "inbox")
        for _ in range(30):
            await device.socket.send('{"type": "unfollow", "streams": ["inbox"]}')
        assert await device.goodbye() == (GoodbyeReason.TOO_MANY_FRAMES, 1008)


@pytest.mark.parametrize("path", ["/", "/nope", "/health/x"])
async def test_what_is_no_socket_is_refused_in_the_error_shape(world: World, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: riffle\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert (head.split()[1], json.loads(body)["error"]["code"]) == (b"404", "not_found")
    writer.close()
