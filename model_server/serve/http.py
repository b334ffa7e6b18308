"""The HTTP side: health, readiness, metrics and what the model can draw."""

from __future__ import annotations

from typing import Any

import msgspec

from domain.videos.pricing import PRICE
from model_server.engine.conditions import BEGIN_LATENTS
from model_server.serve.engines import State
from model_server.serve.worker import Worker
from schemas.bundle import Manifest
from schemas.errors import STATUS, Code, ErrorAnswer, ErrorBody
from schemas.videos import ModelCard, ModelList, Tier

JSON = "application/json"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
# Loading takes a few seconds; asking more often than this is no use.
RETRY_AFTER_S = 1
# A render is drawn at this multiple of the preview's sides.
FULL_SCALE = 2

Reply = tuple[int, list[tuple[bytes, bytes]], bytes]


def answer(method: str, path: str, worker: Worker, connections: int) -> Reply:
    """Status, headers and body for one request."""
    if path not in ("/health", "/ready", "/metrics", "/v1/models"):
        return _error(Code.NOT_FOUND, f"there is nothing at {path}")
    if method not in ("GET", "HEAD"):
        return _error(Code.METHOD_NOT_ALLOWED, f"{path} takes GET")
    if path == "/health":
        return _reply(200, _health(worker))
    if path == "/metrics":
        return _reply(200, _metrics(worker, connections), PROMETHEUS)
    if path == "/ready":
        return _reply(200 if worker.engines.ready else 503, _health(worker))
    if worker.engines.manifest is None:
        return _error(Code.BUSY, "the model is still loading")
    return _reply(200, model_list(worker.engines.manifests))


def model_list(manifests: list[Manifest]) -> ModelList:
    """What can be asked of these models; the first is the teacher's, which alone draws full videos."""
    return ModelList(data=[_card(manifest, full=manifest is manifests[0]) for manifest in manifests])


def _card(manifest: Manifest, *, full: bool) -> ModelCard:
    previews = manifest.buckets
    # The first is the default: in their own order.
    sizes = dict.fromkeys((item.width, item.height) for item in previews)
    enlarged = [f"{width * FULL_SCALE}x{height * FULL_SCALE}" for width, height in sizes]
    return ModelCard(
        id=manifest.id,
        created=manifest.created_at,
        sizes={
            Tier.PREVIEW: [f"{width}x{height}" for width, height in sizes],
            Tier.FULL: enlarged if full else [],
        },
        seconds=sorted({str(item.frames // manifest.fps) for item in previews}, key=int),
        fps=manifest.fps,
        price={str(tier): price for tier, price in PRICE.items()},
        vocabulary=manifest.vocabulary,
        conditions=manifest.conditions,
        overlap=_overlap(manifest),
    )


def _overlap(manifest: Manifest) -> int:
    """The frames of the latent frames that a clip begins with; a shape of one latent frame has but one."""
    first = manifest.buckets[0]
    each = (first.frames - 1) // max(1, first.latent_frames - 1)
    return (BEGIN_LATENTS - 1) * each + 1 if "begin" in manifest.conditions else 1


def _health(worker: Worker) -> dict[str, Any]:
    engines = worker.engines
    return {
        "status": "failed" if State.FAILED in engines.states.values() else "ok",
        "ready": engines.ready,
        "engines": engines.states,
        "errors": engines.errors,
        "refused": engines.refused,
        "load_seconds": engines.load_seconds,
        "queued": worker.scheduler.queued,
        "begun": worker.scheduler.begun,
    }


def _metrics(worker: Worker, connections: int) -> str:
    worker.metrics.set("riffle_queued", worker.scheduler.queued)
    worker.metrics.set("riffle_begun", worker.scheduler.begun)
    worker.metrics.set("riffle_connections", connections)
    for tier, state in worker.engines.states.items():
        worker.metrics.set("riffle_engine_ready", int(state is State.READY), tier=str(tier))
    return worker.metrics.text()


def _error(code: Code, message: str) -> Reply:
    return _reply(STATUS[code], ErrorAnswer(error=ErrorBody(code=code, message=message)))


def _reply(status: int, body: Any, kind: str = JSON) -> Reply:
    data = body.encode() if isinstance(body, str) else msgspec.json.encode(body)
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(data)).encode())]
    if status == 503:
        headers.append((b"retry-after", str(RETRY_AFTER_S).encode()))
    return status, headers, data
