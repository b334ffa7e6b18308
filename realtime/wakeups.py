"""Wakeups: one LISTEN connection to PostgreSQL, which reconnects by itself.

A notification lost with the connection is never missed for good: after every (re)connect `on_connected` is
called, and all listeners read the database again. Payloads are ids only; facts are read from the tables.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

import asyncpg

from db.engine import AWAY
from realtime import limits

Handler = Callable[[str], None]
log = logging.getLogger(__name__)


class WakeupListener:
    """Calls `handlers[channel](payload)` for each notification, `on_connected()` after each connect."""

    def __init__(self, url: str, handlers: Mapping[str, Handler], on_connected: Callable[[], None]) -> None:
        self._url = url
        self._handlers = handlers
        self._on_connected = on_connected
        self.connected = False

    async def run(self) -> None:
        """Listen until cancelled."""
        delay = limits.FIRST_BACKOFF_S
        while True:
            try:
                connection = await asyncpg.connect(self._url, timeout=limits.PROBE_TIMEOUT_S)
                delay = limits.FIRST_BACKOFF_S
                try:
                    await self._listen(connection)
                finally:
                    self.connected = False
                    connection.terminate()
            except AWAY as error:
                log.warning(
                    "wakeups lost, connecting again in %.1f s: %s", delay, error or type(error).__name__
                )
                await asyncio.sleep(delay)
                delay = min(2 * delay, limits.LAST_BACKOFF_S)

    async def _listen(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        for channel in self._handlers:
            await connection.add_listener(channel, self._notified)
        self.connected = True
        self._on_connected()
        while not lost.is_set():
            try:
                async with asyncio.timeout(limits.PROBE_EVERY_S):
                    await lost.wait()
            except TimeoutError:
                await connection.execute("SELECT 1", timeout=limits.PROBE_TIMEOUT_S)
        raise ConnectionError("the database closed the connection")

    def _notified(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        self._handlers[channel](str(payload))
