"""Only who knows the secret gets work done, and no page of a browser."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from model_server.serve.engines import Engines
from model_server.serve.work_socket import WorkSockets
from settings import load, shared_secret

RIGHT = (b"authorization", b"Bearer a secret of some length")


async def answers(home: Path, *headers: tuple[bytes, bytes]) -> list[dict[str, Any]]:
    """What a socket is sent that asks for work once and leaves."""
    work = WorkSockets(Engines(load({"RIFFLE_HOME": str(home)})), "a secret of some length")
    asked = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(asked)

    async def send(message: Any) -> None:
        sent.append(message)

    await work({"type": "websocket", "headers": list(headers)}, receive, send)
    return sent


async def test_who_shows_the_secret_is_let_in(tmp_path: Path) -> None:
    assert (await answers(tmp_path, RIGHT))[0]["type"] == "websocket.accept"


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ((b"authorization", b""),),
        ((b"authorization", b"Bearer "),),
        ((b"authorization", b"Bearer a secret of some lengt"),),
        ((b"authorization", b"a secret of some length"),),
        ((b"authorization", b"Bearer \xff\xfe"),),
        (RIGHT, (b"origin", b"https://elsewhere.example")),
        (RIGHT, (b"origin", b"http://127.0.0.1:8002")),
        (RIGHT, (b"origin", b"null")),
    ],
)
async def test_nobody_else_is(tmp_path: Path, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    assert [message["type"] for message in await answers(tmp_path, *headers)] == ["websocket.close"]


def test_the_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    settings = load({"RIFFLE_HOME": str(tmp_path)})
    secret = shared_secret(settings)
    assert len(secret) >= 32
    assert shared_secret(load({"RIFFLE_HOME": str(tmp_path)})) == secret
    assert stat.S_IMODE((tmp_path / "models.secret").stat().st_mode) == 0o600
    assert shared_secret(load({"RIFFLE_HOME": str(tmp_path / "other")})) != secret
    given = load({"RIFFLE_HOME": str(tmp_path), "RIFFLE_MODELS_SECRET": "x" * 16})
    assert shared_secret(given) == "x" * 16
