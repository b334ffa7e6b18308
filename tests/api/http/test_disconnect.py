"""Clients that leave in the middle of a body: refused in the error shape, and no error of ours."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from litestar import Litestar

CHUNK = {"type": "http.request", "body": b'{"handle": "ad', "more_body": True}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/accounts", b"application/json"),
        ("/v1/sessions", b"application/json"),
        ("/v1/provenance", b"video/mp4"),
        ("/v1/provenance", b"multipart/form-data; boundary=x"),
        ("/admin/public/login/", b"application/json"),
    ],
)
async def test_a_body_that_is_not_sent_to_its_end(
    app: Litestar, path: str, kind: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", kind), (b"content-length", b"100")],
        "client": ("127.0.0.1", 1),
        "server": ("riffle.test", 80),
    }
    incoming = [CHUNK]
    sent: list[Any] = []

    async def receive() -> Any:
        return incoming.pop() if incoming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    with caplog.at_level(logging.INFO):
        await app(scope, receive, send)
    assert sent[0]["status"] == 400
    body = b"".join(message.get("body", b"") for message in sent[1:])
    assert json.loads(body)["error"]["code"] in ("invalid_request", "invalid_json")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
