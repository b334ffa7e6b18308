"""Services of the realtime process share no fate."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import sys
from pathlib import Path

import pytest

from realtime import limits
from realtime.services import keep_running
from tests.realtime.phones import phone
from tests.realtime.test_main import ROOT, free_port, healthy
from tests.realtime.world import World, new_video, until

# The real process, in which one service breaks on its first run: by an error, or by ending.
BROKEN = """
import sys
from importlib import import_module
from realtime import main

module, name, way = sys.argv[1:]
service = getattr(import_module(module), name)
real, runs = service.run, 0

async def run(self, *given):
    global runs
    runs += 1
    print("run", runs, file=sys.stderr, flush=True)
    if runs <= 2:
        if way == "error":
            raise ZeroDivisionError
        return
    await real(self, *given)

service.run = run
main.main()
"""


async def test_one_that_ends_is_started_again_and_waits_longer_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "FIRST_RESTART_S", 0.01)
    runs: list[float] = []

    async def run() -> None:
        runs.append(asyncio.get_running_loop().time())
        if len(runs) % 2:
            raise ZeroDivisionError

    task = asyncio.create_task(keep_running("x", run))
    await until(lambda: len(runs) >= 6)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    waits = [after - before for before, after in itertools.pairwise(runs)]
    assert waits[4] > 4 * waits[0]


@pytest.mark.parametrize("way", ["error", "end"])
@pytest.mark.parametrize(
    ("module", "service"),
    [
        ("realtime.dispatch.dispatcher", "Dispatcher"),
        ("realtime.dispatch.link", "ModelServerLink"),
        ("realtime.sweeper", "Sweeper"),
        ("realtime.wakeups", "WakeupListener"),
    ],
)
async def test_phones_outlive_a_service_that_breaks(
    world: World, database_url: str, tmp_path: Path, module: str, service: str, way: str
) -> None:
    port = free_port()
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BROKEN, module, service, way),
        env={
            **os.environ,
            "RIFFLE_HOME": str(tmp_path),
            "RIFFLE_DATABASE_URL": database_url,
            "RIFFLE_REALTIME_PORT": str(port),
            "RIFFLE_MODELS_PORT": str(free_port()),
        },
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert running.stderr is not None
        async with asyncio.timeout(30):
            while b"run 3" not in await running.stderr.readline():
                assert running.returncode is None
        await until(lambda: healthy(port), 20)
        person = await world.person()
        async with phone(port) as device:
            await device.hello(await world.ticket(person), "inbox")
            await device.frame()
            await new_video(person)
        assert running.returncode is None
    finally:
        running.kill()
        await running.wait()
