"""The clock of an app, and the instant that a handler is given as `now`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection


def read_clock(connection: ASGIConnection[Any, Any, Any, Any]) -> datetime:
    """The current instant by the clock that `create_app` was given."""
    now: datetime = connection.app.state.clock()
    return now


async def provide_now(request: Request[Any, Any, Any]) -> datetime:
    """The dependency `now`: read once for each request, before its handler runs."""
    return read_clock(request)
