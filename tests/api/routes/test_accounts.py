"""Sign up, in, out, and the tokens in between."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from litestar import Litestar

from api.http.rate_limits import FAILED_BY_ADDRESS, FAILED_BY_HANDLE, SIGN_INS
from domain.accounts import passwords, sessions
from tests.api.people import PASSWORD, Person, refused


async def test_sign_up_signs_in(anyone: httpx.AsyncClient) -> None:
    reply = await anyone.post(
        "/v1/accounts", json={"handle": "grace", "password": PASSWORD, "display_name": "Grace H"}
    )
    assert reply.status_code == 201
    body = reply.json()
    assert body["account"]["handle"] == "grace"
    assert body["account"]["display_name"] == "Grace H"
    assert "password" not in reply.text
    assert body["session"]["expires_in"] > 0
    assert PASSWORD not in reply.text
    me = await Person(anyone, body).ok("GET", "/v1/me")
    assert me["account"] == body["account"]
    assert me["credits"] == await Person(anyone, body).ok("GET", "/v1/me/credits")
    assert me["credits"]["balance"] > 0


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"handle": "no", "password": PASSWORD}, "handle"),
        ({"handle": "Upper", "password": PASSWORD}, "handle"),
        ({"handle": "sp ace", "password": PASSWORD}, "handle"),
        ({"handle": "fine", "password": "short"}, "password"),
        ({"handle": "fine", "password": "x" * 129}, "password"),
        ({"handle": "fine", "password": PASSWORD, "display_name": ""}, "display_name"),
        ({"handle": "fine"}, "password"),
    ],
)
async def test_accounts_that_cannot_be(anyone: httpx.AsyncClient, body: dict[str, str], param: str) -> None:
    refused(await anyone.post("/v1/accounts", json=body), 400, "invalid_request", param)


async def test_a_handle_is_taken_once_also_at_the_same_moment(anyone: httpx.AsyncClient) -> None:
    body = {"handle": "only_one", "password": PASSWORD}
    replies = await asyncio.gather(*(anyone.post("/v1/accounts", json=body) for _ in range(5)))
    assert sorted(reply.status_code for reply in replies) == [201, 409, 409, 409, 409]
    refused(await anyone.post("/v1/accounts", json=body), 409, "handle_taken")


async def test_sign_in(anyone: httpx.AsyncClient, ada: Person) -> None:
    reply = await anyone.post("/v1/sessions", json={"handle": ada.handle, "password": PASSWORD})
    assert reply.status_code == 201
    assert reply.json()["account"]["id"] == ada.id
    assert reply.json()["session"]["access_token"] != ada.session["access_token"]


@pytest.mark.parametrize("handle", [None, "nobody_here", "NOT A HANDLE"])
async def test_wrong_credentials_say_no_more_than_that(
    anyone: httpx.AsyncClient, ada: Person, handle: str | None
) -> None:
    body = {"handle": handle or ada.handle, "password": "not my password"}
    error = refused(await anyone.post("/v1/sessions", json=body), 401, "wrong_credentials")
    assert error["message"] == "the handle or the password is wrong"


async def test_a_missing_account_takes_as_long_as_a_wrong_password() -> None:
    stored = await passwords.hashed(PASSWORD)
    await passwords.matches("x", None)

    async def took(known: str | None) -> float:
        started = time.perf_counter()
        assert not await passwords.matches("x", known)
        return time.perf_counter() - started

    assert await took(None) > 0.3 * await took(stored)
    assert await took("!locked") > 0.3 * await took(stored)
    assert await passwords.matches(PASSWORD, stored)


async def test_refresh_rotates_and_a_late_second_use_ends_the_session(
    app: Litestar, anyone: httpx.AsyncClient, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = {"refresh_token": ada.session["refresh_token"]}
    reply = await anyone.post("/v1/sessions/refresh", json=first)
    assert reply.status_code == 200
    rotated = Person(anyone, reply.json())
    assert rotated.session["refresh_token"] != first["refresh_token"]
    await rotated.ok("GET", "/v1/me")
    again = await anyone.post("/v1/sessions/refresh", json=first)
    assert again.status_code == 200
    assert again.json()["session"]["refresh_token"] == rotated.session["refresh_token"]
    assert again.json()["session"]["access_token"] == rotated.session["access_token"]
    late = datetime.now(UTC) + timedelta(seconds=sessions.REUSE_GRACE_S)
    monkeypatch.setattr(app.state, "clock", lambda: late)
    refused(await anyone.post("/v1/sessions/refresh", json=first), 401, "unauthenticated")
    refused(await rotated.call("GET", "/v1/me"), 401, "unauthenticated")
    second = {"refresh_token": rotated.session["refresh_token"]}
    refused(await anyone.post("/v1/sessions/refresh", json=second), 401, "unauthenticated")


async def test_sign_out_ends_the_session_and_no_other(anyone: httpx.AsyncClient, ada: Person) -> None:
    other = await anyone.post("/v1/sessions", json={"handle": ada.handle, "password": PASSWORD})
    assert (await ada.call("DELETE", "/v1/sessions")).status_code == 204
    refused(await ada.call("GET", "/v1/me"), 401, "unauthenticated")
    body = {"refresh_token": ada.session["refresh_token"]}
    refused(await anyone.post("/v1/sessions/refresh", json=body), 401, "unauthenticated")
    await Person(anyone, other.json()).ok("GET", "/v1/me")


async def test_an_expired_token_says_so(anyone: httpx.AsyncClient, ada: Person) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=400)
    access, refresh, _ = await sessions.issue(ada.id, "a phone", long_ago)
    ada.session["access_token"] = access
    refused(await ada.call("GET", "/v1/me"), 401, "token_expired")
    reply = await anyone.post("/v1/sessions/refresh", json={"refresh_token": refresh})
    refused(reply, 401, "token_expired")


async def test_a_refresh_token_opens_no_route(ada: Person) -> None:
    ada.session["access_token"] = ada.session["refresh_token"]
    refused(await ada.call("GET", "/v1/me"), 401, "unauthenticated")


async def test_too_many_attempts_are_told_when_to_come_back(app: Litestar, anyone: httpx.AsyncClient) -> None:
    body = {"handle": "nobody_at_all", "password": "y"}
    assert app.state.rate_limiter.hit(SIGN_INS, "127.0.0.1", cost=SIGN_INS.amount - 1)
    refused(await anyone.post("/v1/sessions", json=body), 401, "wrong_credentials")
    for path in ("/v1/sessions", "/v1/accounts"):
        reply = await anyone.post(path, json=body)
        refused(reply, 429, "rate_limited")
        assert 1 <= int(reply.headers["retry-after"]) <= 60


async def sign_in_from(app: Litestar, address: str, handle: str, password: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, client=(address, 1))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://riffle.test") as client:
        return await client.post("/v1/sessions", json={"handle": handle, "password": password})


async def test_wrong_passwords_are_counted_by_handle_wherever_they_come_from(
    app: Litestar, ada: Person, bob: Person
) -> None:
    for number in range(FAILED_BY_HANDLE.amount):
        handle = ada.handle if number % 2 else f" {ada.handle.upper()}"
        refused(await sign_in_from(app, f"10.0.0.{number}", handle, "wrong one"), 401, "wrong_credentials")
    reply = await sign_in_from(app, "10.0.1.1", ada.handle, PASSWORD)
    refused(reply, 429, "rate_limited")
    assert 1 <= int(reply.headers["retry-after"]) <= 5 * 60
    assert (await sign_in_from(app, "10.0.0.1", bob.handle, PASSWORD)).status_code == 201
    # Who is signed in can't go on guessing elsewhere.
    change = {"password": "wrong one", "new_password": "another long one"}
    refused(await ada.call("POST", "/v1/me/password", change), 429, "rate_limited")


async def test_right_passwords_are_not_counted(app: Litestar, ada: Person) -> None:
    for _ in range(FAILED_BY_HANDLE.amount + 2):
        assert (await sign_in_from(app, "10.0.0.1", ada.handle, PASSWORD)).status_code == 201


async def test_wrong_passwords_at_once_are_bounded_as_one_after_another(app: Litestar, ada: Person) -> None:
    tries = [sign_in_from(app, f"10.0.0.{number}", ada.handle, "wrong one") for number in range(40)]
    statuses = [reply.status_code for reply in await asyncio.gather(*tries)]
    assert statuses.count(401) == FAILED_BY_HANDLE.amount
    assert statuses.count(429) == 40 - FAILED_BY_HANDLE.amount


async def test_one_address_that_guesses_stops_only_itself(app: Litestar, ada: Person) -> None:
    for number in range(FAILED_BY_ADDRESS.amount):
        reply = await sign_in_from(app, "10.0.0.9", f"nobody_{number}", "wrong one")
        refused(reply, 401, "wrong_credentials")
    refused(await sign_in_from(app, "10.0.0.9", ada.handle, PASSWORD), 429, "rate_limited")
    assert (await sign_in_from(app, "10.0.0.8", ada.handle, PASSWORD)).status_code == 201


async def test_the_realtime_ticket_names_the_host_that_was_asked(ada: Person) -> None:
    ticket = (await ada.call("POST", "/v1/realtime/ticket")).json()
    assert ticket["url"] == "ws://riffle.test:9001"
    assert ticket["expires_in"] > 0
    assert ticket["ticket"]
    again = await ada.ok("POST", "/v1/realtime/ticket", headers={"host": "[::1]:8000"})
    assert again["url"] == "ws://[::1]:9001"
    assert again["ticket"] != ticket["ticket"]


@pytest.mark.parametrize("typed", ["@{}", " @{} ", "{}\u200b", "\u202a@{}\u202c", "\ufeff{}"])
async def test_a_handle_is_known_as_it_is_shown_and_as_it_is_copied(
    app: Litestar, ada: Person, typed: str
) -> None:
    assert (await sign_in_from(app, "10.0.0.1", typed.format(ada.handle), PASSWORD)).status_code == 201
