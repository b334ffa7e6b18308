"""Has posted previews drawn in full; several may run, here or elsewhere, and any may die in the middle."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import httpx

from db.engine import AWAY
from domain.clock import Clock
from domain.feed import post_renders
from domain.model_health import UNREADABLE, fetch_cards
from realtime import limits
from schemas.videos import ModelCard

log = logging.getLogger(__name__)


class PostRenderer:
    """Looks after posts that wait for their render: when it is told of one, and every POST_RENDER_S."""

    def __init__(self, models_http: str, clock: Clock) -> None:
        """`models_http` is the address of the model server."""
        self._url = f"{models_http}/v1/models"
        self._clock = clock
        self._wakeup = asyncio.Event()

    def work_arrived(self, _payload: str = "") -> None:
        """Handle a notification that a post waits, or that its render has ended."""
        self._wakeup.set()

    async def run(self) -> None:
        """Work until cancelled."""
        async with httpx.AsyncClient(timeout=limits.MODELS_ANSWER_S) as client:
            while True:
                try:
                    await self._work(client)
                except AWAY as error:
                    log.warning("posts wait for their renders: %r", error)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(limits.POST_RENDER_S):
                        await self._wakeup.wait()
                self._wakeup.clear()

    async def _work(self, client: httpx.AsyncClient) -> None:
        if not await post_renders.is_any_due(self._clock()):
            return
        try:
            cards: list[ModelCard] = await fetch_cards(client, self._url)
        except UNREADABLE as error:
            log.info("posts wait for their renders until the model server says what it draws: %r", error)
            return
        while await post_renders.run_batch(cards, self._clock()):
            pass
