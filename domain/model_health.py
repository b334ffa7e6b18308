"""Whether the model server can draw previews now, and what: asked of it, within a bound."""

from __future__ import annotations

import asyncio

import httpx
import msgspec

from schemas.videos import ModelCard, ModelList

# Whoever asks whether all is ready wants to hear that it isn't, soon.
HEALTH_TIMEOUT_S = 2.0
# What a server that isn't one, or is going down, can answer with: deep nesting and broken text have errors of
# their own.
UNREADABLE = (httpx.HTTPError, msgspec.MsgspecError, RecursionError, ValueError)


class ModelServerHealth(msgspec.Struct, kw_only=True):
    """What of the model server's health decides whether requests can be served."""

    engines: dict[str, str]
    stalled: bool = False


async def fetch_cards(client: httpx.AsyncClient, models_url: str) -> list[ModelCard]:
    """What a model server can draw, the default first.

    Raises:
        an UNREADABLE: it doesn't say.
    """
    reply = (await client.get(models_url)).raise_for_status()
    found = msgspec.json.decode(reply.content, type=ModelList).data
    if not found:
        raise msgspec.ValidationError("it has no model")
    return found


async def unready(client: httpx.AsyncClient, health_url: str) -> str | None:
    """What keeps previews from being drawn at this moment, in a few words; None where nothing does."""
    try:
        # The client's own timeout is for each part of the answer, and a part may come every second.
        async with asyncio.timeout(HEALTH_TIMEOUT_S):
            reply = (await client.get(health_url, timeout=HEALTH_TIMEOUT_S)).raise_for_status()
        found = msgspec.json.decode(reply.content, type=ModelServerHealth)
    except (TimeoutError, *UNREADABLE):
        return "the model server does not answer"
    if found.stalled:
        return "the model hangs"
    return None if found.engines.get("preview") == "ready" else "the model is still loading"
