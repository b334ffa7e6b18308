"""The phone gateway: accepts sockets, reads hello, and hands each phone to `realtime.gateway.phone`."""

from __future__ import annotations

import asyncio
import contextlib
import http
import logging
import socket
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from db.engine import AWAY
from domain.accounts import tickets
from domain.client_address import Network, find_origin
from domain.clock import Clock
from domain.metrics_reader import may_read_metrics
from realtime import limits, metrics
from realtime.gateway.doors import Doors, counted_connection
from realtime.gateway.phone import Disconnect, Phone, decode
from realtime.gateway.session_watch import SessionWatch
from realtime.gateway.streams import Streams
from schemas.errors import Code, ErrorBody, ErrorResponse
from schemas.stream import MAX_CLIENT_FRAME_BYTES, SUBPROTOCOL, Goodbye, GoodbyeReason, Hello

HOST = "127.0.0.1"
# Close codes of RFC 6455 and its registry: 1008 policy, 1012 restart, 1013 try again later.
CLOSE_CODES = {
    GoodbyeReason.BAD_TICKET: 1008,
    GoodbyeReason.BAD_FRAME: 1008,
    GoodbyeReason.HELLO_TIMEOUT: 1008,
    GoodbyeReason.TOO_MANY_FRAMES: 1008,
    GoodbyeReason.SIGNED_OUT: 1008,
    GoodbyeReason.TOO_MANY_SOCKETS: 1013,
    GoodbyeReason.TOO_SLOW: 1013,
    GoodbyeReason.SHUTDOWN: 1012,
}
log = logging.getLogger(__name__)


class Gateway:
    """All phones of this process; `healthy` says whether wakeups arrive, `ready` whether work is drawn."""

    def __init__(
        self,
        port: int,
        streams: Streams,
        healthy: Callable[[], bool],
        clock: Clock,
        trusted_proxies: Sequence[Network] = (),
        metrics_token: str = "",
        *,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self._metrics_token = metrics_token
        self._port = port
        self._ready = ready
        self._trusted = trusted_proxies
        self._doors = Doors(trusted_proxies)
        self._streams = streams
        self._healthy = healthy
        self._sessions = SessionWatch(clock)
        self._watching: asyncio.Task[None] | None = None
        self._phones: set[Phone] = set()
        self._per_account: Counter[str] = Counter()
        self._open = 0
        self._closing = asyncio.Event()
        self._server: Server | None = None

    @property
    def phones(self) -> frozenset[Phone]:
        """Those that were admitted and are connected."""
        return frozenset(self._phones)

    async def start(self) -> int:
        """Begin to accept phones.

        Returns:
            The port, which the system has chosen where 0 was asked for.
        """
        self._server = await serve(
            self._serve,
            HOST,
            self._port,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            process_request=self._http,
            process_response=_in_the_error_shape,
            create_connection=counted_connection(self._doors),
            open_timeout=limits.HANDSHAKE_S,
            close_timeout=limits.GOODBYE_S,
            ping_interval=limits.PING_EVERY_S,
            ping_timeout=limits.PING_TIMEOUT_S,
            max_size=MAX_CLIENT_FRAME_BYTES,
            write_limit=limits.WRITE_BUFFER_BYTES,
        )
        self._watching = asyncio.create_task(self._sessions.run())
        return int(next(iter(self._server.sockets)).getsockname()[1])

    def session_ended(self, session: str) -> None:
        """Handle a notification of the channel for ended sessions: their phones are disconnected."""
        self._sessions.session_ended(session)

    def resync(self) -> None:
        """Notifications may have been lost: check every session and stream."""
        self._sessions.resync()
        self._streams.resync()

    async def stop(self) -> None:
        """Say goodbye to every phone and close."""
        if self._server is None or self._closing.is_set():
            return
        self._closing.set()
        self._server.close(close_connections=False)
        for phone in self._phones:
            phone.disconnect(GoodbyeReason.SHUTDOWN)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * limits.GOODBYE_S):
                await self._server.wait_closed()
        if self._watching is not None:
            self._watching.cancel()
        self._streams.close()

    def _http(self, connection: ServerConnection, request: Request) -> Response | None:
        path = request.path.partition("?")[0]
        if path == "/health":
            healthy = self._healthy()
            status = http.HTTPStatus.OK if healthy else http.HTTPStatus.SERVICE_UNAVAILABLE
            body = msgspec.json.encode({"status": "ok" if healthy else "no wake-ups", "phones": self._open})
            return _page(status, "application/json", body)
        if path == "/ready":
            ready = self._healthy() and self._ready()
            status = http.HTTPStatus.OK if ready else http.HTTPStatus.SERVICE_UNAVAILABLE
            return _page(status, "application/json", msgspec.json.encode({"ready": ready}))
        peer = connection.remote_address[0]
        sent = request.headers.get("authorization", "").removeprefix("Bearer ")
        if path == "/metrics" and may_read_metrics(peer, request.headers, sent, self._metrics_token):
            metrics.WAKEUPS_CONNECTED.set(self._healthy())
            return _page(http.HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest())
        if "upgrade" not in request.headers:
            return _refusal(http.HTTPStatus.NOT_FOUND, Code.NOT_FOUND, "there is nothing at this address")
        if self._doors.inside >= limits.MAX_SOCKETS or self._closing.is_set():
            return _refusal(http.HTTPStatus.SERVICE_UNAVAILABLE, Code.BUSY, "no room: try again later")
        if self._trusted:
            forwarded = request.headers.get_all("x-forwarded-for")
            origin = find_origin(peer, forwarded, [], self._trusted)
            self._doors.named(connection.transport, origin.address)
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        self._open += 1
        metrics.PHONES.inc()
        raw = connection.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.SEND_BUFFER_BYTES)
        try:
            await self._admit(connection)
        except Disconnect as end:
            await _say_goodbye(connection, end.reason)
        except ConnectionClosed:
            pass
        except AWAY as error:
            # Whether the ticket is used up is unknown: with the next one it works.
            log.warning("a phone could not be let in: %r", error)
            await _say_goodbye(connection, GoodbyeReason.SHUTDOWN)
        finally:
            self._open -= 1
            metrics.PHONES.dec()

    async def _admit(self, connection: ServerConnection) -> None:
        hello = await self._hello(connection)
        admission = await tickets.redeem_ticket(hello.ticket)
        if admission is None:
            raise Disconnect(GoodbyeReason.BAD_TICKET)
        account, session = admission.account_id, admission.session_id
        if self._per_account[account] >= limits.MAX_SOCKETS_PER_ACCOUNT:
            raise Disconnect(GoodbyeReason.TOO_MANY_SOCKETS)
        if self._closing.is_set():
            raise Disconnect(GoodbyeReason.SHUTDOWN)
        if not self._doors.admit(connection.transport):
            raise Disconnect(GoodbyeReason.TOO_MANY_SOCKETS)
        phone = Phone(connection, account, self._streams)
        self._phones.add(phone)
        self._per_account[account] += 1
        try:
            self._sessions.add(session, phone)
            await phone.serve(hello.follow)
        finally:
            self._sessions.remove(session, phone)
            self._phones.discard(phone)
            self._per_account[account] -= 1
            self._per_account += Counter()

    async def _hello(self, connection: ServerConnection) -> Hello:
        receiving = asyncio.ensure_future(connection.recv())
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait({receiving, closing}, timeout=limits.HELLO_S, return_when="FIRST_COMPLETED")
            if receiving.done():
                frame = decode(receiving.result())
                if isinstance(frame, Hello):
                    return frame
                raise Disconnect(GoodbyeReason.BAD_FRAME)
            raise Disconnect(GoodbyeReason.SHUTDOWN if closing.done() else GoodbyeReason.HELLO_TIMEOUT)
        finally:
            receiving.cancel()
            closing.cancel()


