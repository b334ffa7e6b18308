"""Bodies come in at a least rate, from a bounded number of clients at once; slow ones lose their place.

It wraps the whole app: the framework's own middleware doesn't see requests to addresses that no route has.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, cast

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from domain.client_address import rate_key
from schemas.errors import Code, RiffleError

# A phone on a bad network sends 64 kbit/s; what it is slower by at first, it may be for these seconds.
MIN_BYTES_PER_S = 8 * 1024
GRACE_S = 5.0
# The largest clip (32 MiB) at 2 Mbit/s.
MAX_BODY_S = 135.0
# Half-sent bodies at once: more than 16 a core are never a household's, and each is a task and a buffer.
MAX_BODIES = 256
MAX_BODIES_PER_ADDRESS = 32
# Bodies lie in memory until their request ends: sixteen of the largest clips, four of one address.
MAX_HELD_BYTES = 512 * 1024 * 1024
MAX_HELD_BYTES_PER_ADDRESS = 128 * 1024 * 1024
# After an early response a client that is still sending gets this long to end; one that waits is cut off.
LINGER_S = 5.0
LINGER_GAP_S = 0.5
LINGER_BYTES = 64 * 1024 * 1024


class BodyIntake:
    """All bodies that are on their way into this process."""

    def __init__(self) -> None:
        self._bodies: dict[Body, None] = {}
        self._held: defaultdict[str, int] = defaultdict(int)
        self._total = 0

    def enter(self, body: Body) -> None:
        """Give a body a place; past a bound, whoever has been silent longest loses theirs.

        Raises:
            RiffleError: busy, where nobody can be moved.
        """
        same = [other for other in self._bodies if other.address == body.address]
        if len(same) >= MAX_BODIES_PER_ADDRESS:
            _evict(same)
        elif len(self._bodies) >= MAX_BODIES:
            _evict(self._bodies)
        self._bodies[body] = None

    def leave(self, body: Body) -> None:
        """The body is whole, or given up."""
        self._bodies.pop(body, None)

    def hold(self, body: Body, count: int) -> None:
        """Count bytes that lie in memory until `release`.

        Raises:
            RiffleError: busy, past the bound of all or of the address.
        """
        body.held += count
        self._held[body.address] += count
        self._total += count
        if self._total > MAX_HELD_BYTES or self._held[body.address] > MAX_HELD_BYTES_PER_ADDRESS:
            raise RiffleError(Code.BUSY, "too much is being uploaded at this moment: try again")

    def release(self, body: Body) -> None:
        """The request has ended, and with it what it held."""
        self._total -= body.held
        self._held[body.address] -= body.held
        if self._held[body.address] <= 0:
            del self._held[body.address]
        body.held = 0


class Body:
    """One request's body while it comes in."""

    def __init__(self, intake: BodyIntake, address: str, receive: Receive) -> None:
        self.address = address
        self.held = 0
        self.ended = False
        self.refused = False
        self.last_at = asyncio.get_running_loop().time()
        self.waiting: asyncio.Timeout | None = None
        self._began: float | None = None
        self._received = 0
        self._intake = intake
        self._receive = receive

    async def receive(self) -> Any:
        """The next message, by the deadline that the least rate gives.

        Raises:
            RiffleError: request_timeout, where it comes too slowly or its place is needed; busy.
        """
        if self.ended:
            return await self._receive()
        if self.refused:
            raise _too_slow()
        loop = asyncio.get_running_loop()
        try:
            if self._began is None:
                self._began = loop.time()
                self._intake.enter(self)
            due = self._began + min(MAX_BODY_S, GRACE_S + self._received / MIN_BYTES_PER_S)
            async with asyncio.timeout_at(due) as self.waiting:
                message: Any = await self._receive()
        except TimeoutError:
            self.give_up()
            raise _too_slow() from None
        except RiffleError:
            self.give_up()
            raise
        finally:
            self.waiting = None
        self.last_at = loop.time()
        count = len(message.get("body", b""))
        self._received += count
        if message["type"] != "http.request" or not message.get("more_body", False):
            self.ended = True
            self._intake.leave(self)
        try:
            self._intake.hold(self, count)
        except RiffleError:
            self.give_up()
            raise
        return message

    async def linger(self) -> None:
        """Read on after the response is out, so that a client which still sends can read it."""
        loop = asyncio.get_running_loop()
        until, unread = loop.time() + LINGER_S, LINGER_BYTES
        try:
            while not self.ended and not self.refused and unread > 0:
                async with asyncio.timeout_at(min(until, loop.time() + LINGER_GAP_S)):
                    message: Any = await self._receive()
                unread -= len(message.get("body", b""))
                self.ended = message["type"] != "http.request" or not message.get("more_body", False)
        except TimeoutError:
            return

    def close(self) -> None:
        """The request has ended."""
        self._intake.leave(self)
        self._intake.release(self)

    def give_up(self) -> None:
        """Free its place; the next read of it raises."""
        self.refused = True
        self._intake.leave(self)


def bound_bodies(app: ASGIApp) -> ASGIApp:
    """An app whose request bodies have a deadline and a bounded number of places."""
    intake = BodyIntake()

    async def bounded(scope: Scope, receive: Receive, send: Send) -> None:
        # The start and the end of the app have no headers.
        headers = dict(scope.get("headers", ()))
        comes = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
        if not comes:
            await app(scope, receive, send)
            return
        client = scope.get("client")
        body = Body(intake, rate_key(client[0]) if client else "", receive)
        # Who asks before sending has sent nothing, and would be told to by the first read.
        lingers = headers.get(b"expect", b"").lower() != b"100-continue"
        try:
            await app(scope, body.receive, _Response(send, body, lingers=lingers).send)
        finally:
            body.close()

    return bounded


class _Response:
    """Sends a response; where it comes before the body has ended, the connection closes behind it."""

    def __init__(self, send: Send, body: Body, *, lingers: bool) -> None:
        self._send = send
        self._body = body
        self._lingers = lingers
        self._early = False

    async def send(self, message: Message) -> None:
        """Pass a message on; the last one of an early response waits for a client that still sends."""
        if message["type"] == "http.response.start" and not self._body.ended:
            self._early = True
            # Without a length the response ends by itself, after what is still read.
            kept = [pair for pair in message["headers"] if pair[0].lower() != b"content-length"]
            message = {**message, "headers": [*kept, (b"connection", b"close")]}
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if last and self._early and self._lingers:
            await self._send(cast(Message, {**message, "more_body": True}))
            await self._body.linger()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)


def _evict(bodies: Iterable[Body]) -> None:
    waiting = [body for body in bodies if body.waiting is not None]
    if not waiting:
        raise RiffleError(Code.BUSY, "too many bodies are on their way at this moment: try again")
    victim = min(waiting, key=lambda body: body.last_at)
    assert victim.waiting is not None
    victim.waiting.reschedule(asyncio.get_running_loop().time())
    # It leaves now, not when its task runs, so that the next one to enter finds another.
    victim.give_up()


def _too_slow() -> RiffleError:
    return RiffleError(Code.REQUEST_TIMEOUT, "the body came too slowly, or stopped: send it again")
