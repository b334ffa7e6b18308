"""Behind a proxy that ends TLS, phones are sent to the address that they can reach."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from api.routes import realtime
from api.routes.realtime import socket_url
from settings import PROJECT, load
from tests import tls_proxy
from tests.api.people import PASSWORD
from tests.product import free_port

START_WITHIN_S = 120.0


@pytest.mark.parametrize(
    ("env", "host", "scheme", "url"),
    [
        ({}, "10.0.0.7:8000", "http", "ws://10.0.0.7:8001"),
        ({}, "riffle.example", "https", "wss://riffle.example:8001"),
        ({}, "[::1]:8000", "http", "ws://[::1]:8001"),
        ({}, "[", "http", "ws://127.0.0.1:8001"),
        (
            {"PUBLIC_URL": "https://riffle.example"},
            "127.0.0.1:8000",
            "http",
            f"wss://riffle.example{realtime.SOCKET_PATH}",
        ),
        (
            {"PUBLIC_URL": "http://box.lan:81/"},
            "evil.example",
            "https",
            f"ws://box.lan:81{realtime.SOCKET_PATH}",
        ),
        (
            {"PUBLIC_REALTIME_URL": "wss://live.example:444/s"},
            "127.0.0.1:8000",
            "http",
            "wss://live.example:444/s",
        ),
        (
            {"PUBLIC_URL": "https://riffle.example", "PUBLIC_REALTIME_URL": "wss://live.example"},
            "127.0.0.1:8000",
            "http",
            "wss://live.example",
        ),
    ],
)
def test_the_socket_is_where_the_settings_say(
    tmp_path: Path, env: dict[str, str], host: str, scheme: str, url: str
) -> None:
    settings = load(
        {"RIFFLE_HOME": str(tmp_path), **{f"RIFFLE_{name}": value for name, value in env.items()}}
    )
    assert socket_url(settings, host, scheme) == url


@pytest.fixture(params=["plain_terminator", "caddy"])
async def public(
    request: pytest.FixtureRequest, database: Any, database_url: str, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """An api and a gateway behind a proxy on one TLS port, and a client that trusts it."""
    if request.param == "caddy" and shutil.which("caddy") is None:
        pytest.skip("caddy is not installed")
    ports = tls_proxy.Ports(free_port(), free_port(), free_port())
    url = f"https://{tls_proxy.HOST}:{ports.public}"
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RIFFLE")},
        "RIFFLE_HOME": str(tmp_path / "home"),
        "RIFFLE_API_PORT": str(ports.api),
        "RIFFLE_REALTIME_PORT": str(ports.realtime),
        "RIFFLE_DATABASE_URL": database_url,
        "RIFFLE_PUBLIC_URL": url,
    }
    context = tls_proxy.make_certificate(tmp_path)
    started = [
        await asyncio.create_subprocess_exec(sys.executable, "-m", module, cwd=PROJECT, env=env)
        for module in ("tests.api.serve", "realtime.main")
    ]
    try:
        async with getattr(tls_proxy, request.param)(tmp_path, ports):
            await answers(f"http://127.0.0.1:{ports.api}/ready")
            await answers(f"http://127.0.0.1:{ports.realtime}/health")
            async with httpx.AsyncClient(base_url=url, verify=context) as client:
                client.context = context  # type: ignore[attr-defined]
                yield client
    finally:
        for process in started:
            process.terminate()
        for process in started:
            async with asyncio.timeout(20):
                await process.wait()


async def answers(url: str) -> None:
    async with asyncio.timeout(START_WITHIN_S), httpx.AsyncClient() as client:
        while True:
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)


async def test_a_phone_reaches_the_socket_through_the_proxy(public: httpx.AsyncClient) -> None:
    signed_in = await public.post(
        "/v1/accounts", json={"handle": f"behind_{public.base_url.port}", "password": PASSWORD}
    )
    assert signed_in.status_code == 201, signed_in.text
    headers = {"authorization": f"Bearer {signed_in.json()['session']['access_token']}"}
    ticket = (await public.post("/v1/realtime/ticket", headers=headers)).json()
    assert (
        ticket["url"] == f"{str(public.base_url).replace('https', 'wss').rstrip('/')}{realtime.SOCKET_PATH}"
    )
    context = public.context  # type: ignore[attr-defined]
    async with connect(ticket["url"], subprotocols=[Subprotocol("riffle.v1")], ssl=context) as phone:
        hello = {"type": "hello", "ticket": ticket["ticket"], "follow": [{"stream": "inbox"}]}
        await phone.send(json.dumps(hello))
        welcome = json.loads(await phone.recv())
    assert (welcome["type"], welcome["stream"]) == ("welcome", "inbox")
    document = (await public.get("/schema/openapi.json")).json()
    assert document["servers"] == [{"url": str(public.base_url).rstrip("/")}]
