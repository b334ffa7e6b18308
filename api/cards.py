"""What the model can draw, asked of the model server and remembered while it is away."""

from __future__ import annotations

import asyncio
import logging
import time
import urllib.request
from typing import Protocol, runtime_checkable

import msgspec

from schemas.errors import Code, RiffleError
from schemas.videos import ModelCard, ModelList

log = logging.getLogger("riffle.api")
# A new bundle shows up within this time.
FRESH_S = 10.0
# The server may be drawing on every core: slow is not dead.
TIMEOUT_S = 5.0
RETRY_AFTER_S = 2


@runtime_checkable
class Cards(Protocol):
    """Where the model cards come from."""

    async def all(self) -> list[ModelCard]:
        """Every model, the default first."""
        ...


class ModelServerCards:
    """The cards of a model server. Once seen they outlive its restarts."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/v1/models"
        self._known: list[ModelCard] = []
        self._fetched_at = float("-inf")
        self._one_at_a_time = asyncio.Lock()

    async def all(self) -> list[ModelCard]:
        """Every model, the default first.

        Raises:
            RiffleError: busy, while the server has never answered.
        """
        if time.monotonic() - self._fetched_at < FRESH_S:
            return self._known
        async with self._one_at_a_time:
            if time.monotonic() - self._fetched_at >= FRESH_S:
                await self._refresh()
        return self._known

    async def _refresh(self) -> None:
        try:
            self._known = await asyncio.to_thread(self._fetch)
        except (OSError, msgspec.MsgspecError) as away:
            if not self._known:
                raise RiffleError(
                    Code.BUSY, "the model is still loading", retry_after_s=RETRY_AFTER_S
                ) from away
            log.warning("the model server did not answer (%s): its last cards stay in use", away)
        self._fetched_at = time.monotonic()

    def _fetch(self) -> list[ModelCard]:
        with urllib.request.urlopen(self._url, timeout=TIMEOUT_S) as reply:
            found = msgspec.json.decode(reply.read(), type=ModelList).data
        if not found:
            raise OSError("it has no model")
        return found
