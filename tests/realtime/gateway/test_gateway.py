"""The phone gateway over real sockets and a real database."""

from __future__ import annotations

import asyncio
import http.client
import json

import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from domain.accounts import tickets
from realtime import limits
from schemas.events import EventName, inbox_stream, video_stream
from schemas.stream import (
    MAX_CLIENT_FRAME_BYTES,
    MAX_STREAMS_PER_SOCKET,
    SUBPROTOCOL,
    EventFrame,
    FollowRefused,
    Goodbye,
    GoodbyeReason,
    Ping,
    Pong,
    Position,
    Welcome,
)
from tests.realtime.phones import phone
from tests.realtime.world import World


async def test_backfill_then_live(world: World) -> None:
    person = await world.person()
    video = await world.video(person)
    stream = video_stream(video)
    async with phone(world.port) as device:
        await device.hello(await world.ticket(person), stream)
        welcome = await device.frame()
        assert isinstance(welcome, Welcome)
        assert (welcome.stream, welcome.recovered, welcome.seq) == (stream, True, 1)
        (queued,) = await device.events(1)
        assert (queued.name, queued.seq, queued.epoch) == (EventName.VIDEO_QUEUED, 1, welcome.epoch)
        for i in (1, 2, 3):
            await world.append(stream, picture=b"webp")
            (live,) = await device.events(1)
            assert (live.seq, live.picture) == (1 + i, True)
        await world.append(stream)
        assert [(live.seq, live.picture) for live in await device.events(1)] == [(5, False)]
        await device.silence()
    assert device.pictures[stream] == [2, 3, 4]


async def test_of_a_backfill_only_the_latest_picture_comes(world: World) -> None:
    person = await world.person()
    stream = video_stream(await world.video(person))
    for picture in (b"one", b"two", None):
        await world.append(stream, picture=picture)
    async with phone(world.port) as device:
        await device.hello(await world.ticket(person), stream)
        await device.events(4)
    assert device.got[stream] == [1, 2, 3, 4]
    assert device.pictures[stream] == [3]


async def test_a_cut_at_any_moment_costs_nothing(world: World) -> None:
    person = await world.person()
    total = 14
    for cut_after in range(total + 1):
        stream = video_stream(await world.video(person))
        writing = asyncio.create_task(write(world, stream, total - 1))
        async with phone(world.port) as first:
            await first.hello(await world.ticket(person), stream)
            await first.events(cut_after)
            first.cut()
        seen = first.got.get(stream, [])
        at = Position(stream=stream, epoch=first.epochs.get(stream), after=len(seen))
        async with phone(world.port) as second:
            await second.hello(await world.ticket(person), at)
            welcome = await second.frame()
            assert isinstance(welcome, Welcome)
            assert welcome.recovered
            await second.events(total - cut_after)
            await writing
            await second.silence(0.02)
        assert seen + second.got.get(stream, []) == list(range(1, total + 1))


async def write(world: World, stream: str, count: int) -> None:
    for i in range(count):
        await world.append(stream, picture=b"webp" if i % 2 else None)
        await asyncio.sleep(0.002)


async def test_many_streams_interleaved_each_in_order(world: World) -> None:
    person = await world.person()
    streams = [video_stream(await world.video(person)) for _ in range(6)]
    async with phone(world.port) as device:
        await device.hello(await world.ticket(person), *streams)
        await asyncio.gather(*(write(world, stream, 10) for stream in streams))
        await device.events(6 * 11)
        await device.silence()
    assert device.got == {stream: list(range(1, 12)) for stream in streams}


@pytest.mark.parametrize(("epoch", "after"), [("another", 1), (None, 99), ("same", 99)])
async def test_a_gap_that_cannot_be_closed_is_admitted(world: World, epoch: str | None, after: int) -> None:
    person = await world.person()
    stream = video_stream(await world.video(person))
    await world.append(stream)
    if epoch == "same":
        epoch = (await world.head(stream))[0]
    async with phone(world.port) as device:
        await device.hello(await world.ticket(person), Position(stream=stream, epoch=epoch, after=after))
        welcome = await device.frame()
        assert isinstance(welcome, Welcome)
        assert (welcome.recovered, welcome.seq) == (False, 2)
        await world.append(stream)
        assert [event.seq for event in await device.events(1)] == [3]


async def test_what_is_not_yours_looks_like_what_is_not_there(world: World) -> None:
    person, other = await world.person(), await world.person()
    foreign = [
        video_stream(await world.video(other)),
        video_stream("video_" + "0" * 32),
        inbox_stream(other),
        inbox_stream(person),
        "inbox:",
        "nonsense",
        "video:\0",
        "video:' OR 1=1",
    ]
    async with phone(world.port) as device:
        await device.hello(await world.ticket(person), *foreign)
        answers = [await device.frame() for _ in foreign]
    assert all(isinstance(answer, FollowRefused) for answer in answers)
    assert [answer.stream for answer in answers] == foreign  # type: ignore[union-attr]
    assert len({(answer.code, answer.message) for answer in answers}) == 1  # type: ignore[union-attr]


