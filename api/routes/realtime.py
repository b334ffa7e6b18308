"""The ticket that opens the socket."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from litestar import Controller, post

from api.http.auth import AuthedRequest
from domain.accounts import tickets
from schemas.stream import Ticket
from settings import Settings


class Realtime(Controller):
    """Live events."""

    path = "/realtime"
    tags = ("realtime",)

    @post("/ticket", summary="A ticket for the socket")
    async def ticket(self, request: AuthedRequest, now: datetime, settings: Settings) -> Ticket:
        """A ticket opens one socket within `expires_in` seconds; no token ever stands in an address.

        The socket belongs to the session that asked: it is closed when that ends.
        """
        ticket = await tickets.issue_ticket(request.auth, now)
        return Ticket(
            ticket=ticket,
            url=socket_url(request.headers.get("host", ""), request.scope["scheme"], settings),
            expires_in=tickets.TICKET_S,
        )


def socket_url(host: str, scheme: str, settings: Settings) -> str:
    """The gateway on the host that the phone already reaches."""
    try:
        name = urlsplit(f"//{host}").hostname or "127.0.0.1"
    except ValueError:
        name = "127.0.0.1"
    name = f"[{name}]" if ":" in name else name
    return f"{'wss' if scheme == 'https' else 'ws'}://{name}:{settings.realtime_port}"
