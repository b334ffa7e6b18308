"""Logs of processes stay bounded while they are written."""

from __future__ import annotations

import asyncio
import stat
import time
from pathlib import Path
from typing import Any

import pytest

import processes
from processes import Process
from settings import load

TALKS = "import sys, time\nwhile True:\n    print('x' * 99, flush=True)\n    time.sleep(0.001)"


def wait_for_another(path: Path, seen: int) -> None:
    """Return when the file was written after the instant `seen`."""
    while not path.exists() or path.stat().st_mtime_ns == seen:
        time.sleep(0.02)


async def test_a_log_is_bounded_while_its_process_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = processes._start

    async def talk(_: list[str], env: dict[str, str], **streams: Any) -> asyncio.subprocess.Process:
        return await start(["-c", TALKS], env, **streams)

    monkeypatch.setattr(processes, "_start", talk)
    monkeypatch.setattr(processes, "MAX_LOG_BYTES", 20_000)
    monkeypatch.setattr(processes, "LOG_CHECK_S", 0.05)
    process = Process("talker", load({"RIFFLE_HOME": str(tmp_path)}), {})
    running = asyncio.create_task(process.run())
    older = process.log.with_suffix(".log.1")
    async with asyncio.timeout(20):
        for _ in range(3):
            # Each time the file before is another one.
            seen = older.stat().st_mtime_ns if older.exists() else 0
            await asyncio.to_thread(wait_for_another, older, seen)
    assert process.log.stat().st_size < 200_000
    assert older.stat().st_size < 200_000
    # It goes on at the end of the shortened file, not where it was: no hole of zeros.
    assert b"\0" not in process.log.read_bytes()
    assert stat.S_IMODE(process.log.stat().st_mode) == 0o600
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
