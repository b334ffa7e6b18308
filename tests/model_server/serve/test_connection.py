"""A dispatcher that does not read is let go, and one that breaks the protocol is told why."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from starlette.types import Message

from model_server.serve import connection as module
from model_server.serve.connection import Connection
from schemas.work import MAX_WORK_FRAME_BYTES, Cancel, Stopped


class Wire:
    """The ASGI side: what comes in, what went out, and whether the peer reads."""

    def __init__(self, *incoming: Message) -> None:
        self.incoming = [*incoming, {"type": "websocket.disconnect"}]
        self.sent: list[Message] = []
        self.reads = asyncio.Event()

    async def receive(self) -> Message:
        return self.incoming.pop(0)

    async def send(self, message: Message) -> None:
        await self.reads.wait()
        self.sent.append(message)


async def test_frames_go_out_in_order_and_a_stuck_peer_is_closed() -> None:
    wire = Wire()
    connection = Connection(wire.receive, wire.send)
    writer = asyncio.create_task(connection.write())
    for number in range(module.MAX_UNSENT + 10):
        connection.post(Stopped(job=str(number), attempt=1))
    assert not connection.open
    wire.reads.set()
    async with asyncio.timeout(5):
        await writer
    *frames, close = wire.sent
    jobs = [msgspec.msgpack.decode(frame["bytes"], type=Stopped).job for frame in frames]
    assert jobs == [str(number) for number in range(module.MAX_UNSENT)]
    assert (close["type"], close["code"]) == ("websocket.close", module.TRY_LATER)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "websocket.receive", "text": "hello", "bytes": None}, module.UNSUPPORTED),
        ({"type": "websocket.receive", "bytes": b"\xc1"}, module.UNSUPPORTED),
        ({"type": "websocket.receive", "bytes": b"\x91" * 20_000}, module.UNSUPPORTED),
        ({"type": "websocket.receive", "bytes": b"\x81\xa4type\xa2\xff\xfe"}, module.UNSUPPORTED),
        ({"type": "websocket.receive", "bytes": b"\0" * (MAX_WORK_FRAME_BYTES + 1)}, module.TOO_BIG),
    ],
)
async def test_a_frame_that_is_none_ends_the_connection(message: Message, code: int) -> None:
    good = msgspec.msgpack.encode(Cancel(job="a"))
    wire = Wire({"type": "websocket.receive", "bytes": good}, message)
    wire.reads.set()
    connection = Connection(wire.receive, wire.send)
    assert [frame async for frame in connection.frames()] == [Cancel(job="a")]
    [close] = wire.sent
    assert (close["type"], close["code"]) == ("websocket.close", code)
    assert 0 < len(close["reason"].encode()) <= module.MAX_REASON_BYTES
    assert not connection.open
