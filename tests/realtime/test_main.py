"""The realtime process as it is started and stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.realtime.phones import phone
from tests.realtime.world import World, until

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def process(port: int, url: str, home: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "realtime.main",
        env={
            **os.environ,
            "RIFFLE_HOME": str(home),
            "RIFFLE_DATABASE_URL": url,
            "RIFFLE_REALTIME_PORT": str(port),
            "RIFFLE_MODELS_PORT": str(free_port()),
        },
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def healthy(port: int) -> bool:
    def ask() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    return await asyncio.to_thread(ask)


async def test_it_starts_serves_and_stops(world: World, database_url: str, tmp_path: Path) -> None:
    port = free_port()
    async with process(port, database_url, tmp_path) as running:
        await until(lambda: healthy(port), 20)
        async with phone(port) as device:
            await device.hello(await world.ticket(await world.person()), "inbox")
            await device.frame()
            before = asyncio.get_running_loop().time()
            running.send_signal(signal.SIGTERM)
            assert await device.goodbye() == ("shutdown", 1012)
        async with asyncio.timeout(5):
            assert await running.wait() == 0
        assert asyncio.get_running_loop().time() - before < 5


async def test_a_taken_port_is_one_clear_line(world: World, database_url: str, tmp_path: Path) -> None:
    async with process(world.port, database_url, tmp_path) as running:
        async with asyncio.timeout(20):
            _, errors = await running.communicate()
    assert running.returncode == 1
    assert f"port {world.port} can't be used" in errors.decode()
    assert "Traceback" not in errors.decode()
