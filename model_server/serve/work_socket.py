"""The work socket: which connection each job's frames go to, and calls that are answered at once.

A job belongs to the connection that sent its newest Render. When a connection is lost, its jobs run to their
end all the same: a client that sends the same request again, with that attempt or a newer one, takes over the
work, or gets the end of one of the last MAX_FINISHED jobs again without any.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable

from starlette.types import Receive, Scope, Send

from model_server.engine import compare
from model_server.serve.connection import Connection
from model_server.serve.engines import Engines
from model_server.serve.faults import JobError
from model_server.serve.scheduler import Ended
from model_server.serve.worker import Worker
from schemas.work import (
    Cancel,
    Closenesses,
    Compare,
    Embed,
    Fault,
    FaultCode,
    FromModels,
    Queued,
    Render,
    Step,
    ToModels,
    Vectors,
)

log = logging.getLogger(__name__)

# About 10 ms each: a call stands between two steps of a drawing for half a second at most.
MAX_TEXTS = 64
# RFC 6455: the peer breaks a rule of this server.
POLICY = 1008


class WorkSockets:
    """The ASGI endpoint of the work socket: frames in to the worker, its frames out to who waits for them."""

    def __init__(self, engines: Engines, secret: str) -> None:
        """`secret` is what whoever connects must show as a bearer token."""
        self._expected = f"Bearer {secret}".encode()
        self.worker = Worker(engines, self._emit)
        self._routes: dict[tuple[str, int], Connection] = {}
        self._calls: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one websocket until it ends; one without the secret, or of a page, is refused (403)."""
        await receive()
        headers = dict(scope["headers"])
        # Every browser names where a page is from; a dispatcher is from nowhere.
        if b"origin" in headers or not hmac.compare_digest(
            headers.get(b"authorization", b""), self._expected
        ):
            await send({"type": "websocket.close", "code": POLICY})
            return
        await send({"type": "websocket.accept"})
        connection = Connection(receive, send)
        self.worker.metrics.connections.inc()
        writer = asyncio.create_task(connection.write())
        try:
            async for frame in connection.frames():
                self._take(frame, connection)
        finally:
            connection.open = False
            writer.cancel()
            self.worker.metrics.connections.dec()
            self._routes = {key: there for key, there in self._routes.items() if there is not connection}

    def _take(self, frame: ToModels, connection: Connection) -> None:
        if isinstance(frame, Render):
            self._routes[frame.id, frame.attempt] = connection
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
            answer = _call_fault(frame, FaultCode.BAD_INPUT, str(error), False)
        except Exception as error:
            log.exception("a call failed")
            answer = _call_fault(frame, FaultCode.INTERNAL, type(error).__name__, True)
        connection.post(answer)

    def _embed(self, texts: list[str]) -> Callable[[], list[list[float]]]:
        if not 1 <= len(texts) <= MAX_TEXTS:
            raise ValueError(f"1 to {MAX_TEXTS} texts, not {len(texts)}")
        return lambda: self.worker.engines.preview.embed(texts).tolist()


def _compare(frame: Compare) -> Callable[[], list[float]]:
    return lambda: [compare.clip_closeness(first, second) for first, second in frame.pairs]


def _call_fault(frame: Embed | Compare, code: FaultCode, message: str, retryable: bool) -> Fault:
    return Fault(job=frame.call, attempt=0, code=code, message=message, retryable=retryable)