async def test_the_inbox_goes_by_its_short_name(world: World) -> None:
    person = await world.person()
    async with phone(world.port) as device:
        await device.hello(await world.ticket(person), "inbox")
        welcome = await device.frame()
        assert isinstance(welcome, Welcome)
        assert (welcome.stream, welcome.recovered, welcome.seq) == ("inbox", True, 0)
        await world.append(inbox_stream(person))
        (event,) = await device.events(1)
        assert (event.stream, event.seq, event.name) == ("inbox", 1, "video.step")
    async with phone(world.port) as device:
        at = Position(stream="inbox", epoch=event.epoch, after=1)
        await device.hello(await world.ticket(person), at)
        welcome = await device.frame()
        assert isinstance(welcome, Welcome)
        assert welcome.recovered
        await device.silence()


async def test_follow_and_unfollow_at_any_time(world: World) -> None:
    person = await world.person()
    one, two = [video_stream(await world.video(person)) for _ in range(2)]
    async with phone(world.port) as device:
        await device.hello(await world.ticket(person))
        await device.silence(0.05)
        await device.follow(one, two)
        await device.events(2)
        await device.unfollow(one, "never followed")
        await device.follow(Position(stream=two, after=1))
        assert isinstance(await device.frame(), Welcome)
        await world.append(one)
        await world.append(two)
        assert [(event.stream, event.seq) for event in await device.events(1)] == [(two, 2)]
        await device.silence()
        await device.follow(one)
        await device.events(2)
    assert device.got == {one: [1, 1, 2], two: [1, 2]}


async def test_a_ping_is_answered_between_events(world: World) -> None:
    """A page can't see the pings of the protocol. A picture is never parted from its event."""
    person = await world.person()
    stream = video_stream(await world.video(person))
    async with phone(world.port) as device:
        await device.hello(await world.ticket(person), stream)
        assert isinstance(await device.frame(), Welcome)
        await device.events(1)
        await device.send(Ping())
        assert isinstance(await device.frame(), Pong)
        for _ in range(20):
            await device.send(Ping())
            await world.append(stream, picture=b"webp")
        frames = [await device.frame() for _ in range(40)]
        assert sum(isinstance(frame, Pong) for frame in frames) == 20
    assert device.got[stream] == list(range(1, 22))
    async with phone(world.port) as stranger:
        await stranger.send(Ping())
        assert await stranger.goodbye() == ("bad_frame", 1008)


async def test_a_ticket_opens_one_socket_once(world: World) -> None:
    ticket = await world.ticket(await world.person())
    async with phone(world.port) as device:
        await device.hello(ticket)
        await device.silence(0.05)
    for bad in (ticket, "", "tick_nonsense"):
        async with phone(world.port) as device:
            await device.hello(bad)
            assert await device.goodbye() == ("bad_ticket", 1008)


async def test_hello_does_not_wait_forever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HELLO_S", 0.2)
    async with phone(world.port) as device:
        assert await device.goodbye() == ("hello_timeout", 1008)


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "nonsense",
        "[]",
        '{"type": "follow", "follow": [{"stream": "inbox"}]}',
        '{"type": "hello"}',
        '{"type": "hello", "ticket": "t", "more": 1}',
        '{"type": "hello", "ticket": "t", "follow": [{"stream": ""}]}',
        '{"type": "hello", "ticket": "t", "follow": [{"stream": "inbox", "after": -1}]}',
        b"bytes",
        "[" * 8000,
        '{"a":' * 3000,
        '{"follow": ' + "[" * 8000,
    ],
)
async def test_a_bad_first_frame(world: World, frame: str | bytes) -> None:
    async with phone(world.port) as device:
        await device.socket.send(frame)
        assert await device.goodbye() == ("bad_frame", 1008)


async def test_bad_later_frames(world: World) -> None:
    person = await world.person()
    for frame in ('{"type": "hello", "ticket": "t"}', '{"type": "follow", "follow": []}', b"bytes"):
        async with phone(world.port) as device:
            await device.hello(await world.ticket(person), "inbox")
            assert isinstance(await device.frame(), Welcome)
            await device.socket.send(frame)
            assert await device.goodbye() == ("bad_frame", 1008)
    async with phone(world.port) as device:
        await device.hello(await world.ticket(person))
        await device.socket.send("x" * (MAX_CLIENT_FRAME_BYTES + 1))
        assert await device.goodbye() == ("", 1009)


async def test_the_subprotocol_is_required(world: World) -> None:
    for offered in (None, [Subprotocol("riffle.v0")]):
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{world.port}/", subprotocols=offered)
        assert refused.value.response.status_code == 400
    offered = [Subprotocol("riffle.v2"), Subprotocol(SUBPROTOCOL)]
    async with connect(f"ws://127.0.0.1:{world.port}/", subprotocols=offered) as socket:
        assert socket.subprotocol == SUBPROTOCOL
        assert not socket.protocol.extensions


