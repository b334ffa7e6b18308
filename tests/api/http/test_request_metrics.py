"""Requests are counted by route and status, with labels from closed lists only."""

from __future__ import annotations

import httpx
import pytest
from litestar import Litestar
from prometheus_client.parser import text_string_to_metric_families

from tests.api.people import Person


async def counted(client: httpx.AsyncClient) -> dict[tuple[str, str, str], float]:
    """(method, path template, status) -> requests so far in this process."""
    text = (await client.get("/metrics")).text
    return {
        (item.labels["method"], item.labels["path"], item.labels["status_code"]): item.value
        for family in text_string_to_metric_families(text)
        for item in family.samples
        if item.name == "riffle_http_requests_total"
    }


async def test_requests_are_counted_by_route_and_status(anyone: httpx.AsyncClient, ada: Person) -> None:
    before = await counted(anyone)
    for number in range(3):
        await ada.call("GET", f"/v1/videos/missing_{number}")
        await anyone.get(f"/v1/videos/missing_{number}")
    await ada.ok("GET", "/v1/me")
    after = await counted(anyone)
    new = {key: value - before.get(key, 0) for key, value in after.items() if value != before.get(key, 0)}
    assert new == {
        ("GET", "/v1/videos/{video_id}", "404"): 3,
        ("GET", "/v1/videos/{video_id}", "401"): 3,
        ("GET", "/v1/me", "200"): 1,
        ("GET", "/metrics", "200"): 1,
    }


async def test_what_a_stranger_makes_up_becomes_no_label(anyone: httpx.AsyncClient) -> None:
    before = await counted(anyone)
    for path in ("/nothing/one", "/v1/nothing", "/admin/nothing", "/"):
        await anyone.get(path)
        await anyone.request("MADEUP", path)
    new = set(await counted(anyone)) - set(before)
    assert new <= {("GET", "/", "200"), ("GET", "/metrics", "200")}


async def test_the_text_is_short_and_says_its_charset_once(anyone: httpx.AsyncClient, ada: Person) -> None:
    for path in ("/v1/me", "/v1/feed", "/v1/models", "/v1/posts/post_0", "/index.html"):
        await ada.call("GET", path)
    reply = await anyone.get("/metrics")
    assert reply.headers["content-type"].count("charset") == 1
    assert "_created" not in reply.text
    lines = [
        line for line in reply.text.splitlines() if 'method="GET",path="/v1/me",status_code="200"' in line
    ]
    assert 0 < len(lines) <= 12
    assert "/index.html" not in reply.text


@pytest.mark.parametrize("header", ["x-forwarded-for", "via", "forwarded"])
async def test_metrics_are_not_for_everybody(app: Litestar, anyone: httpx.AsyncClient, header: str) -> None:
    assert (await anyone.get("/metrics")).status_code == 200
    assert (await anyone.get("/metrics", headers={header: "1"})).status_code == 404
    transport = httpx.ASGITransport(app=app, client=("203.0.113.1", 1))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://riffle.test") as far:
        assert (await far.get("/metrics")).status_code == 404
