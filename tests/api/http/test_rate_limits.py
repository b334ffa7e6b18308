"""Calls are counted by address and window, in bounded memory."""

from __future__ import annotations

import time

import httpx
import pytest
from limits import RateLimitItemPerMinute, RateLimitItemPerSecond
from litestar import Litestar, get
from litestar.datastructures import State

from api.http import rate_limits
from api.http.errors import to_error_response
from api.http.rate_limits import create_limiter, rate_limited

TWO = RateLimitItemPerMinute(2, namespace="two")
ONE = RateLimitItemPerMinute(1, namespace="one")
SHORT = RateLimitItemPerSecond(1, namespace="short")


@get("/two", guards=[rate_limited(TWO)])
async def two() -> None: ...


@get("/one", guards=[rate_limited(ONE)])
async def one() -> None: ...


@get("/short", guards=[rate_limited(SHORT)])
async def short() -> None: ...


@pytest.fixture
def app() -> Litestar:
    return Litestar(
        [one, two, short],
        state=State({"rate_limiter": create_limiter()}),
        exception_handlers={Exception: to_error_response},
        logging_config=None,
    )


async def call(app: Litestar, path: str, address: str = "10.0.0.1", method: str = "GET") -> httpx.Response:
    transport = httpx.ASGITransport(app=app, client=(address, 1))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://riffle.test") as client:
        return await client.request(method, path)


async def test_each_address_and_each_limit_counts_for_itself(app: Litestar) -> None:
    assert [(await call(app, "/two")).status_code for _ in range(3)] == [200, 200, 429]
    assert (await call(app, "/one")).status_code == 200
    assert (await call(app, "/two", "10.0.0.2")).status_code == 200


async def test_a_refusal_says_when_the_window_ends(app: Litestar) -> None:
    await call(app, "/one")
    refusal = await call(app, "/one")
    assert refusal.json()["error"]["code"] == "rate_limited"
    assert 55 <= int(refusal.headers["retry-after"]) <= 60


async def test_a_new_window_counts_anew(app: Litestar) -> None:
    assert [(await call(app, "/short")).status_code for _ in range(2)] == [200, 429]
    deadline = time.monotonic() + 5
    while (await call(app, "/short")).status_code == 429:
        assert time.monotonic() < deadline


async def test_asking_for_the_methods_counts_nothing(app: Litestar) -> None:
    for _ in range(3):
        assert (await call(app, "/one", method="OPTIONS")).status_code == 204
    assert (await call(app, "/one")).status_code == 200


async def test_past_the_bound_the_first_address_is_forgotten(
    app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "MAX_COUNTERS", 2)
    for address in ("10.0.0.1", "10.0.0.2", "10.0.0.3"):
        assert (await call(app, "/one", address)).status_code == 200
    assert (await call(app, "/one", "10.0.0.3")).status_code == 429
    assert (await call(app, "/one", "10.0.0.1")).status_code == 200
