"""The HTTP side of a model server whose engines are not loaded yet: routes, statuses, one error shape."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from model_server.serve.engines import Engines
from model_server.serve.http import create_app
from model_server.serve.work_socket import WorkSockets
from settings import load


@pytest.fixture
def work(tmp_path: Path) -> WorkSockets:
    return WorkSockets(Engines(load({"RIFFLE_HOME": str(tmp_path)})), "a secret")


@pytest.fixture
async def client(work: WorkSockets) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(work.worker, work))
    async with httpx.AsyncClient(transport=transport, base_url="http://models.test") as client:
        yield client


def error(reply: httpx.Response) -> dict[str, Any]:
    assert set(reply.json()) == {"error"}, reply.text
    found: dict[str, Any] = reply.json()["error"]
    return found


async def test_it_answers_at_once_and_is_not_ready(client: httpx.AsyncClient) -> None:
    healthy = await client.get("/health")
    assert (healthy.status_code, healthy.json()["status"]) == (200, "ok")
    ready = await client.get("/ready")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert ready.headers["retry-after"] == "1"


async def test_models_are_busy_until_a_bundle_is_loaded(client: httpx.AsyncClient) -> None:
    reply = await client.get("/v1/models")
    assert reply.status_code == 503
    assert error(reply)["code"] == "busy"
    assert int(reply.headers["retry-after"]) > 0


@pytest.mark.parametrize("path", ["/", "/nothing", "/health/", "/v1/models/x"])
async def test_other_paths_are_not_found(client: httpx.AsyncClient, path: str) -> None:
    reply = await client.get(path)
    assert reply.status_code == 404
    assert error(reply)["code"] == "not_found"


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/v1/models"])
async def test_only_get_and_head_are_allowed(client: httpx.AsyncClient, path: str) -> None:
    reply = await client.post(path)
    assert reply.status_code == 405
    assert error(reply)["code"] == "method_not_allowed"
    assert set(reply.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert (await client.head(path)).status_code == (await client.get(path)).status_code


async def test_metrics_keep_their_names_and_closed_labels(
    work: WorkSockets, client: httpx.AsyncClient
) -> None:
    work.worker.metrics.units.labels(tier="preview", stage="denoise").inc()
    reply = await client.get("/metrics")
    families = {family.name: family for family in text_string_to_metric_families(reply.text)}
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert samples["riffle_units_total", "denoise", "preview"] == 1
    assert samples["riffle_engine_ready", "full"] == 0
    assert (samples[("riffle_queued",)], samples[("riffle_started",)], samples[("riffle_connections",)]) == (
        0,
        0,
        0,
    )
    assert families["riffle_units"].type == "counter"
