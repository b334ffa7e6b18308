"""Every refusal has the one error shape, whoever made it."""

from __future__ import annotations

import httpx
import pytest


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/admin/api/tables/", 401, "unauthenticated"),
        ("GET", "/admin/nothing/here", 404, "not_found"),
        ("GET", "/admin/public/nothing/", 404, "not_found"),
        ("PUT", "/admin/public/meta/", 403, "forbidden"),
        ("GET", "/schema/nope", 404, "not_found"),
        ("GET", "/schema/nope/nope.json", 404, "not_found"),
        ("GET", "/nothing", 404, "not_found"),
        ("MADEUP", "/v1/videos", 405, "method_not_allowed"),
    ],
)
async def test_refusals(anyone: httpx.AsyncClient, method: str, path: str, status: int, code: str) -> None:
    reply = await anyone.request(method, path)
    assert (reply.status_code, reply.headers["content-type"]) == (status, "application/json")
    error = reply.json()["error"]
    assert error["code"] == code
    assert error["message"]
    assert error["request_id"] == reply.headers["x-request-id"]


async def test_pages_that_are_there_stay_as_they_are(anyone: httpx.AsyncClient) -> None:
    for path in ("/admin/", "/schema/openapi.json", "/"):
        assert "error" not in (await anyone.get(path)).text[:50]
