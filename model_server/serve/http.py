"""The HTTP side: health, readiness, metrics and model cards, as Starlette routes beside the work socket."""

from __future__ import annotations

import time
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from model_server.serve.cards import model_list
from model_server.serve.engines import EngineState
from model_server.serve.prompts import prompt_routes
from model_server.serve.replies import error, reply
from model_server.serve.worker import Worker
from schemas.errors import Code

WORK_PATH = "/v1/work"


class Pages:
    """What a worker answers about itself by HTTP."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def health(self, _: Request) -> Response:
        """The state of each engine and of the queue; always 200 while the event loop turns."""
        return reply(200, _health(self._worker))

    async def ready(self, _: Request) -> Response:
        """As `health`, with 503 until both engines are loaded, and while the drawing hangs."""
        found = _health(self._worker)
        return reply(200 if found["ready"] else 503, found)

    async def metrics(self, _: Request) -> Response:
        """Prometheus text."""
        metrics = self._worker.metrics
        metrics.queued.set(self._worker.scheduler.queued)
        metrics.started.set(self._worker.scheduler.started)
        for tier, state in self._worker.engines.states.items():
            metrics.engine_ready.labels(tier=str(tier)).set(state is EngineState.READY)
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    async def models(self, _: Request) -> Response:
        """The model cards; busy until the first bundle is loaded."""
        if self._worker.engines.manifest is None:
            return error(Code.BUSY, "the model is still loading")
        engines = self._worker.engines
        return reply(200, model_list(engines.manifests, engines.full_sizes, engines.subject_counts))


def create_app(worker: Worker, work: ASGIApp) -> Starlette:
    """The ASGI application; `work` serves the websocket at WORK_PATH."""
    pages = Pages(worker)
    app = Starlette(
        routes=[
            Route("/health", pages.health),
            Route("/ready", pages.ready),
            Route("/metrics", pages.metrics),
            Route("/v1/models", pages.models),
            *prompt_routes(worker),
            WebSocketRoute(WORK_PATH, work),
        ],
        exception_handlers={HTTPException: _refusal},
    )
    app.router.redirect_slashes = False
    return app


def _health(worker: Worker) -> dict[str, Any]:
    engines = worker.engines
    stalled = worker.is_stalled(time.monotonic())
    failed = EngineState.FAILED in engines.states.values()
    return {
        "status": "stalled" if stalled else "failed" if failed else "ok",
        "ready": engines.ready and not stalled,
        "stalled": stalled,
        "engines": engines.states,
        "errors": engines.errors,
        "refused": engines.refused,
        "load_seconds": engines.load_seconds,
        "queued": worker.scheduler.queued,
        "started": worker.scheduler.started,
    }


async def _refusal(request: Request, problem: Exception) -> Response:
    """Starlette's own refusals (no such path, wrong method) in the one error shape."""
    assert isinstance(problem, HTTPException)
    if problem.status_code == 405:
        return error(Code.METHOD_NOT_ALLOWED, f"{request.url.path} takes another method", problem.headers)
    return error(Code.NOT_FOUND, f"there is nothing at {request.url.path}")
