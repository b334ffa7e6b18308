"""One phone on one socket: resume for each followed stream, and sending at the pace of its network.

Nothing is queued for a phone: while it lags, its events stay in the database, and the next page is read when
the page before is written. Of each page only the latest picture is sent, so a phone that keeps up (one event
a page) sees all pictures, and one that lags gets every fact and the newest picture.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import msgspec
from websockets.asyncio.server import ServerConnection

from domain.events.resume import Follower
from realtime import limits
from realtime.gateway.pace import Pace
from realtime.gateway.streams import Streams
from schemas.errors import Code
from schemas.events import Event, inbox_stream
from schemas.stream import (
    MAX_STREAMS_PER_SOCKET,
    ClientFrame,
    EventFrame,
    Follow,
    FollowRefused,
    GoodbyeReason,
    Ping,
    Pong,
    Position,
    Unfollow,
    Welcome,
)

# Phones call their own inbox by this name, whoever they are.
INBOX = "inbox"
# What a stream may be called; anything else (a NUL, say) never reaches the database.
_STREAM_NAME = re.compile(r"[a-z]+:[A-Za-z0-9_-]+")
_PONG = msgspec.json.encode(Pong())
_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)


class Disconnect(Exception):
    """This phone is disconnected; `reason` goes into its goodbye frame."""

    def __init__(self, reason: GoodbyeReason) -> None:
        super().__init__(reason)
        self.reason = reason


def decode(message: str | bytes) -> ClientFrame:
    """Decode a phone's text message.

    Raises:
        Disconnect: bad_frame.
    """
    if isinstance(message, bytes):
        raise Disconnect(GoodbyeReason.BAD_FRAME)
    try:
        return _decoder.decode(message)
    # Nesting ends in a RecursionError, and text isn't always whole characters.
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise Disconnect(GoodbyeReason.BAD_FRAME) from None


class Phone:
    """The connection of a phone whose ticket was accepted."""

    def __init__(self, socket: ServerConnection, account: str, streams: Streams) -> None:
        self._socket = socket
        self._inbox = inbox_stream(account)
        self._account = account
        self._streams = streams
        self._following: dict[str, Follower] = {}
        # Streams that have events to send, read in turn; a dict keeps the order.
        self._pending: dict[str, None] = {}
        self._heads_to_check: set[str] = set()
        self._has_pending = asyncio.Event()
        self._writing = asyncio.Lock()
        self._disconnected: asyncio.Future[GoodbyeReason] = asyncio.get_running_loop().create_future()

    @property
    def unsent_bytes(self) -> int:
        """What waits in this process for its network."""
        return self._socket.transport.get_write_buffer_size()

    async def serve(self, positions: list[Position]) -> None:
        """Receive its frames and send it events, until the connection ends.

        Raises:
            Disconnect: the gateway ends it. ConnectionClosed: the phone ended it.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send_events())
                tasks.create_task(self._receive(positions))
                raise Disconnect(await self._disconnected)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            for stream in list(self._following):
                self._unfollow(stream)

    def disconnect(self, reason: GoodbyeReason) -> None:
        """End the connection soon, whatever it is doing."""
        if not self._disconnected.done():
            self._disconnected.set_result(reason)

    def event_appended(self, stream: str, seq: int) -> None:
        """Event `seq` of a followed stream exists."""
        if self._following[stream].notified(seq):
            self._schedule_read(stream)

    def resync(self) -> None:
        """Wakeups may have been lost: read the head of every followed stream again."""
        for stream in self._following:
            self._heads_to_check.add(stream)
            self._schedule_read(stream)

    def _schedule_read(self, stream: str) -> None:
        self._pending[stream] = None
        self._has_pending.set()

    async def _receive(self, positions: list[Position]) -> None:
        loop = asyncio.get_running_loop()
        pace = Pace(limits.FRAME_BURST, limits.FRAMES_PER_S, loop.time())
        await self._follow(positions)
        while True:
            frame = decode(await self._socket.recv())
            if not pace.take(len(frame.follow) if isinstance(frame, Follow) else 1, loop.time()):
                raise Disconnect(GoodbyeReason.TOO_MANY_FRAMES)
            if isinstance(frame, Follow):
                await self._follow(frame.follow)
            elif isinstance(frame, Unfollow):
                for name in frame.streams:
                    self._unfollow(self._stream_of(name))
            elif isinstance(frame, Ping):
                async with self._writing:
                    await self._write(_PONG, text=True)
            else:
                raise Disconnect(GoodbyeReason.BAD_FRAME)

    async def _follow(self, positions: list[Position]) -> None:
        for position in positions:
            stream = self._stream_of(position.stream)
            self._unfollow(stream)
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
            self._streams.subscribe(stream, self)
            # An event between reading the head and `subscribe` reached no listener: read once in any case.
            self._schedule_read(stream)

    async def _may_follow(self, name: str) -> bool:
        # Only the short name leads to an inbox, so that no client learns which accounts exist.
        if name.startswith(inbox_stream("")) or (name != INBOX and not _STREAM_NAME.fullmatch(name)):
            return False
        return await self._streams.may_follow(self._account, self._stream_of(name))

    def _unfollow(self, stream: str) -> None:
        self._following.pop(stream, None)
        self._pending.pop(stream, None)
        self._heads_to_check.discard(stream)
        self._streams.unsubscribe(stream, self)

    async def _send_events(self) -> None:
        while True:
            await self._has_pending.wait()
            while self._pending:
                stream = next(iter(self._pending))
                del self._pending[stream]
                await self._catch_up(stream, self._following[stream])
            self._has_pending.clear()

    async def _catch_up(self, stream: str, follower: Follower) -> None:
        if stream in self._heads_to_check:
            self._heads_to_check.discard(stream)
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
                await self._send_event(event, picture)
        if follower.stale:
            self._heads_to_check.add(stream)
        if follower.stale or follower.behind:
            self._schedule_read(stream)

    async def _send_event(self, event: Event, picture: bytes | None) -> None:
        frame = EventFrame(
            stream=self._public_name(event.stream),
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
            stream=self._public_name(stream),
            epoch=follower.epoch,
            recovered=follower.recovered,
            seq=follower.known,
        )
        return msgspec.json.encode(frame)

    async def _refuse(self, position: Position, code: Code, message: str) -> None:
        frame = FollowRefused(stream=position.stream, code=code, message=message)
        async with self._writing:
            await self._write(msgspec.json.encode(frame), text=True)

    async def _write(self, data: bytes, *, text: bool) -> None:
        try:
            async with asyncio.timeout(limits.STALL_S):
                await self._socket.send(data, text=text)
        except TimeoutError:
            raise Disconnect(GoodbyeReason.TOO_SLOW) from None

    def _stream_of(self, name: str) -> str:
        return self._inbox if name == INBOX else name

    def _public_name(self, stream: str) -> str:
        return INBOX if stream == self._inbox else stream


def _latest_picture(page: list[Event]) -> Iterator[tuple[Event, bytes | None]]:
    latest = max((event.seq for event in page if event.picture), default=0)
    for event in page:
        yield event, event.picture if event.seq == latest else None
