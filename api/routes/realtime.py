"""The ticket that opens the socket."""

from __future__ import annotations

from urllib.parse import urlsplit

from litestar import Controller, post

from api.http.auth import AuthedRequest
from domain.accounts import tickets
from schemas.stream import Ticket
from settings import Settings

# Where a proxy with one public address finds the gateway, which takes sockets at any path.
SOCKET_PATH = "/v1/realtime/socket"


class Realtime(Controller):
    """Live events."""

    path = "/realtime"
    tags = ("realtime",)

    @post("/ticket", summary="A ticket for the socket")
    async def ticket(self, request: AuthedRequest, settings: Settings) -> Ticket:
        """A ticket opens one socket within `expires_in` seconds; no token ever stands in an address.

        The socket belongs to the session that asked: it is closed when that ends.
        """
        ticket = await tickets.issue_ticket(request.auth)
        url = socket_url(settings, request.headers.get("host", ""), request.scope["scheme"])
        return Ticket(ticket=ticket, url=url, expires_in=tickets.TICKET_S)


def socket_url(settings: Settings, host: str, scheme: str) -> str:
    """The gateway's address: the setting's; else at SOCKET_PATH of the public url; else that of this host.

    `host` and `scheme` are those of the request, which a proxy may have changed: they count last.
    """
    if settings.public_realtime_url:
        return settings.public_realtime_url
    if settings.public_url:
        return f"ws{settings.public_url.removeprefix('http')}{SOCKET_PATH}"
    try:
        name = urlsplit(f"//{host}").hostname or "127.0.0.1"
    except ValueError:
        name = "127.0.0.1"
    name = f"[{name}]" if ":" in name else name
    return f"{'wss' if scheme == 'https' else 'ws'}://{name}:{settings.realtime_port}"
