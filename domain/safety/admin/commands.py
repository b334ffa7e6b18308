"""What the command line asks of the database besides migrations: who moderates, and what waits for them."""

from __future__ import annotations

import asyncio
import sys

from db import engine, server
from domain.clock import utc_now
from domain.safety.admin import backlog as waits
from domain.safety.admin import moderators
from schemas.errors import RiffleError
from settings import Settings, load

# Two counts over what is open: milliseconds. A server that hangs answers never.
BACKLOG_WITHIN_S = 5.0


def backlog(settings: Settings) -> str:
    """One line on the open takedowns, as a running database knows them."""
    if not settings.database_url and not server.running(settings):
        return "takedowns: unknown, the database does not run"

    async def ask() -> dict[str, float]:
        try:
            async with asyncio.timeout(BACKLOG_WITHIN_S):
                await engine.open(settings)
                return await waits.waiting(now=utc_now())
        finally:
            await engine.close()

    try:
        found = asyncio.run(ask())
    except Exception as error:
        # Whatever is wrong with the database, the doctor has more to say than that.
        return f"takedowns: unknown, the database says: {str(error) or type(error).__name__}"
    return (
        f"takedowns: {found['takedowns_open']:.0f} open, {found['takedowns_overdue']:.0f} overdue,"
        f" the oldest for {found['takedown_oldest_open_seconds'] / 3600:.1f} hours of 48"
    )


def moderator(action: str, name: str, superuser: bool) -> int:
    """Make a moderator and print the password once, or end one's access; returns the exit status."""

    async def act() -> str:
        await engine.open(load())
        try:
            if action == "add":
                password = await moderators.add(name, superuser=superuser, now=utc_now())
                return f"password of {name}, shown this once: {password}"
            await moderators.remove(name, now=utc_now())
            return f"{name} moderates no more"
        finally:
            await engine.close()

    try:
        print(asyncio.run(act()))
    except RiffleError as refused:
        print(refused.message, file=sys.stderr)
        return 1
    return 0
