"""Who stands at the gateway's doors: sockets without a ticket yet, and how many each address has inside.

Past a bound the newcomer isn't turned away: who has waited longest for its ticket is. So sockets without one
keep nobody out, not even people behind the same address.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

from websockets.asyncio.server import ServerConnection

from domain.client_address import Network, is_trusted, rate_key
from realtime import limits


class Aborting(Protocol):
    """What can be ended at once."""

    def abort(self) -> None:
        """End it."""
        ...


class Doors:
    """Sockets by address, before and after their ticket."""

    def __init__(self, trusted: Sequence[Network] = ()) -> None:
        self._trusted = trusted
        # In the order in which they came; the value is None where a trusted proxy speaks for somebody.
        self._waiting: dict[Aborting, str | None] = {}
        self._inside: dict[Aborting, str | None] = {}
        self._per_address: Counter[str] = Counter()

    @property
    def inside(self) -> int:
        """How many were admitted."""
        return len(self._inside)

    def enter(self, transport: Aborting, peer: str) -> None:
        """Somebody connected; whoever has waited longest leaves where there is no room."""
        address = None if is_trusted(peer, self._trusted) else rate_key(peer)
        self._waiting[transport] = address
        self._make_room(address)

    def named(self, transport: Aborting, address: str) -> None:
        """A trusted proxy said for whom it speaks."""
        if transport in self._waiting:
            # To the end: its time at the door begins with its name.
            del self._waiting[transport]
            self._waiting[transport] = rate_key(address)
            self._make_room(rate_key(address))

    def admit(self, transport: Aborting) -> bool:
        """Let one in that has shown its ticket; False where its address has too many inside."""
        address = self._waiting.pop(transport, None)
        if address is not None and self._per_address[address] >= limits.MAX_SOCKETS_PER_ADDRESS:
            return False
        self._inside[transport] = address
        if address is not None:
            self._per_address[address] += 1
        return True

    def leave(self, transport: Aborting) -> None:
        """It is gone, from wherever it was."""
        self._waiting.pop(transport, None)
        address = self._inside.pop(transport, None)
        if address is not None:
            self._per_address[address] -= 1
            self._per_address += Counter()

    def _make_room(self, address: str | None) -> None:
        same = [transport for transport, other in self._waiting.items() if other == address]
        if address is not None and len(same) > limits.MAX_WAITING_PER_ADDRESS:
            self._turn_away(same[0])
        if len(self._waiting) > limits.MAX_WAITING:
            self._turn_away(next(iter(self._waiting)))

    def _turn_away(self, transport: Aborting) -> None:
        del self._waiting[transport]
        transport.abort()


def counted_connection(doors: Doors) -> type[ServerConnection]:
    """A connection that is at the doors from its first byte on, before any handshake."""

    class CountedConnection(ServerConnection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            peer: Any = transport.get_extra_info("peername")
            doors.enter(self.transport, peer[0] if peer else "")

        def connection_lost(self, exc: Exception | None) -> None:
            doors.leave(self.transport)
            super().connection_lost(exc)

    return CountedConnection
