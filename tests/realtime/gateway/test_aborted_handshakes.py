"""Peers that leave before the handshake ends are no errors of ours."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct

import pytest

from domain.clock import utc_now
from realtime.gateway.gateway import Gateway
from realtime.gateway.streams import Streams

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: riffle\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def test_aborted_handshakes_log_no_error(caplog: pytest.LogCaptureFixture) -> None:
    gateway = Gateway(0, Streams(utc_now), lambda: True, utc_now)
    port = await gateway.start()
    with caplog.at_level(logging.INFO):
        for sent in (b"", b"GE", b"no http\r\n\r\n", UPGRADE[:60], UPGRADE, UPGRADE + b"\x81\x85"):
            for wait_s in (0.0, 0.01):
                reader = socket.create_connection(("127.0.0.1", port))
                reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                reader.send(sent)
                await asyncio.sleep(wait_s)
                reader.close()
                await asyncio.sleep(0)
        await gateway.stop()
    assert caplog.records, "nothing was logged at all: the test sees nothing"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
