"""Readiness of the realtime process while the model server lives, hangs, stalls and is away."""

from __future__ import annotations

import asyncio
import contextlib
import http
import json
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from domain.model_health import HEALTH_TIMEOUT_S
from realtime import limits
from realtime.model_watch import ModelWatch
from tests.realtime.world import until

TOLD_WITHIN_S = limits.MODELS_HEALTH_EVERY_S + HEALTH_TIMEOUT_S + 2.0
WELL = {"engines": {"preview": "ready", "full": "loading"}, "stalled": False}


class Health:
    """Answers every request with `said`, once `answers` is set."""

    def __init__(self) -> None:
        self.said: bytes = json.dumps(WELL).encode()
        self.answers = asyncio.Event()
        self.answers.set()
        self.url = ""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Server]:
        async with serve(_nothing, "127.0.0.1", 0, process_request=self._answer) as server:
            self.url = f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
            yield server

    async def _answer(self, _: ServerConnection, request: Request) -> Response:
        assert request.path == "/health"
        await self.answers.wait()
        headers = Headers({"content-length": str(len(self.said)), "connection": "close"})
        return Response(http.HTTPStatus.OK, "OK", headers, self.said)


async def _nothing(_: ServerConnection) -> None:
    """No work is done."""


@contextlib.asynccontextmanager
async def watching(url: str) -> AsyncIterator[ModelWatch]:
    watch = ModelWatch(url)
    assert not watch.can_draw
    task = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def is_said(watch: ModelWatch, *, can_draw: bool) -> None:
    async def same() -> bool:
        return watch.can_draw is can_draw

    await until(same, TOLD_WITHIN_S)


async def test_a_model_server_that_hangs_and_comes_back() -> None:
    health = Health()
    async with health.running(), watching(health.url) as watch:
        await is_said(watch, can_draw=True)
        health.answers.clear()
        await is_said(watch, can_draw=False)
        health.answers.set()
        await is_said(watch, can_draw=True)


@pytest.mark.parametrize(
    "said",
    [
        json.dumps({**WELL, "stalled": True}),
        json.dumps({"engines": {"preview": "loading"}}),
        json.dumps({"engines": {"preview": "failed"}}),
        "{",
        "[" * 100_000,
    ],
)
async def test_whatever_it_says_that_is_not_ready(said: str) -> None:
    health = Health()
    async with health.running(), watching(health.url) as watch:
        await is_said(watch, can_draw=True)
        health.said = said.encode()
        await is_said(watch, can_draw=False)


async def test_a_model_server_that_went_away() -> None:
    health = Health()
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(health.running())
        watch = await stack.enter_async_context(watching(health.url))
        await is_said(watch, can_draw=True)
        server.close()
        await is_said(watch, can_draw=False)
