"""Whether the model server can draw, asked of it every few seconds: an open socket to it doesn't say so."""

from __future__ import annotations

import asyncio
import logging

import httpx

from domain.model_health import unready
from realtime import limits

log = logging.getLogger(__name__)


class ModelWatch:
    """Knows since its last question whether previews can be drawn."""

    def __init__(self, models_http: str) -> None:
        """`models_http` is the address of the model server."""
        self._url = f"{models_http}/health"
        self._wrong: str | None = "the model server was not asked yet"

    @property
    def can_draw(self) -> bool:
        """Whether it could when it was asked last, MODELS_HEALTH_EVERY_S and a timeout ago at most."""
        return self._wrong is None

    async def run(self) -> None:
        """Ask until cancelled."""
        async with httpx.AsyncClient() as client:
            while True:
                wrong = await unready(client, self._url)
                if wrong != self._wrong:
                    log.info("not ready: %s", wrong) if wrong else log.info("the model server can draw")
                self._wrong = wrong
                await asyncio.sleep(limits.MODELS_HEALTH_EVERY_S)
