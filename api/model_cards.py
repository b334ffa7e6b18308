"""What the model can draw, asked of the model server and remembered while it is away."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Protocol, runtime_checkable

import httpx

from domain.model_health import UNREADABLE, fetch_cards, unready
from schemas.errors import Code, RiffleError
from schemas.videos import ModelCard

log = logging.getLogger(__name__)
# A new bundle shows up within this time.
FRESH_S = 10.0
# The server may be drawing on every core: slow is not dead.
TIMEOUT_S = 5.0
RETRY_AFTER_S = 2
# A first start exports the model, which takes up to a minute.
PREPARING_RETRY_AFTER_S = 5


@runtime_checkable
class Cards(Protocol):
    """Where the model cards come from."""

    async def all(self) -> list[ModelCard]:
        """Every model, the default first."""
        ...

    async def check_ready(self) -> None:
        """Nothing, where previews can be drawn at this moment.

        Raises:
            RiffleError: busy.
        """
        ...


class ModelServerCards:
    """The cards of a model server. Once seen they outlive its restarts, and nobody waits for newer ones."""

    def __init__(
        self,
        url: str,
        progress: Path | None = None,
        *,
        fresh_s: float = FRESH_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`progress` is a file that says how far the model's preparation is, there while it goes on.

        Cards older than `fresh_s` are asked for anew; `transport` takes the place of the network.
        """
        self._url = f"{url}/v1/models"
        self._health_url = f"{url}/health"
        self._progress = progress
        self._fresh_s = fresh_s
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, transport=transport)
        self._known: list[ModelCard] = []
        self._asked_at = float("-inf")
        self._first = asyncio.Lock()
        self._newer: asyncio.Task[None] | None = None

    async def all(self) -> list[ModelCard]:
        """Every model, the default first.

        Raises:
            RiffleError: busy, while the server has never answered.
        """
        async with self._first:
            if not self._known:
                await self._ask()
        if time.monotonic() - self._asked_at >= self._fresh_s and (self._newer is None or self._newer.done()):
            self._newer = asyncio.create_task(self._renew())
        return self._known

    async def check_ready(self) -> None:
        """Nothing, where the model server says now that previews can be drawn.

        Raises:
            RiffleError: busy.
        """
        await self.all()
        if (message := await unready(self._client, self._health_url)) is not None:
            raise RiffleError(Code.BUSY, message, retry_after_s=RETRY_AFTER_S)

    async def _ask(self) -> None:
        try:
            self._known = await fetch_cards(self._client, self._url)
        except UNREADABLE as away:
            raise self._busy() from away
        finally:
            self._asked_at = time.monotonic()

    def _busy(self) -> RiffleError:
        try:
            line = self._progress.read_text().strip() if self._progress else ""
        except OSError:
            return RiffleError(Code.BUSY, "the model is still loading", retry_after_s=RETRY_AFTER_S)
        message = f"the model is being prepared{line and ': '}{line}"
        return RiffleError(Code.BUSY, message, retry_after_s=PREPARING_RETRY_AFTER_S)

    async def _renew(self) -> None:
        try:
            await self._ask()
        except RiffleError as away:
            log.warning("the model server did not answer (%r): its last cards stay in use", away.__cause__)
