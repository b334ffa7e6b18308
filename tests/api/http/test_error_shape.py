"""Every route answers everything that goes wrong in the one shape."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest
import structlog
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from api.app import create_app
from settings import load
from tests.api.conftest import FixedCards
from tests.api.people import Person, refused

WRONG_TOKEN = {"authorization": "Bearer nobody"}
NO_ID = "missing_0000"


def routes() -> list[tuple[str, str, HTTPRouteHandler]]:
    """(method, path with ids that don't exist, handler) of every route of the API."""
    app = create_app(load({}), cards=FixedCards())
    found: list[tuple[str, str, HTTPRouteHandler]] = []
    for route in app.routes:
        if not route.path.startswith("/v1"):
            continue
        path = "/".join(NO_ID if part.startswith("{") else part for part in route.path_format.split("/"))
        for handler in route.route_handlers:  # type: ignore[union-attr]
            assert isinstance(handler, HTTPRouteHandler)
            found += [(str(method), path, handler) for method in handler.http_methods if method != "OPTIONS"]
    # Sets of methods have no order, and every worker must find the same tests in the same one.
    return sorted(found, key=lambda item: item[:2])


ROUTES = routes()
PRIVATE = [item for item in ROUTES if not item[2].opt.get("public")]
WITH_BODY = [item for item in ROUTES if "data" in item[2].parsed_fn_signature.parameters]
WITH_ID = [item for item in PRIVATE if NO_ID in item[1] and item not in WITH_BODY]


def name(item: Any) -> str | None:
    return str(item) if isinstance(item, str) else ""


def test_the_parametrisation_sees_the_api() -> None:
    assert len(ROUTES) >= 40
    assert len(WITH_BODY) >= 10


@pytest.mark.parametrize(("method", "path", "handler"), PRIVATE, ids=name)
async def test_no_token_and_a_wrong_token(
    anyone: httpx.AsyncClient, method: str, path: str, handler: HTTPRouteHandler
) -> None:
    for headers in ({}, {"authorization": "Basic abc"}, {"authorization": "Bearer "}, WRONG_TOKEN):
        reply = await anyone.request(method, path, headers=headers)
        if method != "HEAD":
            refused(reply, 401, "unauthenticated")
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path", "handler"), WITH_BODY, ids=name)
async def test_bodies_that_make_no_sense(
    ada: Person, method: str, path: str, handler: HTTPRouteHandler
) -> None:
    async def send(content: bytes, content_type: str = "application/json") -> httpx.Response:
        return await ada.call(method, path, content=content, headers={"content-type": content_type})

    refused(await send(b"{"), 400, "invalid_json")
    refused(await send(b"[1]"), 400, "invalid_request")
    refused(await send(b"\xff"), 400, "invalid_json")
    refused(await send(b'{"no_such_field": 1}'), 400, "unknown_field", "no_such_field")
    refused(await send(b"[" * 50_000), 400, "invalid_request")
    refused(await send(b"x", "text/yaml"), 415, "unsupported_media_type")
    refused(await send(b"x" * (1024 * 1024 + 1)), 413, "body_too_large")


@pytest.mark.parametrize(("method", "path", "handler"), WITH_ID, ids=name)
async def test_ids_that_do_not_exist(ada: Person, method: str, path: str, handler: HTTPRouteHandler) -> None:
    reply = await ada.call(method, path)
    assert reply.status_code == 404
    if method != "HEAD":
        refused(reply, 404, "not_found")


async def test_unknown_addresses_and_methods(anyone: httpx.AsyncClient, ada: Person) -> None:
    for method in ("GET", "POST", "DELETE", "PUT"):
        refused(await anyone.request(method, "/v1/nothing"), 404, "not_found")
        refused(await anyone.request(method, "/nothing/at/all"), 404, "not_found")
    reply = await ada.call("PUT", "/v1/videos")
    refused(reply, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(reply.headers["allow"].split(", "))


@pytest.mark.parametrize(
    "address", ["/v1/videos/a%00b", "/v1/videos?after=%00", "/v1/videos/a%ff", "/v1/feed?cursor=%ff"]
)
async def test_addresses_that_no_database_could_compare(ada: Person, address: str) -> None:
    refused(await ada.call("GET", address), 400, "invalid_request")


@pytest.mark.parametrize(
    ("address", "param"),
    [
        ("/v1/videos?limit=0", "limit"),
        ("/v1/videos?limit=101", "limit"),
        ("/v1/videos?limit=many", "limit"),
        ("/v1/videos?order=sideways", "order"),
        ("/v1/feed?cut=best", "cut"),
        ("/v1/feed?limit=99999999999999999999", "limit"),
        ("/v1/trends/x/lane?order=best", "order"),
        ("/v1/cameo-requests?role=king", "role"),
    ],
)
async def test_query_parameters_that_make_no_sense(ada: Person, address: str, param: str) -> None:
    refused(await ada.call("GET", address), 400, "invalid_request", param)


async def test_what_nobody_expected_is_500_without_a_leak(
    app: Litestar, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("the secret recipe")

    monkeypatch.setattr("api.routes.videos.get_viewable", broken)
    reply = await ada.call("GET", "/v1/videos/video_1")
    refused(reply, 500, "internal")
    assert "secret" not in reply.text


async def test_an_unexpected_error_is_logged_with_the_request_id(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound: list[dict[str, Any]] = []

    class Recorder(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            bound.append(structlog.contextvars.get_contextvars())

    async def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("api.routes.videos.get_viewable", broken)
    monkeypatch.setattr(logging.getLogger("api.http.errors"), "handlers", [Recorder()])
    replies = [await ada.call("GET", "/v1/videos/video_1") for _ in range(2)]
    assert bound == [{"request_id": reply.headers["x-request-id"]} for reply in replies]


async def test_every_answer_carries_the_safety_headers(anyone: httpx.AsyncClient) -> None:
    for path in ("/health", "/v1/nothing", "/v1/me"):
        headers = (await anyone.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-request-id"].startswith("req_")
        assert "access-control-allow-origin" not in headers


async def test_an_absent_database_is_busy_not_broken(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError("no server")

    monkeypatch.setattr("api.routes.videos.get_viewable", away)
    reply = await ada.call("GET", "/v1/videos/video_1")
    refused(reply, 503, "busy")
    assert int(reply.headers["retry-after"]) > 0
