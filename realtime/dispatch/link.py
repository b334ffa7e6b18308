"""The one websocket to the model server, which reconnects when that server restarts.

A job in flight keeps its attempt: after a reconnect every live `Render` is sent again as it was. The model
server knows a job by (job, attempt): alive, it goes on or repeats its answer; restarted, it draws the job
anew. Either way the attempt still means "this lease", which is all that the fence in the database asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from uuid import uuid4

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from realtime import limits
from schemas.work import (
    MAX_WORK_FRAME_BYTES,
    BadFrame,
    Cancel,
    Closenesses,
    Compare,
    FromModels,
    Render,
    ToModels,
    Vectors,
    decode_from_models,
)

Frames = asyncio.Queue[FromModels]
log = logging.getLogger(__name__)


class CallFailed(RuntimeError):
    """The model server answered a call with a fault."""


class ModelServerLink:
    """Jobs and calls over one connection. Frames of a job go into the queue that `job` yields."""

    def __init__(self, url: str, secret: str = "") -> None:
        """`secret` is what the model server asks for, in the handshake."""
        self._url = url
        self._headers = {"authorization": f"Bearer {secret}"} if secret else {}
        self._socket: ClientConnection | None = None
        self._jobs: dict[str, tuple[Render, Frames]] = {}
        self._calls: dict[str, tuple[Compare, asyncio.Future[FromModels]]] = {}
        self._last_frame_at = 0.0

    @property
    def connected(self) -> bool:
        """Whether the model server is connected."""
        return self._socket is not None

    @property
    def silence_s(self) -> float:
        """Seconds since the last frame while jobs are in flight; 0 while none are."""
        return asyncio.get_running_loop().time() - self._last_frame_at if self._jobs else 0.0

    async def run(self, on_connected: asyncio.Event) -> None:
        """Keep the connection until cancelled; `on_connected` is set after each connect."""
        delay = limits.FIRST_BACKOFF_S
        while True:
            try:
                async with connect(
                    self._url,
                    compression=None,
                    proxy=None,
                    additional_headers=self._headers,
                    max_size=MAX_WORK_FRAME_BYTES,
                    ping_interval=limits.MODELS_PING_EVERY_S,
                    ping_timeout=limits.MODELS_PING_TIMEOUT_S,
                    close_timeout=limits.GOODBYE_S,
                ) as socket:
                    delay = limits.FIRST_BACKOFF_S
                    # What is asked from here on is sent by whoever asks it, so nothing is sent twice.
                    unanswered = self._unanswered()
                    self._socket = socket
                    log.info("connected to the model server, sending %d jobs", len(self._jobs))
                    on_connected.set()
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(_send_all(socket, unanswered))
                        tasks.create_task(self._receive(socket))
            except* (OSError, TimeoutError, InvalidHandshake, ConnectionClosed) as group:
                # Not for ever: a first start has no model server for a minute.
                if delay < limits.LAST_BACKOFF_S:
                    log.warning("no model server, connecting again in %.1f s: %r", delay, group.exceptions[0])
            finally:
                self._socket = None
            await asyncio.sleep(delay)
            delay = min(2 * delay, limits.LAST_BACKOFF_S)

    @contextlib.contextmanager
    def job(self, render: Render) -> Iterator[Frames]:
        """Frames of this attempt, and of no other, for as long as the context lasts; `send` starts it."""
        if not self._jobs:
            self._last_frame_at = asyncio.get_running_loop().time()
        frames: Frames = asyncio.Queue()
        self._jobs[render.id] = (render, frames)
        try:
            yield frames
        finally:
            if self._jobs.get(render.id, (None,))[0] is render:
                del self._jobs[render.id]

    async def send(self, frame: Render | Cancel) -> None:
        """Send, or don't: after the next connect a live Render is sent anyway, and a Cancel is moot."""
        if self._socket is not None:
            with contextlib.suppress(ConnectionClosed):
                await self._socket.send(msgspec.msgpack.encode(frame))

    async def compare(self, pairs: list[tuple[bytes, bytes]]) -> list[float]:
        """Closeness of each pair of latents.

        Raises:
            TimeoutError: no answer in time, reconnects included.
            CallFailed: the model server can't.
        """
        call = Compare(call=uuid4().hex, pairs=pairs)
        answer: asyncio.Future[FromModels] = asyncio.get_running_loop().create_future()
        self._calls[call.call] = (call, answer)
        try:
            async with asyncio.timeout(limits.COMPARE_S):
                if self._socket is not None:
                    with contextlib.suppress(ConnectionClosed):
                        await self._socket.send(msgspec.msgpack.encode(call))
                found = await answer
        finally:
            del self._calls[call.call]
        if not isinstance(found, Closenesses):
            raise CallFailed(getattr(found, "message", "an answer to another question"))
        return found.values

    def _unanswered(self) -> list[ToModels]:
        jobs: list[ToModels] = [render for render, _ in self._jobs.values()]
        return [*jobs, *(call for call, _ in self._calls.values())]

    async def _receive(self, socket: ClientConnection) -> None:
        # Not `async for`: it would take a clean close for the end of the work.
        while True:
            message = await socket.recv(decode=False)
            self._last_frame_at = asyncio.get_running_loop().time()
            try:
                frame = decode_from_models(message)
            except BadFrame as error:
                log.error("the model server sent a frame that can't be decoded: %s", error)
            else:
                self._route(frame)

    def _route(self, frame: FromModels) -> None:
        if isinstance(frame, Closenesses | Vectors):
            self._answer(frame.call, frame)
        elif frame.job in self._calls:
            self._answer(frame.job, frame)
        else:
            render, frames = self._jobs.get(frame.job, (None, None))
            # A late frame of an older attempt is dropped.
            if render is not None and frames is not None and render.attempt == frame.attempt:
                frames.put_nowait(frame)

    def _answer(self, call: str, frame: FromModels) -> None:
        answer = self._calls[call][1] if call in self._calls else None
        if answer is not None and not answer.done():
            answer.set_result(frame)


async def _send_all(socket: ClientConnection, frames: list[ToModels]) -> None:
    for frame in frames:
        await socket.send(msgspec.msgpack.encode(frame))
