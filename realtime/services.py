"""Services of one process that don't share a fate: one that ends with an error is started again by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from realtime import limits, metrics

log = logging.getLogger(__name__)


class Service(Protocol):
    """What runs until it is cancelled."""

    async def run(self) -> None:
        """Work."""
        ...


async def keep_running(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a service until cancelled, and again whenever it ends by itself, after a wait that doubles."""
    delay = limits.FIRST_RESTART_S
    loop = asyncio.get_running_loop()
    while True:
        started = loop.time()
        try:
            await run()
            log.error("%s ended by itself: starting it again in %.1f s", name, delay)
        except Exception:
            # Phones, jobs and sweeping of this process must not end with one of them.
            log.exception("%s ended with an error: starting it again in %.1f s", name, delay)
        metrics.RESTARTS.labels(service=name).inc()
        if loop.time() - started > limits.LAST_RESTART_S:
            delay = limits.FIRST_RESTART_S
        await asyncio.sleep(delay)
        delay = min(2 * delay, limits.LAST_RESTART_S)
