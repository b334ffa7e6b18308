"""Which connections are closed when an address has too many."""

from __future__ import annotations

import socket

import pytest

from api.http import connections
from api.http.connections import ConnectionWatch


def is_open(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True


def test_who_has_just_come_is_not_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its request may be on its way, while the others are all busy with half-sent ones."""
    monkeypatch.setattr(connections, "MAX_CONNECTIONS_PER_ADDRESS", 2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        watch = ConnectionWatch(address[1], ())
        clients, accepted = [], []

        def connect() -> None:
            clients.append(socket.create_connection(address))
            accepted.append(server.accept()[0])

        for _ in range(5):
            connect()
        assert watch.close_excess() == 0
        connect()
        assert watch.close_excess() == 4
        assert [is_open(client) for client in clients] == [False] * 4 + [True] * 2
        for each in (*clients, *accepted):
            each.close()
