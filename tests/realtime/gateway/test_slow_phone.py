"""Slow phones: pictures go first, facts never, and one that stands still is let go in bounded time."""

from __future__ import annotations

import asyncio

import pytest

from realtime import limits
from schemas.events import video_stream
from schemas.stream import EventFrame, Position
from tests.realtime.phones import phone
from tests.realtime.world import World

# Far more than all buffers between gateway and phone hold: 60 * 20 kB = 1.2 MB.
PICTURE = b"w" * 20_000
EVENTS = 60


async def test_a_phone_that_lags_gets_every_fact_and_the_newest_picture(world: World) -> None:
    person = await world.person()
    stream = video_stream(await world.video(person))
    async with phone(world.port, receive_buffer=4096) as slow, phone(world.port) as quick:
        for device in (slow, quick):
            await device.hello(await world.ticket(person), stream)
        reading = asyncio.create_task(quick.events(EVENTS + 1))
        for _ in range(EVENTS):
            await world.append(stream, picture=PICTURE)
            await asyncio.sleep(0.01)
        await reading
        await slow.events(EVENTS + 1)
    assert slow.got[stream] == quick.got[stream] == list(range(1, EVENTS + 2))
    assert slow.pictures[stream][-1] == EVENTS + 1
    assert len(slow.pictures[stream]) < EVENTS / 2
    assert len(quick.pictures[stream]) > len(slow.pictures[stream])


async def test_a_phone_that_stands_still_is_let_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STALL_S", 1.0)
    monkeypatch.setattr(limits, "GOODBYE_S", 0.5)
    person = await world.person()
    streams = [video_stream(await world.video(person)) for _ in range(16)]
    async with phone(world.port, receive_buffer=4096) as still, phone(world.port) as quick:
        await still.hello(await world.ticket(person), *streams)
        await quick.hello(await world.ticket(person), *streams)
        before = asyncio.get_running_loop().time()
        reading = asyncio.create_task(quick.events(16 * 11))
        for _ in range(10):
            for stream in streams:
                await world.append(stream, picture=PICTURE)
        await reading
        async with asyncio.timeout(10):
            while len(phones := world.gateway.phones) > 1:
                assert all(phone.unsent_bytes < 4 * limits.WRITE_BUFFER_BYTES for phone in phones)
                await asyncio.sleep(0.02)
        assert asyncio.get_running_loop().time() - before < 10
        reason, code = await still.goodbye()
        assert (reason, code) in {("too_slow", 1013), ("", 1006)}
    positions = [
        Position(stream=stream, epoch=still.epochs.get(stream), after=len(still.got.get(stream, [])))
        for stream in streams
    ]
    missing = sum(11 - len(still.got.get(stream, [])) for stream in streams)
    async with phone(world.port) as back:
        await back.hello(await world.ticket(person), *positions)
        await back.events(missing)
    for stream in streams:
        assert still.got.get(stream, []) + back.got.get(stream, []) == list(range(1, 12))


async def test_a_slow_phone_that_reads_at_last_hears_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "STALL_S", 0.2)
    monkeypatch.setattr(limits, "GOODBYE_S", 20.0)
    person = await world.person()
    stream = video_stream(await world.video(person))
    async with phone(world.port, receive_buffer=4096) as slow:
        await slow.hello(await world.ticket(person), stream)
        for _ in range(EVENTS):
            await world.append(stream, picture=PICTURE)
            await asyncio.sleep(0.01)
        assert await slow.goodbye() == ("too_slow", 1013)
        assert slow.got[stream] == list(range(1, len(slow.got[stream]) + 1))


async def test_facts_alone_do_not_wait_for_pictures_of_other_phones(world: World) -> None:
    person = await world.person()
    busy, calm = [video_stream(await world.video(person)) for _ in range(2)]
    async with phone(world.port, receive_buffer=4096) as still, phone(world.port) as device:
        await still.hello(await world.ticket(person), busy)
        await device.hello(await world.ticket(person), calm)
        await device.events(1)
        for _ in range(EVENTS):
            await world.append(busy, picture=PICTURE)
        await world.append(calm)
        frame = (await device.events(1, timeout=1))[0]
        assert isinstance(frame, EventFrame)
        assert frame.seq == 2