def _in_the_error_shape(_: ServerConnection, __: Request, response: Response) -> Response | None:
    """Say what is wrong with a handshake as the api says what is wrong with a request."""
    if response.status_code < 400 or "json" in response.headers.get("content-type", ""):
        return None
    said = (response.body or b"").decode(errors="replace").strip().partition("\n")[0]
    return _refusal(http.HTTPStatus(response.status_code), Code.INVALID_REQUEST, said or "no handshake")


def _refusal(status: http.HTTPStatus, code: Code, message: str) -> Response:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    body = ErrorResponse(error=ErrorBody(code=code, message=message, type=kind))
    response = _page(status, "application/json", msgspec.json.encode(body))
    if status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "2"
    if status == http.HTTPStatus.UPGRADE_REQUIRED:
        response.headers["Upgrade"] = "websocket"
    return response


def _page(status: http.HTTPStatus, content_type: str, body: bytes) -> Response:
    headers = Headers({"Content-Type": content_type, "Content-Length": str(len(body)), "Connection": "close"})
    return Response(status, status.phrase, headers, body)


async def _say_goodbye(connection: ServerConnection, reason: GoodbyeReason) -> None:
    """Send the reason and close; a phone that doesn't read any more is aborted."""
    metrics.GOODBYES.labels(reason=reason).inc()
    with contextlib.suppress(ConnectionClosed, TimeoutError):
        async with asyncio.timeout(limits.GOODBYE_S):
            await connection.send(msgspec.json.encode(Goodbye(reason=reason)), text=True)
            await connection.close(CLOSE_CODES[reason], reason)
            return
    connection.transport.abort()
