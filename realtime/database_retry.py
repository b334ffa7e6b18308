"""Reads that are repeated while PostgreSQL is unreachable (a restart takes a moment)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from db.engine import AWAY
from realtime import limits

T = TypeVar("T")
log = logging.getLogger(__name__)


async def retry_read(read: Callable[[], Awaitable[T]]) -> T:
    """Repeat a read until the database answers; the caller's cancellation ends the wait."""
    while True:
        try:
            return await read()
        except AWAY as error:
            log.warning("a read failed, trying again: %r", error)
            await asyncio.sleep(limits.RETRY_S)