async def test_sockets_of_one_account_are_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_SOCKETS_PER_ACCOUNT", 1)
    person = await world.person()
    async with phone(world.port) as first:
        await first.hello(await world.ticket(person), "inbox")
        assert isinstance(await first.frame(), Welcome)
        async with phone(world.port) as second:
            await second.hello(await world.ticket(person), "inbox")
            assert await second.goodbye() == ("too_many_sockets", 1013)
        async with phone(world.port) as other:
            await other.hello(await world.ticket(await world.person()), "inbox")
            assert isinstance(await other.frame(), Welcome)
        await first.socket.close()
    await asyncio.sleep(0.05)
    async with phone(world.port) as third:
        await third.hello(await world.ticket(person), "inbox")
        assert isinstance(await third.frame(), Welcome)


async def test_a_full_gateway_says_so_in_the_handshake(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_SOCKETS", 0)
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{world.port}/", subprotocols=[Subprotocol(SUBPROTOCOL)])
    assert refused.value.response.status_code == 503


async def test_streams_of_one_socket_are_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.gateway.phone.MAX_STREAMS_PER_SOCKET", 2)
    assert MAX_STREAMS_PER_SOCKET == 64
    person = await world.person()
    one, two = [video_stream(await world.video(person)) for _ in range(2)]
    async with phone(world.port) as device:
        await device.hello(await world.ticket(person), "inbox", one)
        await device.events(1)
        await device.follow(two)
        refused = await device.frame()
        assert isinstance(refused, FollowRefused)
        assert (refused.stream, refused.code) == (two, "rate_limited")
        await device.unfollow("inbox")
        await device.follow(two, one)
        await device.events(2)
    assert device.got == {one: [1, 1], two: [1]}


async def test_shutdown_says_goodbye_quickly(world: World) -> None:
    person = await world.person()
    async with phone(world.port) as device, phone(world.port) as mute:
        await device.hello(await world.ticket(person), "inbox")
        await device.frame()
        before = asyncio.get_running_loop().time()
        stopping = asyncio.create_task(world.gateway.stop())
        assert await device.goodbye() == ("shutdown", 1012)
        assert await mute.goodbye() == ("shutdown", 1012)
        await stopping
        assert asyncio.get_running_loop().time() - before < 2
        with pytest.raises((OSError, ConnectionClosed)):
            await connect(f"ws://127.0.0.1:{world.port}/", subprotocols=[Subprotocol(SUBPROTOCOL)])


async def test_health(world: World) -> None:
    def ask() -> tuple[int, dict[str, object]]:
        connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=5)
        connection.request("GET", "/health")
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())

    assert await asyncio.to_thread(ask) == (200, {"status": "ok", "phones": 0})
    world.wakeups.connected = False
    status, _ = await asyncio.to_thread(ask)
    assert status == 503


async def test_metrics_count_phones_and_goodbyes(world: World) -> None:
    def ask() -> dict[tuple[str, ...], float]:
        connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=5)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        families = text_string_to_metric_families(text)
        return {(item.name, *item.labels.values()): item.value for each in families for item in each.samples}

    before = await asyncio.to_thread(ask)
    async with phone(world.port) as device:
        assert (await asyncio.to_thread(ask))["riffle_phones",] == before["riffle_phones",] + 1
        await device.hello("no such ticket")
        assert await device.goodbye() == ("bad_ticket", 1008)
    after = await asyncio.to_thread(ask)
    name = ("riffle_goodbyes_total", "bad_ticket")
    assert after[name] == before.get(name, 0) + 1
    assert after["riffle_wakeups_connected",] == 1


async def test_an_event_frame_has_no_picture_inside(world: World) -> None:
    person = await world.person()
    stream = video_stream(await world.video(person))
    await world.append(stream, picture=b"webp")
    async with phone(world.port) as device:
        await device.hello(await world.ticket(person), Position(stream=stream, after=1))
        await device.frame()
        message = json.loads(await device.socket.recv())
        assert set(message) == {"type", *EventFrame.__struct_fields__}
        assert message["picture"] is True
        assert await device.socket.recv() == b"webp"


async def test_a_phone_that_comes_while_the_database_is_away_is_told_to_come_again(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ticket = await world.ticket(await world.person())

    async def away(_: str) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(tickets, "redeem_ticket", away)
    async with phone(world.port) as device:
        await device.hello(ticket)
        frame = await device.frame()
        assert isinstance(frame, Goodbye)
        assert frame.reason is GoodbyeReason.SHUTDOWN
        with pytest.raises(ConnectionClosed) as closed:
            await device.socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert "could not be let in" in caplog.text
    assert [record for record in caplog.records if record.levelname == "ERROR" or record.exc_info] == []
