"""Processes of the product: started, restarted where they die, ended with everything that they started."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Callable
from pathlib import Path
from typing import Any

from settings import PROJECT, Settings

# From the start of a process, its imports included; longer than any start that was seen on a busy machine.
READY_WITHIN_S = 120.0
READY_POLL_S = 0.1
# A process finishes its running step and closes its sockets in well under this; then it is killed.
STOP_WITHIN_S = 8.0
ALIVE_CHECK_EVERY_S = 2.0
# An event loop that stood still for seconds on two busy cores was seen; half a minute wasn't.
HUNG_AFTER_S = 30.0
# First restart at once, then doubling: a process that can't start doesn't eat the machine.
RESTART_DELAYS_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
HEALTHY_AFTER_S = 60.0
MAX_LOG_BYTES = 10 * 1024 * 1024
# A process that logs all that it can writes some MB meanwhile.
LOG_CHECK_S = 5.0
MAX_LINE_BYTES = 1024 * 1024
# Resolved before any fork: a forked child of a process with threads must not load libraries.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
PR_SET_PDEATHSIG = 1


class StartFailed(RuntimeError):
    """The product can't start; the text is one line for the person at the terminal."""


class Process:
    """One supervised process, in a process group of its own so that its helpers end with it."""

    def __init__(
        self,
        command: str,
        settings: Settings,
        env: dict[str, str],
        is_ready: Callable[[], bool] | None = None,
        is_alive: Callable[[], bool] | None = None,
    ) -> None:
        """Both may block for seconds; `is_ready` raises StartFailed where it never will be.

        One that is not alive for HUNG_AFTER_S hangs: it is ended, and so started again.
        """
        self.command = command
        self.log = settings.home / "logs" / f"{command}.log"
        self._env = env
        self._is_ready = is_ready
        self._is_alive = is_alive
        # A process that ends before it was ready once stops the start; later it is restarted.
        self._was_ready = is_ready is None

    async def supervise(self) -> None:
        """Start it, and start it again whenever it ends, until cancelled.

        Raises:
            StartFailed: it ended before it was ready for the first time.
        """
        failures = 0
        while True:
            started = time.monotonic()
            status = await self.run()
            if not self._was_ready:
                raise StartFailed(f"{self.command} ended while starting (status {status}): see {self.log}")
            failures = 0 if time.monotonic() - started > HEALTHY_AFTER_S else failures + 1
            say(f"{self.command} ended (status {status}): restarting; see {self.log}")
            await asyncio.sleep(RESTART_DELAYS_S[min(failures, len(RESTART_DELAYS_S) - 1)])

    async def run(self) -> int:
        """Run it once, its output going to `logs/<command>.log`; its exit status."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        log = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            process = await _start(["-m", "riffle", self.command], self._env, stdout=log, stderr=log)
        finally:
            os.close(log)
        bounding = asyncio.create_task(_bound_log(self.log))
        try:
            return await self._watch(process)
        finally:
            bounding.cancel()
            await _end(process, self.command)

    async def _watch(self, process: asyncio.subprocess.Process) -> int:
        """Its exit status, once it has ended by itself or was ended because it hangs."""
        if self._is_alive is None:
            return await process.wait()
        ending = asyncio.ensure_future(process.wait())
        try:
            # Until it answers for the first time it may be starting.
            alive_at = time.monotonic() + READY_WITHIN_S - HUNG_AFTER_S
            while True:
                await asyncio.wait({ending}, timeout=ALIVE_CHECK_EVERY_S)
                if ending.done():
                    return ending.result()
                if await asyncio.to_thread(self._is_alive):
                    alive_at = time.monotonic()
                elif time.monotonic() - alive_at > HUNG_AFTER_S:
                    say(f"{self.command} hangs: ending it")
                    # It would not hear a request to stop.
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.killpg(process.pid, signal.SIGKILL)
                    return await ending
        finally:
            ending.cancel()

    async def wait_until_ready(self) -> None:
        """Ask until it is.

        Raises:
            StartFailed: it isn't within READY_WITHIN_S.
        """
        assert self._is_ready is not None
        deadline = time.monotonic() + READY_WITHIN_S
        while not await asyncio.to_thread(self._is_ready):
            if time.monotonic() > deadline:
                raise StartFailed(
                    f"{self.command} is not ready after {READY_WITHIN_S:.0f} s: see {self.log.parent}"
                )
            await asyncio.sleep(READY_POLL_S)
        self._was_ready = True


async def run_step(what: str, arguments: list[str], env: dict[str, str], show: Callable[[str], None]) -> None:
    """Run one step of the start to its end; `show` gets each line that it prints.

    Raises:
        StartFailed: its exit status isn't 0.
    """
    process = await _start(arguments, {**env, "PYTHONUNBUFFERED": "1"}, stdout=PIPE, stderr=STDOUT)
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            show(line.decode(errors="replace").rstrip())
        status = await process.wait()
    finally:
        await _end(process, what)
    if status:
        raise StartFailed(f"{what} failed (status {status}): see the lines above")


async def _start(
    arguments: list[str], env: dict[str, str], *, stdout: Any, stderr: Any
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=PROJECT,
        env=env,
        stdin=DEVNULL,
        stdout=stdout,
        stderr=stderr,
        limit=MAX_LINE_BYTES,
        start_new_session=True,
        preexec_fn=_end_with_parent if _LIBC else None,
    )


async def _bound_log(log: Path) -> None:
    """Keep a log that is being written, and what came before it, below MAX_LOG_BYTES each."""
    while True:
        try:
            await asyncio.to_thread(_rotate, log)
        except OSError as error:
            say(f"{log} can't be shortened: {error}")
        await asyncio.sleep(LOG_CHECK_S)


def _rotate(log: Path) -> None:
    if log.stat().st_size <= MAX_LOG_BYTES:
        return
    # The process goes on writing to the same file: what it writes between these two lines is lost.
    shutil.copyfile(log, log.with_suffix(".log.1"))
    os.truncate(log, 0)


async def _end(process: asyncio.subprocess.Process, name: str) -> None:
    """Ask a process to stop, then end it and everything that it started."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await process.wait()
        except TimeoutError:
            say(f"{name} did not stop in time: ending it")
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _end_with_parent() -> None:
    """Linux: a process gets SIGTERM when its supervisor dies, even by SIGKILL."""
    assert _LIBC is not None
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def say(line: str) -> None:
    """Print a line at once, also where the output is a file."""
    print(line, flush=True)
