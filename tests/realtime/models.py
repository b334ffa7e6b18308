"""A model server for fault injection: real frames over a real socket, drawn by a script of the test."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from model_server.media import encode
from schemas.work import (
    Cancel,
    Closenesses,
    Compare,
    Done,
    Fault,
    FaultCode,
    FromModels,
    Media,
    Queued,
    Render,
    Step,
    Stopped,
    ToModels,
)

STEPS = 4
_decoder = msgspec.msgpack.Decoder(ToModels)


def step(render: Render, i: int) -> Step:
    return Step(job=render.id, attempt=render.attempt, i=i, n=STEPS, picture=b"picture %d" % i)


@functools.cache
def _mp4() -> bytes:
    return encode.media(np.zeros((1, 96, 64, 3), np.uint8), 8).video


def done(render: Render) -> Done:
    return Done(
        job=render.id,
        attempt=render.attempt,
        media=Media(video=_mp4(), thumbnail=b"webp", spritesheet=b"jpg"),
        latents=b"latents of " + render.id.encode(),
        timings={"draw": 1.0},
        cpu_seconds=0.5,
        fidelity=0.9 if render.inputs.preview else None,
    )


def fault(render: Render, code: FaultCode, *, retryable: bool) -> Fault:
    return Fault(
        job=render.id, attempt=render.attempt, code=code, message=f"injected {code}", retryable=retryable
    )


class Models:
    """Answers each Render by `script(models, render)`, in a task of its own that a Cancel ends."""

    def __init__(self) -> None:
        self.script: Callable[[Models, Render], Awaitable[None]] = draw
        self.renders: list[Render] = []
        self.cancels: list[str] = []
        self.compared: list[tuple[bytes, bytes]] = []
        self.comparison_fault: FaultCode | None = None
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.socket: ServerConnection | None = None
        self.port = 0
        self.connections = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/work"

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Models]:
        async with serve(self._serve, "127.0.0.1", self.port, compression=None, max_size=None) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            yield self
            self.die()

    async def send(self, frame: FromModels) -> None:
        if self.socket is not None:
            with contextlib.suppress(ConnectionClosed):
                await self.socket.send(msgspec.msgpack.encode(frame))

    def die(self) -> None:
        """As by SIGKILL: the connection breaks, and all that was being drawn is forgotten."""
        for task in self.tasks.values():
            task.cancel()
        self.tasks.clear()
        if self.socket is not None:
            self.socket.transport.abort()

    async def _serve(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.connections += 1
        async for message in socket:
            frame = _decoder.decode(message)
            if isinstance(frame, Render):
                self.renders.append(frame)
                await self.send(Queued(job=frame.id, attempt=frame.attempt, position=1, eta_ms=0))
                self.tasks[frame.id] = asyncio.create_task(self.script(self, frame))
            elif isinstance(frame, Cancel):
                self.cancels.append(frame.job)
                task = self.tasks.pop(frame.job, None)
                if task is not None:
                    task.cancel()
                    attempt = max(render.attempt for render in self.renders if render.id == frame.job)
                    await self.send(Stopped(job=frame.job, attempt=attempt))
            elif isinstance(frame, Compare):
                self.compared += frame.pairs
                await self.send(self._compare(frame))

    def _compare(self, call: Compare) -> Closenesses | Fault:
        code = self.comparison_fault
        if code is None:
            return Closenesses(call=call.call, values=[0.75] * len(call.pairs))
        return Fault(job=call.call, attempt=0, code=code, message=f"injected {code}", retryable=False)


async def draw(models: Models, render: Render) -> None:
    """Nothing goes wrong."""
    for i in range(1, STEPS + 1):
        await models.send(step(render, i))
        await asyncio.sleep(0.005)
    await models.send(done(render))
