"""No address keeps most of the server's connections, and nobody one by taking nothing of a response.

The server bounds connections in all and gives each time for its headers, but looks at no addresses.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import psutil
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from domain.client_address import Network, is_trusted, rate_key

log = logging.getLogger(__name__)

# Each is a task and some 30 kB of buffers: 30 MB.
MAX_CONNECTIONS = 1024
MAX_CONNECTIONS_PER_ADDRESS = 256
# The server closes a connection that doesn't send a whole head of a request within this.
HEADERS_WITHIN_MS = 10_000
# Looking takes 10 ms at 1,024 connections, and nothing while there are few.
LOOK_EVERY_S = 0.5
# A client that takes nothing of a response for so long is gone.
MAX_SEND_S = 30.0
# Sockets and files of this process beside its connections: the database's, the store's, the log.
OTHER_FILES = 256


def allow_files(count: int) -> None:
    """Let this process open so many files and sockets, where its bound is lower and may be raised."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _Connection(NamedTuple):
    fd: int
    peer: tuple[str, int]


class ConnectionWatch:
    """Knows which connections have a request in hand, and closes others of an address that has too many."""

    def __init__(self, port: int, trusted: Sequence[Network]) -> None:
        self._port = port
        self._trusted = trusted
        self._busy: set[tuple[str, int]] = set()
        self._process = psutil.Process()
        # In the order in which they were first seen.
        self._seen: dict[tuple[str, int], None] = {}

    def watch_requests(self, app: ASGIApp) -> ASGIApp:
        """An app whose connections are known to be busy while it handles their requests."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            client = scope.get("client")
            peer = (client[0], int(client[1])) if client else ("", 0)
            gone = False

            async def send_in_time(message: Message) -> None:
                nonlocal gone
                if gone:
                    return
                try:
                    async with asyncio.timeout(MAX_SEND_S):
                        await send(message)
                except TimeoutError:
                    # What follows is dropped, as the server does with what comes after a disconnect.
                    gone = True
                    self.close(peer)

            self._busy.add(peer)
            try:
                await app(scope, receive, send_in_time)
            finally:
                self._busy.discard(peer)

        return watched

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self._process.num_fds() > MAX_CONNECTIONS_PER_ADDRESS:
                self.close_excess()

    def close_excess(self) -> int:
        """Close the oldest idle connections of each address that has more than its share; how many.

        One that wasn't there at the look before is left alone: it may be about to send its request.
        """
        found = self._connections()
        known = set(self._seen)
        # A lower descriptor was opened earlier, unless it was used again.
        now = dict.fromkeys(connection.peer for connection in sorted(found))
        self._seen = {peer: None for peer in self._seen if peer in now} | now
        age = {peer: place for place, peer in enumerate(self._seen)}
        by_address: defaultdict[str, list[_Connection]] = defaultdict(list)
        for connection in found:
            # A trusted proxy is an address of everybody.
            if not is_trusted(connection.peer[0], self._trusted):
                by_address[rate_key(connection.peer[0])].append(connection)
        closed = 0
        for address, connections in by_address.items():
            excess = len(connections) - MAX_CONNECTIONS_PER_ADDRESS
            idle = [item for item in connections if item.peer in known and item.peer not in self._busy]
            for connection in sorted(idle, key=lambda item: age[item.peer])[: max(0, excess)]:
                closed += _shut_down(connection)
            if excess > 0:
                log.warning("%s has %d connections too many: idle ones are closed", address, excess)
        return closed

    def close(self, peer: tuple[str, int]) -> None:
        """Close the connection of `peer`, whatever is still to be sent on it."""
        for connection in self._connections():
            if connection.peer == peer:
                _shut_down(connection)

    def _connections(self) -> list[_Connection]:
        return [
            _Connection(item.fd, (str(item.raddr[0]), int(item.raddr[1])))
            for item in self._process.net_connections("tcp")
            if item.raddr and item.laddr and item.laddr[1] == self._port
        ]


def _shut_down(connection: _Connection) -> bool:
    """End a connection, if the descriptor is still its own: it may have been closed and used again."""
    try:
        copy = socket.socket(fileno=os.dup(connection.fd))
    except OSError:
        return False
    with copy:
        try:
            if copy.getpeername()[:2] == connection.peer:
                copy.shutdown(socket.SHUT_RDWR)
                return True
        except OSError:
            return False
    return False
