"""Wake-ups survive the loss of their connection, and nothing that happened meanwhile is missed."""

from __future__ import annotations

from schemas.events import video_stream
from tests.realtime.phones import phone
from tests.realtime.world import World


async def test_events_during_an_outage_of_wake_ups_arrive(world: World) -> None:
    person = await world.person()
    stream = video_stream(await world.video(person))
    async with phone(world.port) as device:
        await device.hello(await world.ticket(person), stream)
        await device.events(1)
        for lost in range(3):
            await world.stop_wakeups()
            assert not world.wakeups.connected
            await world.append(stream)
            await device.silence(0.05)
            await world.start_wakeups()
            assert [event.seq for event in await device.events(1)] == [lost + 2]
        await device.silence(0.1)


async def test_a_killed_connection_comes_back(world: World) -> None:
    person = await world.person()
    stream = video_stream(await world.video(person))
    async with phone(world.port) as device:
        await device.hello(await world.ticket(person), stream)
        await device.events(1)
        await world.kill_wakeups()
        await world.append(stream)
        assert [event.seq for event in await device.events(1)] == [2]
        await world.append(stream)
        assert [event.seq for event in await device.events(1)] == [3]


async def test_a_replaced_history_is_told_in_the_middle(world: World) -> None:
    person = await world.person()
    stream = video_stream(await world.video(person))
    async with phone(world.port) as device:
        await device.hello(await world.ticket(person), stream)
        await device.events(1)
        await world.replace_history(stream, "another")
        world.streams.resync()
        welcome = await device.frame()
        assert (welcome.recovered, welcome.epoch) == (False, "another")  # type: ignore[union-attr]
        await world.append(stream)
        (event,) = await device.events(1)
        assert (event.epoch, event.seq) == ("another", 2)
