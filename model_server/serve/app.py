"""The model server's ASGI application and its process: `python -m model_server.serve.app`.

A job belongs to the connection that sent its newest Render. When a connection is lost, its jobs are drawn
to their end all the same: whoever sends the same job again, with that attempt or a newer one, takes over the
drawing, or gets the end of one of the last MAX_RECENT jobs again without drawing it. What nobody asks for
again is forgotten.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable

from granian.constants import Interfaces
from granian.server.embed import Server

import logs
import settings as core_settings
from model_server.engine import compare, latents
from model_server.serve import http
from model_server.serve.connection import Connection, Message, Receive, Send
from model_server.serve.engines import Engines
from model_server.serve.faults import BAD_INPUT, INTERNAL, JobError
from model_server.serve.scheduler import Ended
from model_server.serve.worker import Worker
from schemas.work import (
    Cancel,
    Closenesses,
    Compare,
    Embed,
    Fault,
    FromModels,
    Queued,
    Render,
    Step,
    ToModels,
    Vectors,
)

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
WORK_PATH = "/v1/work"
# Drawing must never keep the api or the gateway waiting for a core.
NICE = 5
# About 10 ms each: a call stands between two steps of a drawing for half a second at most.
MAX_TEXTS = 64


class ModelServer:
    """The ASGI application."""

    def __init__(self, engines: Engines) -> None:
        self.worker = Worker(engines, self._emit)
        self._routes: dict[tuple[str, int], Connection] = {}
        self._connections: set[Connection] = set()
        self._calls: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one HTTP request or one websocket."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            status, headers, body = http.answer(
                scope["method"], scope["path"], self.worker, len(self._connections)
            )
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _websocket(self, scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        if scope["path"] != WORK_PATH:
            await send({"type": "websocket.close", "code": 1000})
            return
        await send({"type": "websocket.accept"})
        connection = Connection(receive, send)
        self._connections.add(connection)
        writer = asyncio.create_task(connection.write())
        try:
            async for frame in connection.frames():
                self._take(frame, connection)
        finally:
            connection.open = False
            writer.cancel()
            self._connections.discard(connection)
            self._routes = {key: there for key, there in self._routes.items() if there is not connection}

    def _take(self, frame: ToModels, connection: Connection) -> None:
        if isinstance(frame, Render):
            self._routes[frame.job, frame.attempt] = connection
            self.worker.submit(frame)
        elif isinstance(frame, Cancel):
            self.worker.cancel(frame)
        else:
            task = asyncio.create_task(self._call(frame, connection))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)

    def _emit(self, frame: Queued | Step | Ended) -> None:
        key = frame.job, frame.attempt
        connection = (
            self._routes.get(key) if isinstance(frame, Queued | Step) else self._routes.pop(key, None)
        )
        if connection is not None:
            connection.post(frame)

    async def _call(self, frame: Embed | Compare, connection: Connection) -> None:
        """Answer a call; one that fails is answered by a Fault with its `call` as `job` and attempt 0."""
        answer: FromModels
        try:
            if isinstance(frame, Embed):
                vectors = await self.worker.call("embed", self._embed(frame.texts))
                answer = Vectors(call=frame.call, vectors=vectors)
            else:
                values = await self.worker.call("compare", _compare(frame))
                answer = Closenesses(call=frame.call, values=values)
        except JobError as error:
            answer = _call_fault(frame, error.code, error.message, error.retryable)
        except ValueError as error:
            answer = _call_fault(frame, BAD_INPUT, str(error), False)
        except Exception as error:
            log.exception("a call failed")
            answer = _call_fault(frame, INTERNAL, type(error).__name__, True)
        connection.post(answer)

    def _embed(self, texts: list[str]) -> Callable[[], list[list[float]]]:
        if not 1 <= len(texts) <= MAX_TEXTS:
            raise ValueError(f"1 to {MAX_TEXTS} texts, not {len(texts)}")
        return lambda: self.worker.engines.preview.embed(texts).tolist()


def _compare(frame: Compare) -> Callable[[], list[float]]:
    return lambda: [compare.closeness(latents.small(a), latents.small(b)) for a, b in frame.pairs]


def _call_fault(frame: Embed | Compare, code: str, message: str, retryable: bool) -> Fault:
    return Fault(job=frame.call, attempt=0, code=code, message=message, retryable=retryable)


async def serve(settings: core_settings.Settings) -> None:
    """Serve until SIGTERM or SIGINT, on 127.0.0.1. Loads the engines beside it.

    Raises:
        Exception: the drawing loop broke; the process must end and be started again.
    """
    app = ModelServer(Engines(settings))
    server = Server(
        app, HOST, settings.models_port, interface=Interfaces.ASGINL, log_enabled=False, backlog=128
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    jobs = [
        loop.create_task(work, name=name)
        for name, work in (
            ("serve", server.serve()),
            ("draw", app.worker.run()),
            ("load", app.worker.keep_loaded()),
        )
    ]
    pending: set[asyncio.Task[None]] = set(jobs)
    # Loading ends by itself; the end of anything else is the end of the process.
    while pending and not jobs[0].done() and not jobs[1].done():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for job in done:
            job.result()


def claim(port: int) -> None:
    """Make sure that nobody listens on a port: granian shares ports, so a second server would go unnoticed.

    Raises:
        settings.BadSetting: somebody does.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise core_settings.BadSetting(
                f"RIFFLE_MODELS_PORT={port} can't be used: {(error.strerror or str(error)).lower()}"
            ) from None


def main() -> None:
    """Run the model server with the settings of the environment."""
    try:
        settings = core_settings.load()
        claim(settings.models_port)
    except core_settings.BadSetting as error:
        sys.exit(str(error))
    logs.configure(settings, "models")
    os.nice(NICE)
    # Torch's OpenMP threads spin while they wait for each other. With another process on one core that made
    # a step of 0.11 s take 3 s; sleeping costs nothing measurable. It is read when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    status = 0
    try:
        asyncio.run(serve(settings))
    except Exception:
        log.exception("the model server stopped")
        status = 1
    # A step or an import that still runs in a thread has nothing to save, and waiting takes seconds.
    logging.shutdown()
    os._exit(status)


if __name__ == "__main__":
    main()
