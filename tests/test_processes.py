"""A process that hangs is ended and started again; one that is slow is not."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from pathlib import Path
from typing import Any

import pytest

import processes
from processes import Process
from settings import load


async def start_python(arguments: list[str], env: dict[str, str], **given: Any) -> asyncio.subprocess.Process:
    """In place of `riffle COMMAND`: a process that hears no request to stop, as one that hangs."""
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    return await asyncio.create_subprocess_exec(
        *("python3", "-c", code), env=env, start_new_session=True, stdout=given["stdout"]
    )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_start", start_python)
    monkeypatch.setattr(processes, "ALIVE_CHECK_EVERY_S", 0.02)
    monkeypatch.setattr(processes, "HUNG_AFTER_S", 0.5)
    monkeypatch.setattr(processes, "STOP_WITHIN_S", 0.2)


def process(tmp_path: Path, alive: Any) -> Process:
    settings = load({"RIFFLE_HOME": str(tmp_path)})
    return Process("models", settings, dict(os.environ), is_alive=alive)


async def test_one_that_stops_answering_is_ended(tmp_path: Path) -> None:
    began = time.monotonic()

    def alive() -> bool:
        return time.monotonic() - began < 1

    async with asyncio.timeout(10):
        assert await process(tmp_path, alive).run() == -9
    assert 1.4 < time.monotonic() - began < 4


async def test_one_that_answers_now_and_then_is_left_alone(tmp_path: Path) -> None:
    calls = itertools.count()

    def alive() -> bool:
        return next(calls) % 3 == 0

    running = asyncio.create_task(process(tmp_path, alive).run())
    await asyncio.wait({running}, timeout=2)
    assert not running.done()
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()


async def test_one_that_has_never_answered_has_the_time_of_a_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "READY_WITHIN_S", 2.0)
    began = time.monotonic()
    async with asyncio.timeout(10):
        assert await process(tmp_path, lambda: False).run() == -9
    assert 1.9 < time.monotonic() - began < 5
