"""A phone as a test drives it: real frames over a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from schemas.stream import (
    SUBPROTOCOL,
    EventFrame,
    Follow,
    Goodbye,
    Hello,
    Ping,
    Position,
    ServerFrame,
    Unfollow,
)

_decoder = msgspec.json.Decoder(ServerFrame)


class TestPhone:
    """`got` holds the events by stream, `pictures` the seq of those that came with one."""

    __test__ = False

    def __init__(self, connection: ClientConnection) -> None:
        self.socket = connection
        self.got: dict[str, list[int]] = {}
        self.pictures: dict[str, list[int]] = {}
        self.epochs: dict[str, str] = {}

    async def hello(self, ticket: str, *follow: Position | str) -> None:
        await self.send(Hello(ticket=ticket, follow=[position(item) for item in follow]))

    async def follow(self, *follow: Position | str) -> None:
        await self.send(Follow(follow=[position(item) for item in follow]))

    async def unfollow(self, *streams: str) -> None:
        await self.send(Unfollow(streams=list(streams)))

    async def send(self, frame: Hello | Follow | Unfollow | Ping) -> None:
        await self.socket.send(msgspec.json.encode(frame).decode())

    async def frame(self, timeout: float = 5) -> ServerFrame:
        """The next frame, with its picture checked."""
        async with asyncio.timeout(timeout):
            message = await self.socket.recv()
            assert isinstance(message, str), "a picture that no event announced"
            frame = _decoder.decode(message)
            if isinstance(frame, EventFrame):
                self.got.setdefault(frame.stream, []).append(frame.seq)
                self.epochs[frame.stream] = frame.epoch
                if frame.picture:
                    picture = await self.socket.recv()
                    assert isinstance(picture, bytes)
                    self.pictures.setdefault(frame.stream, []).append(frame.seq)
            return frame

    async def events(self, count: int, timeout: float = 5) -> list[EventFrame]:
        """The next `count` events, with whatever stands between them skipped."""
        found: list[EventFrame] = []
        async with asyncio.timeout(timeout):
            while len(found) < count:
                frame = await self.frame(timeout)
                if isinstance(frame, EventFrame):
                    found.append(frame)
        return found

    async def silence(self, seconds: float = 0.2) -> None:
        """Nothing comes for a while."""
        try:
            frame = await self.frame(seconds)
        except TimeoutError:
            return
        raise AssertionError(f"unexpected {frame}")

    async def goodbye(self, timeout: float = 5) -> tuple[str, int | None]:
        """Reason and close code; frames before it are read and kept in `got`."""
        reason = ""
        try:
            while True:
                frame = await self.frame(timeout)
                if isinstance(frame, Goodbye):
                    reason = frame.reason
        except ConnectionClosed:
            return reason, self.socket.close_code

    def cut(self) -> None:
        """The network is gone, without a word."""
        self.socket.transport.abort()


def position(item: Position | str) -> Position:
    return Position(stream=item) if isinstance(item, str) else item


@asynccontextmanager
async def phone(port: int, *, receive_buffer: int | None = None) -> AsyncIterator[TestPhone]:
    """A connected phone; with `receive_buffer` its kernel takes few bytes while nobody reads."""
    raw = socket.socket()
    if receive_buffer is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
    connection = await connect(
        f"ws://127.0.0.1:{port}/",
        sock=raw,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        compression=None,
        max_queue=1,
        close_timeout=0.2,
        ping_interval=None,
    )
    try:
        yield TestPhone(connection)
    finally:
        connection.transport.abort()
