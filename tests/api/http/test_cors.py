"""Pages from elsewhere: nobody's by default, those of the setting with what they need to read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import create_app
from settings import load
from tests.api.conftest import FixedCards
from tests.api.people import Person, refused, sign_up

APP = "capacitor://localhost"
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,idempotency-key,x-stainless-lang",
}


@pytest.fixture
async def listed(database: Any, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = load({"RIFFLE_HOME": str(tmp_path), "RIFFLE_CORS_ORIGINS": f"{APP},https://app.example"})
    transport = httpx.ASGITransport(app=create_app(settings, cards=FixedCards()))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://riffle.test") as client:
        yield client


@pytest.mark.parametrize("origin", [APP, "https://app.example"])
async def test_a_listed_page_may_ask(listed: httpx.AsyncClient, origin: str) -> None:
    reply = await listed.options("/v1/videos", headers={"origin": origin, **PREFLIGHT})
    assert reply.status_code == 204
    assert reply.headers["access-control-allow-origin"] == origin
    allowed = {name.strip() for name in reply.headers["access-control-allow-headers"].lower().split(",")}
    assert set(PREFLIGHT["access-control-request-headers"].split(",")) <= allowed
    assert "DELETE" in reply.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in reply.headers


async def test_a_listed_page_reads_answers_and_refusals(listed: httpx.AsyncClient) -> None:
    person = await sign_up(listed, "in_a_web_view")
    body = {"prompt": "a cat on a beach"}
    made = await person.call("POST", "/v1/videos", body, headers={"origin": APP, "idempotency-key": "one"})
    missing = await person.call("GET", "/v1/videos/nobody", headers={"origin": APP})
    refused(missing, 404, "not_found")
    stranger = await listed.get("/v1/me", headers={"origin": APP})
    refused(stranger, 401, "unauthenticated")
    for reply in (made, missing, stranger):
        assert reply.headers["access-control-allow-origin"] == APP
        assert "origin" in reply.headers["vary"].lower()
        exposed = reply.headers["access-control-expose-headers"].split(", ")
        # Of what is sent, everything that a page couldn't read by itself.
        hidden = set(reply.headers) - {
            "content-type",
            "content-length",
            "vary",
            "x-content-type-options",
            "referrer-policy",
            "cross-origin-opener-policy",
            "content-security-policy",
        }
        assert {name for name in hidden if not name.startswith("access-control-")} <= set(exposed)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://app.example.evil",
        "http://app.example",
        "null",
        "https://app.example:444",
    ],
)
async def test_others_may_not(listed: httpx.AsyncClient, origin: str) -> None:
    preflight = await listed.options("/v1/videos", headers={"origin": origin, **PREFLIGHT})
    plain = await listed.get("/v1/feed", headers={"origin": origin})
    for reply in (preflight, plain):
        assert "access-control-allow-origin" not in reply.headers


async def test_by_default_nobody_may(ada: Person) -> None:
    reply = await ada.client.options("/v1/videos", headers={"origin": APP, **PREFLIGHT})
    plain = await ada.call("GET", "/v1/me", headers={"origin": APP})
    for answer in (reply, plain):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
