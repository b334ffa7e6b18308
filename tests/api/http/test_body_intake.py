"""Bodies that stop, trickle or are refused, over real sockets to the real server."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.http import body_intake
from api.http.body_intake import Body, BodyIntake
from api.http.connections import MAX_CONNECTIONS_PER_ADDRESS
from schemas.errors import Code, RiffleError
from tests.product import free_port

HEALTH = b"GET /health HTTP/1.1\r\nHost: riffle\r\nConnection: close\r\n\r\n"
MEGABYTE = 1024 * 1024


def half_sent(path: str, length: int = 100) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: riffle\r\nContent-Length: {length}\r\n\r\n".encode() + b"{"


class Client:
    """One connection to the server."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def __aenter__(self) -> Client:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, within_s: float) -> tuple[int, bytes]:
        """The status and all that comes until the server closes."""
        async with asyncio.timeout(within_s):
            raw = await self.reader.read()
        head, _, rest = raw.partition(b"\r\n\r\n")
        return int(head.split()[1]), rest


@pytest.fixture(scope="module")
async def port() -> AsyncIterator[int]:
    """A server that trusts a proxy on another loopback address."""
    number = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.api.http.small_app", str(number), "127.0.0.2/32"
    )
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", number)
                    break
                except OSError:
                    await asyncio.sleep(0.1)
        writer.close()
        yield number
    finally:
        process.terminate()
        await process.wait()


async def health_s(port: int) -> float:
    """Seconds until /health has answered."""
    began = time.monotonic()
    async with Client(port) as client:
        await client.send(HEALTH)
        assert (await client.answer(2))[0] == 200
    return time.monotonic() - began


async def test_half_sent_bodies_stop_nobody_and_end(port: int) -> None:
    async with asyncio.timeout(30):
        clients = [Client(port) for _ in range(200)]
        for client in clients:
            await client.__aenter__()
            await client.send(half_sent("/body"))
        assert await health_s(port) < 1
        # Another whole body of the same address comes through meanwhile.
        async with Client(port) as other:
            whole = half_sent("/body", 10).replace(b"Host", b"Connection: close\r\nHost")
            await other.send(whole + b"123456789")
            assert (await other.answer(2)) == (201, b"10")
        answers = await asyncio.gather(*(client.answer(body_intake.GRACE_S + 5) for client in clients))
        assert {status for status, _ in answers} == {408}
        assert b"request_timeout" in answers[0][1]
        for client in clients:
            await client.__aexit__()


async def test_a_body_that_trickles_is_ended(port: int) -> None:
    async with Client(port) as client:
        await client.send(half_sent("/body", 1000))
        answer = asyncio.create_task(client.answer(body_intake.GRACE_S + 3))
        while not answer.done():
            client.writer.write(b"x")
            await asyncio.sleep(0.2)
        assert (await answer)[0] == 408


async def test_a_refusal_does_not_wait_for_the_body(port: int) -> None:
    began = time.monotonic()
    async with Client(port) as client:
        await client.send(half_sent("/refused", 10 * MEGABYTE))
        status, rest = await client.answer(3)
    assert status == 401
    assert b'"unauthenticated"' in rest
    assert time.monotonic() - began < 2 * body_intake.LINGER_GAP_S + 0.5


async def test_who_sends_on_after_a_refusal_can_read_it(port: int) -> None:
    async with Client(port) as client:
        await client.send(half_sent("/refused", 10 * MEGABYTE + 1) + bytes(10 * MEGABYTE))
        assert (await client.answer(3))[0] == 401


async def test_who_asks_before_sending_is_refused_before_sending(port: int) -> None:
    async with Client(port) as client:
        head = half_sent("/refused")[:-3] + b"Expect: 100-continue\r\n\r\n"
        await client.send(head)
        assert (await client.answer(1))[0] == 401


async def test_idle_connections_of_one_address_are_closed_past_its_share(port: int) -> None:
    async with asyncio.timeout(20):
        clients = [Client(port) for _ in range(MAX_CONNECTIONS_PER_ADDRESS + 100)]
        for client in clients:
            await client.__aenter__()
            await client.send(b"GET /health HTT")
        await asyncio.sleep(2)
        assert await health_s(port) < 1
        ended = [client.reader.at_eof() for client in clients]
        assert sum(ended) >= 90
        assert not any(ended[-50:])
        for client in clients:
            await client.__aexit__()


async def test_proxies_are_believed_where_they_are_trusted(port: int) -> None:
    request = (
        b"GET /origin HTTP/1.1\r\nHost: riffle\r\nConnection: close\r\n"
        b"X-Forwarded-For: 203.0.113.9, 198.51.100.7\r\nX-Forwarded-Proto: https\r\n\r\n"
    )
    for source, said in (("127.0.0.2", b"https 198.51.100.7"), ("127.0.0.1", b"http 127.0.0.1")):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
        writer.write(request)
        assert (await reader.read()).endswith(said)
        writer.close()


async def test_the_bounds_of_places_and_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_intake, "MAX_BODIES_PER_ADDRESS", 2)
    monkeypatch.setattr(body_intake, "MAX_HELD_BYTES_PER_ADDRESS", 10)
    intake = BodyIntake()

    async def never() -> Any:
        await asyncio.Event().wait()

    async def six() -> Any:
        return {"type": "http.request", "body": b"123456", "more_body": False}

    silent = Body(intake, "a", never)
    first = asyncio.create_task(silent.receive())
    await asyncio.sleep(0)
    second = asyncio.create_task(Body(intake, "a", never).receive())
    elsewhere = asyncio.create_task(Body(intake, "b", never).receive())
    await asyncio.sleep(0)
    third = Body(intake, "a", six)
    assert (await third.receive())["body"] == b"123456"
    with pytest.raises(RiffleError) as refused:
        await first
    assert refused.value.code is Code.REQUEST_TIMEOUT
    assert not second.done()
    assert not elsewhere.done()
    with pytest.raises(RiffleError) as full:
        await Body(intake, "a", six).receive()
    assert full.value.code is Code.BUSY
    third.close()
    for task in (second, elsewhere):
        task.cancel()


async def test_who_takes_nothing_of_a_response_is_cut_off(port: int) -> None:
    async with Client(port) as client:
        await client.send(b"GET /large HTTP/1.1\r\nHost: riffle\r\n\r\n")
        # The small app gives it less time than the real one.
        await asyncio.sleep(4)
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                taken = len(await client.reader.read())
                assert taken < 32 * MEGABYTE
