"""Phones by the session that let them in: each is disconnected when its session ends."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from domain.accounts import sessions
from domain.clock import Clock
from realtime import limits
from realtime.database_retry import retry_read
from schemas.stream import GoodbyeReason

log = logging.getLogger(__name__)


class Guest(Protocol):
    """What a phone offers to be called with; it returns at once."""

    def disconnect(self, reason: GoodbyeReason) -> None:
        """End the connection soon."""


class SessionWatch:
    """The database names ended sessions as they end; what was lost on the way is found by asking."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guests: dict[str, set[Guest]] = {}
        self._to_ask: set[str] = set()
        self._wakeup = asyncio.Event()

    def add(self, session: str, guest: Guest) -> None:
        """Watch over a session for a phone that has just redeemed a ticket of it."""
        self._guests.setdefault(session, set()).add(guest)
        # An end between redeeming and this moment reached no listener: ask once in any case.
        self._to_ask.add(session)
        self._wakeup.set()

    def remove(self, session: str, guest: Guest) -> None:
        """The phone is gone."""
        guests = self._guests.get(session, set())
        guests.discard(guest)
        if not guests:
            self._guests.pop(session, None)

    def session_ended(self, session: str) -> None:
        """Handle a notification of the channel for ended sessions."""
        for guest in self._guests.get(session, ()):
            guest.disconnect(GoodbyeReason.SIGNED_OUT)

    def resync(self) -> None:
        """Notifications may have been lost: ask about every session."""
        self._to_ask |= self._guests.keys()
        self._wakeup.set()

    async def run(self) -> None:
        """Ask about new sessions, and every SESSION_CHECK_S about all, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(limits.SESSION_CHECK_S):
                    await self._wakeup.wait()
            except TimeoutError:
                self.resync()
            self._wakeup.clear()
            names, self._to_ask = list(self._to_ask), set()
            try:
                for session in await self._ended(names):
                    self.session_ended(session)
            except Exception:
                # Phones must not lose their watch to one bad moment: the next round asks about all of them.
                log.exception("sessions could not be checked")

    async def _ended(self, names: list[str]) -> set[str]:
        return await retry_read(lambda: sessions.ended(names, self._clock()))
