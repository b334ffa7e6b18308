"""Five hundred requests that are refused or broken off, of every kind: errors for the sender, none for us."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import socket
import struct
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from uuid import uuid4

from tests.build import VIDEO
from tests.product import Product

AT_LEAST = 500
# What a traceback or an error of ours looks like in a log.
OURS = re.compile(r"^Traceback|\[(error|critical)\s*\]", re.MULTILINE)
DEEP = b"[" * 20_000
SOCKET = (
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: riffle.v1\r\n"
)


def request(method: str, path: str, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """The bytes of a request; `length` is what it says of its body."""
    named = len(body) if length is None else length
    lines = [f"{method} {path} HTTP/1.1", "Host: riffle", f"Content-Length: {named}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def frame(payload: bytes, opcode: int = 1) -> bytes:
    """A client's websocket frame, masked by zeros (RFC 6455)."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else struct.pack("!BH", 0x80 | 126, size)
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


def form(*parts: bytes, end: bool = True) -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + (b"--b--\r\n" if end else b"")


def of_the_api(token: str) -> Iterator[bytes]:
    """Requests that the api refuses, one of each kind."""
    signed, as_json = f"Authorization: Bearer {token}", "Content-Type: application/json"
    multipart = "Content-Type: multipart/form-data; boundary=b"
    for path in ("/v1/accounts", "/v1/sessions", "/v1/sessions/refresh", "/v1/takedowns"):
        for body in (b"", b"{", b"null", b"[]", b'{"a":' + DEEP, b"\xff\xfe", b'{"handle": "a\\u0000"}'):
            yield request("POST", path, body, as_json)
    for path in ("/v1/videos", "/v1/posts", "/v1/cameos", "/v1/consent/check", "/v1/reports", "/v1/appeals"):
        for body in (b"{", DEEP, b'{"prompt": 1e999}', b'{"prompt": "' + b"a" * 70_000 + b'"}', b"{}"):
            yield request("POST", path, body, as_json, signed)
        yield request("POST", path, b'{"prompt": "a cat"', as_json, signed, length=100_000)
    for disposition in (
        b'name="prompt"',
        b'name="source[a][b][c]"',
        b'name="n"; filename="x"',
        b"nothing",
        b"",
    ):
        head = b"Content-Disposition: form-data; " + disposition
        for parts, end in (
            ((head + b"\r\n\r\na",), True),
            ((head + b"\r\n\r\na",), False),
            ((head,) * 300, True),
        ):
            yield request("POST", "/v1/videos", form(*parts, end=end), multipart, signed)
    yield request("POST", "/v1/videos", b"--b", "Content-Type: multipart/form-data", signed)
    clips = (b"", b"no clip", VIDEO[:40], VIDEO[: len(VIDEO) // 2], VIDEO[:200] + bytes(2000))
    for clip in clips:
        yield request("POST", "/v1/provenance", clip, "Content-Type: video/mp4")
        yield request("POST", "/v1/provenance", clip, "Content-Type: video/mp4", length=len(clip) + 5_000)
        yield request("PUT", "/v1/cameos/cameo_0/proof", clip, "Content-Type: video/mp4", signed)
        yield request("PUT", "/v1/cameos/cameo_0/reference", clip, "Content-Type: image/png", signed)
    for token_ in ("", "Bearer", "Bearer x", "Bearer \xff", "Basic YTpi", "Bearer " + "a" * 5_000):
        yield request("GET", "/v1/me", b"", f"Authorization: {token_}")
    for path in (
        "/%00",
        "/v1/videos/%00",
        "/v1/videos/%ff",
        "/v1/videos/" + "a" * 6_000,
        "/v1/%",
        "/v1//",
        "//",
    ):
        yield request("GET", path, b"", signed)
    for query in (
        "cursor=%00",
        "cursor=%ff",
        "cursor=e30",
        "limit=-1",
        "limit=1e9",
        "cut=x",
        "limit=" + "9" * 400,
    ):
        yield request("GET", f"/v1/feed?{query}", b"", signed)
        yield request("GET", f"/v1/videos?after=video_0&{query}", b"", signed)
        yield request("GET", f"/v1/trends/post_0/lane?{query}", b"", signed)
    for span in ("bytes=a-b", "bytes=5-2", "bytes=" + "9" * 30 + "-", "bytes=0-0,1-1", "rows=1-2"):
        yield request("GET", "/v1/videos/video_0/content", b"", signed, f"Range: {span}")
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "BREW"):
        yield request(method, "/v1/feed", b"", signed)
        yield request(method, "/admin/api/tables/", b"{}", as_json)
    for key in ("", "a" * 500, "\xff", "a b"):
        yield request(
            "POST", "/v1/videos", b'{"prompt": "a cat"}', as_json, signed, f"Idempotency-Key: {key}", "X: y"
        )
    yield request("POST", "/v1/videos", b"\x1f\x8b" + bytes(20), as_json, signed, "Content-Encoding: gzip")
    yield request("POST", "/v1/videos", b"a: b", "Content-Type: application/yaml", signed)
    for chunk in (b"zz\r\n", b"5\r\nab", b"-1\r\n\r\n", b"fffffffff\r\n"):
        yield (
            f"POST /v1/videos HTTP/1.1\r\nHost: r\r\n{signed}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
            + chunk
        )
    yield from (
        b"",
        b"\r\n\r\n",
        b"GET",
        b"\x16\x03\x01\x02",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nA" * 50,
    )
    yield request("GET", "/", b"", *(f"X-{number}: y" for number in range(300)))
    yield request("GET", "/v1/me", b"", *SOCKET.decode().split("\r\n")[:-1])


def of_the_gateway(ticket: Callable[[], str]) -> Iterator[bytes]:
    """Requests and sockets that the gateway refuses."""
    for path in ("/nope", "/" + "a" * 9_000, "/%00"):
        yield request("GET", path)
    opened = b"GET / HTTP/1.1\r\nHost: r\r\n" + SOCKET + b"\r\n"
    yield opened
    yield opened[:-30]
    hello = b'{"type":"hello","ticket":"%s","follow":[%s]}'
    payloads = (
        b"",
        b"{",
        b"null",
        DEEP[:60_000],
        b'{"type":' + DEEP[:1_000],
        b'{"type":"nope"}',
        b"\xff\xfe",
    )
    for payload in (*payloads, hello % (b"rt_none", b""), hello % (b"x" * 3_000, b"")):
        yield opened + frame(payload)
        yield opened + frame(payload, opcode=2)
    for stream in (b"\\u0000", b"video:", b"video:\xc3\xa4", b"inbox:acct_0", b"a" * 2_000):
        named = hello % (ticket().encode(), b'{"stream":"%s"}' % stream)
        yield opened + frame(named)
        yield opened + frame(named) + frame(b"\xff\xfe") + frame(DEEP[:1_000])
    yield opened + b"\xff" * 40
    yield opened + frame(b"x" * 200, opcode=9) + frame(b"", opcode=3)


def of_the_model_server() -> Iterator[bytes]:
    """Requests and sockets that the model server refuses."""
    opened = b"GET /v1/work HTTP/1.1\r\nHost: r\r\n" + SOCKET + b"\r\n"
    yield from (request("GET", "/nope"), request("POST", "/v1/models", b"{"), opened, opened[:-20])
    for payload in (b"", b"\xc1", b"\x91" * 60_000, b"{", b"\x81\xa4type\xa6Render"):
        yield opened + frame(payload, opcode=2)
        yield opened + frame(payload)


def send(port: int, data: bytes, reset_after_s: float | None) -> None:
    """Send it and leave: after the answer's first bytes, or with a reset."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=3) as wire:
        wire.sendall(data)
        if reset_after_s is not None:
            time.sleep(reset_after_s)
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        wire.shutdown(socket.SHUT_WR)
        wire.recv(4_096)


def errors(product: Product) -> str:
    """What the logs hold that looks like an error of ours, with its surroundings."""
    found = []
    for path in sorted((product.home / "logs").glob("*.log*")):
        text = path.read_text(errors="replace")
        found += [
            f"{path.name}: {text[max(0, m.start() - 200) : m.end() + 1500]}" for m in OURS.finditer(text)
        ]
    return "\n".join(found)


class Health:
    """Asks for `/health` all the time, and keeps the longest that it took (s)."""

    def __init__(self, product: Product) -> None:
        self.longest_s, self.asked, self._stop = 0.0, 0, threading.Event()
        self._url = f"{product.url}/health"
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Health:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            before = time.monotonic()
            with urllib.request.urlopen(self._url, timeout=30) as reply:
                assert reply.status == 200
            self.longest_s = max(self.longest_s, time.monotonic() - before)
            self.asked += 1


def test_what_is_refused_or_broken_off_leaves_no_error(product: Product) -> None:
    before = errors(product)
    token = product.sign_up()

    def ticket() -> str:
        status, issued = product.call("POST", "/v1/realtime/ticket", token=token)
        return str(issued["ticket"]) if status == 200 else f"rt_{uuid4().hex}"

    sent = 0
    with Health(product) as health:
        for reset_after_s in (None, 0.0, 0.01):
            kinds = itertools.chain(
                (("api", data) for data in of_the_api(token)),
                (("realtime", data) for data in of_the_gateway(ticket)),
                (("models", data) for data in of_the_model_server()),
            )
            for part, data in kinds:
                send(product.ports[part], data, reset_after_s)
                sent += 1
    print(f"{sent} requests; /health at most {1000 * health.longest_s:.0f} ms of {health.asked} times")
    assert sent >= AT_LEAST
    assert health.asked > 10
    # The next answer is written after theirs.
    assert product.wait_until_up()
    assert errors(product).removeprefix(before) == ""
    for part in product.ports:
        assert product.call_health(part) == 200
    status, made = product.call("POST", "/v1/videos", json.loads('{"prompt": "a cat on a beach"}'), token)
    assert status == 200, made
    assert product.wait(made["id"], token)["status"] == "completed"
