"""One phone on one socket: resume per followed stream, and a pump that never outruns the network.

Nothing is queued for a phone: while it lags, its events stay in the database, and the next page is read when
the page before is written. Of each page only the latest picture is sent, so a phone that keeps up (one event
a page) sees all pictures, and one that lags gets every fact and the newest picture.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from enum import StrEnum

import msgspec
from websockets.asyncio.server import ServerConnection

from domain.events.resume import Follower
from realtime import limits
from realtime.gateway.streams import Streams
from schemas.errors import Code
from schemas.events import Event, inbox_stream
from schemas.stream import (
    MAX_STREAMS_PER_SOCKET,
    ClientFrame,
    EventFrame,
    Follow,
    Position,
    Refused,
    Unfollow,
    Welcome,
)

# Phones call their own inbox by this name, whoever they are.
INBOX = "inbox"
# What a stream may be called; anything else (a NUL, say) never reaches the database.
_STREAM = re.compile(r"[a-z]+:[A-Za-z0-9_-]+")
_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)


class Reason(StrEnum):
    """Why the gateway says goodbye."""

    TOO_SLOW = "too_slow"
    BAD_TICKET = "bad_ticket"
    BAD_FRAME = "bad_frame"
    TOO_MANY_SOCKETS = "too_many_sockets"
    SHUTDOWN = "shutdown"
    HELLO_TIMEOUT = "hello_timeout"


class Leave(Exception):
    """This phone is let go, for a reason that it is told."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def decode(message: str | bytes) -> ClientFrame:
    """A phone's frame.

    Raises:
        Leave: it is none.
    """
    if isinstance(message, bytes):
        raise Leave(Reason.BAD_FRAME)
    try:
        return _decoder.decode(message)
    except msgspec.MsgspecError:
        raise Leave(Reason.BAD_FRAME) from None


class Phone:
    """A phone whose ticket was good."""

    def __init__(self, socket: ServerConnection, account: str, streams: Streams) -> None:
        self._socket = socket
        self._inbox = inbox_stream(account)
        self._account = account
        self._streams = streams
        self._following: dict[str, Follower] = {}
        # Streams to read, in turn; a dict keeps the order.
        self._behind: dict[str, None] = {}
        self._doubted: set[str] = set()
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self._left: asyncio.Future[Reason] = asyncio.get_running_loop().create_future()

    async def serve(self, positions: list[Position]) -> None:
        """Serve it until it goes.

        Raises:
            Leave: it has to go. ConnectionClosed: it went.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump())
                tasks.create_task(self._listen(positions))
                raise Leave(await self._left)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            for stream in list(self._following):
                self._drop(stream)

    def leave(self, reason: Reason) -> None:
        """Let it go at the next moment, whatever it is doing."""
        if not self._left.done():
            self._left.set_result(reason)

    def notified(self, stream: str, seq: int) -> None:
        """Event `seq` of a followed stream exists."""
        if self._following[stream].notified(seq):
            self._read_soon(stream)

    def doubt(self) -> None:
        """Wake-ups may have been lost: every followed stream's head is read again."""
        for stream in self._following:
            self._doubted.add(stream)
            self._read_soon(stream)

    def _read_soon(self, stream: str) -> None:
        self._behind[stream] = None
        self._wake.set()

    async def _listen(self, positions: list[Position]) -> None:
        await self._follow(positions)
        while True:
            frame = decode(await self._socket.recv())
            if isinstance(frame, Follow):
                await self._follow(frame.follow)
            elif isinstance(frame, Unfollow):
                for name in frame.streams:
                    self._drop(self._stream(name))
            else:
                raise Leave(Reason.BAD_FRAME)

    async def _follow(self, positions: list[Position]) -> None:
        for position in positions:
            stream = self._stream(position.stream)
            self._drop(stream)
            if len(self._following) >= MAX_STREAMS_PER_SOCKET:
                await self._refuse(
                    position, Code.RATE_LIMITED, f"a socket follows at most {MAX_STREAMS_PER_SOCKET} streams"
                )
                continue
            if not await self._may_follow(position.stream):
                await self._refuse(position, Code.NOT_FOUND, "no such stream, or not yours to follow")
                continue
            follower = Follower(position.epoch, position.after, await self._streams.head(stream))
            async with self._writing:
                await self._write(self._welcome(stream, follower), text=True)
            self._following[stream] = follower
            self._streams.add(stream, self)
            # An event between reading the head and `add` was announced to nobody: look once in any case.
            self._read_soon(stream)

    async def _may_follow(self, name: str) -> bool:
        # Only the short name leads to an inbox, so that nobody learns which accounts exist.
        if name.startswith(inbox_stream("")) or (name != INBOX and not _STREAM.fullmatch(name)):
            return False
        return await self._streams.may_follow(self._account, self._stream(name))

    def _drop(self, stream: str) -> None:
        self._following.pop(stream, None)
        self._behind.pop(stream, None)
        self._doubted.discard(stream)
        self._streams.remove(stream, self)

    async def _pump(self) -> None:
        while True:
            await self._wake.wait()
            while self._behind:
                stream = next(iter(self._behind))
                del self._behind[stream]
                await self._catch_up(stream, self._following[stream])
            self._wake.clear()

    async def _catch_up(self, stream: str, follower: Follower) -> None:
        if stream in self._doubted:
            self._doubted.discard(stream)
            head = await self._streams.head(stream)
            async with self._writing:
                if self._following.get(stream) is follower and follower.check(head):
                    await self._write(self._welcome(stream, follower), text=True)
        page = await self._streams.since(stream, follower.cursor)
        if self._following.get(stream) is not follower:
            return
        for event, picture in _latest_picture(follower.offer(page)):
            async with self._writing:
                # It may have been unfollowed, or followed anew from elsewhere, while a frame was written.
                if self._following.get(stream) is not follower:
                    return
                await self._event(event, picture)
        if follower.stale:
            self._doubted.add(stream)
        if follower.stale or follower.behind:
            self._read_soon(stream)

    async def _event(self, event: Event, picture: bytes | None) -> None:
        frame = EventFrame(
            stream=self._name(event.stream),
            epoch=event.epoch,
            seq=event.seq,
            at=event.at,
            name=event.name,
            data=event.data,
            picture=picture is not None,
        )
        await self._write(msgspec.json.encode(frame), text=True)
        if picture is not None:
            await self._write(picture, text=False)

    def _welcome(self, stream: str, follower: Follower) -> bytes:
        frame = Welcome(
            stream=self._name(stream),
            epoch=follower.epoch,
            recovered=follower.recovered,
            seq=follower.known,
        )
        return msgspec.json.encode(frame)

    async def _refuse(self, position: Position, code: Code, message: str) -> None:
        frame = Refused(stream=position.stream, code=code, message=message)
        async with self._writing:
            await self._write(msgspec.json.encode(frame), text=True)

    async def _write(self, data: bytes, *, text: bool) -> None:
        try:
            async with asyncio.timeout(limits.STALL_S):
                await self._socket.send(data, text=text)
        except TimeoutError:
            raise Leave(Reason.TOO_SLOW) from None

    def _stream(self, name: str) -> str:
        return self._inbox if name == INBOX else name

    def _name(self, stream: str) -> str:
        return INBOX if stream == self._inbox else stream


def _latest_picture(page: list[Event]) -> Iterator[tuple[Event, bytes | None]]:
    latest = max((event.seq for event in page if event.picture), default=0)
    for event in page:
        yield event, event.picture if event.seq == latest else None
