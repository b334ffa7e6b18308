"""`riffle up`: starts the whole product, watches it, and stops it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial

from processes import Process, StartFailed, run_step, say
from settings import Settings

DATABASE_CHECK_EVERY_S = 1.0
ANSWER_WITHIN_S = 2.0
RENDERER_CHECK_EVERY_S = 1.0


class Supervisor:
    """All processes of one home. The api and the gateway start beside the model, which may take a minute."""

    def __init__(self, settings: Settings) -> None:
        # Imported here: it takes a tenth of a second, which no other command needs.
        from db import server

        self._settings = settings
        self._server = server
        self._address = f"http://127.0.0.1:{settings.api_port}"
        self._env = dict(os.environ)
        self._stopping = False
        self._tasks = asyncio.TaskGroup()
        self._model_prepared, self._model_ready = asyncio.Event(), asyncio.Event()
        self._api_ready = asyncio.Event()

    async def run(self) -> int:
        """Run everything until SIGINT or SIGTERM; returns the exit status."""
        this = asyncio.current_task()
        assert this is not None

        def stop() -> None:
            # Once: a second cancellation would cut off the stopping of a process.
            if not self._stopping:
                self._stopping = True
                this.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        try:
            check_ports(self._settings)
            await check_database(self._settings)
            async with self._tasks:
                # Each in a task of its own, so that all of them stop at once.
                self._tasks.create_task(self._start_model())
                self._tasks.create_task(self._start_api())
                await self._report()
        except* StartFailed as failed:
            if not self._stopping:
                print(failed.exceptions[0], file=sys.stderr, flush=True)
        except* asyncio.CancelledError:
            if not self._stopping:
                raise
        finally:
            self._settings.model_progress.unlink(missing_ok=True)
        return 0 if self._stopping else 1

    def stop_database(self) -> None:
        """Stop the embedded PostgreSQL, after everything that used it."""
        self._server.stop(self._settings)

    async def _report(self) -> None:
        await self._api_ready.wait()
        if not self._model_prepared.is_set():
            say(f"Riffle answers at {self._address} (the model is being prepared)")
        await self._model_ready.wait()
        if self._settings.require_proof == "off":
            say("Cameos are lent without a verified proof here (RIFFLE_REQUIRE_PROOF=off).")
        say(f"Riffle is ready: {self._address}")
        if self._settings.seed == "on":
            self._tasks.create_task(Process("seed", self._settings, self._env).run())
        self._tasks.create_task(self._report_full_renders())

    async def _report_full_renders(self) -> None:
        """Say so where full renders can't be drawn: their engine is loaded after that of previews."""
        try:
            while not await asyncio.to_thread(_is_loaded, self._settings.models_http, "full"):  # noqa: ASYNC110
                await asyncio.sleep(RENDERER_CHECK_EVERY_S)
        except StartFailed as failed:
            say(str(failed))

    async def _start_api(self) -> None:
        """PostgreSQL, its tables, then the api and the gateway; and PostgreSQL again where it dies."""
        if not self._settings.database_url:
            say("starting PostgreSQL")
        try:
            url = await asyncio.to_thread(self._server.ensure, self._settings, lambda: self._stopping)
        except RuntimeError as error:
            raise StartFailed(str(error)) from error
        self._env["RIFFLE_DATABASE_URL"] = url
        await run_step("bringing the tables up to date", ["-m", "riffle", "db", "upgrade"], self._env, say)
        say("starting the api and the gateway")
        ports = {"api": self._settings.api_port, "realtime": self._settings.realtime_port}
        await asyncio.gather(
            *(
                self._start_process(
                    each,
                    partial(_answers, f"http://127.0.0.1:{port}/health"),
                    partial(_responds, f"http://127.0.0.1:{port}/health"),
                )
                for each, port in ports.items()
            )
        )
        self._api_ready.set()
        await self._watch_database()

    async def _start_model(self) -> None:
        """The model's folder and bundle, then the model server, up to where previews can be drawn."""
        is_ready = partial(_is_loaded, self._settings.models_http, "preview")
        if self._settings.models_url:
            self._model_prepared.set()
            await Process("models", self._settings, self._env, is_ready).wait_until_ready()
        else:
            await run_step("preparing the model", ["-m", "export.prepare"], self._env, self._show_progress)
            self._settings.model_progress.unlink(missing_ok=True)
            self._model_prepared.set()
            say("loading the model")
            await self._start_process("models", is_ready, partial(_is_working, self._settings.models_http))
        self._model_ready.set()

    def _show_progress(self, line: str) -> None:
        """Print a line of the model's preparation; what a person can use of it is kept for the api to say."""
        say(line)
        self._settings.model_progress.write_text(how_far(line))

    async def _start_process(
        self, command: str, is_ready: Callable[[], bool], is_alive: Callable[[], bool]
    ) -> None:
        process = Process(command, self._settings, self._env, is_ready, is_alive)
        self._tasks.create_task(process.supervise())
        await process.wait_until_ready()

    async def _watch_database(self) -> None:
        while True:
            await asyncio.sleep(DATABASE_CHECK_EVERY_S)
            if await asyncio.to_thread(self._server.running, self._settings):
                continue
            say("PostgreSQL ended: restarting")
            try:
                await asyncio.to_thread(self._server.ensure, self._settings, lambda: self._stopping)
            except RuntimeError as error:
                say(f"{error}; trying again")


def up(settings: Settings) -> int:
    """Start everything, watch it, and stop everything on SIGINT or SIGTERM; returns the exit status."""
    with (settings.home / "riffle.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # Nothing of that home is touched, its database least of all.
            print(
                f"another Riffle runs in {settings.home}: set RIFFLE_HOME for a second one", file=sys.stderr
            )
            return 1
        supervisor = Supervisor(settings)
        try:
            return asyncio.run(supervisor.run())
        finally:
            # Not inside: `asyncio.run` first waits for the thread that may still be starting it.
            supervisor.stop_database()


def how_far(line: str) -> str:
    """What a progress line says to people who wait: the number of the step and the time left."""
    step = re.match(r"\[\w+ (\d+)/(\d+)\]", line)
    left = re.search(r"about \d+ s left", line)
    if step is None:
        return line
    return f"step {step[1]} of {step[2]}{(left and f', {left[0]}') or ''}"


def check_ports(settings: Settings) -> None:
    """Make sure that every port can be used.

    Raises:
        StartFailed: two are the same, or one is taken.
    """
    ports = {"RIFFLE_API_PORT": settings.api_port, "RIFFLE_REALTIME_PORT": settings.realtime_port}
    if not settings.models_url:
        ports["RIFFLE_MODELS_PORT"] = settings.models_port
    if len(set(ports.values())) < len(ports):
        raise StartFailed("ports must differ: " + ", ".join(f"{name}={port}" for name, port in ports.items()))
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise StartFailed(
                    f"port {port} can't be used ({error.strerror}): set {name} to a free one"
                ) from None


async def check_database(settings: Settings) -> None:
    """Make sure that a database of somebody else's can be used; the embedded one is started later.

    Raises:
        StartFailed: it can't be reached, or refuses.
    """
    from db import engine

    if not settings.database_url:
        return
    try:
        await engine.check(settings.database_url)
    except Exception as error:
        why = str(error) or type(error).__name__
        raise StartFailed(f"the database can't be used ({why}): see RIFFLE_DATABASE_URL") from None


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_WITHIN_S) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def _responds(url: str) -> bool:
    """Whether anything at all comes back: a refusal is a sign of life."""
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_WITHIN_S):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _is_working(models_url: str) -> bool:
    """Whether the model server answers, and what it draws goes on."""
    try:
        with urllib.request.urlopen(f"{models_url}/health", timeout=ANSWER_WITHIN_S) as reply:
            return not json.load(reply).get("stalled", False)
    except (OSError, ValueError):
        return False


def _is_loaded(models_url: str, tier: str) -> bool:
    """Whether the model server at an address can draw this tier.

    Raises:
        StartFailed: it never will.
    """
    try:
        with urllib.request.urlopen(f"{models_url}/health", timeout=ANSWER_WITHIN_S) as reply:
            health = json.load(reply)
    except (OSError, ValueError):
        return False
    state = health["engines"][tier]
    if state == "failed":
        raise StartFailed(f"{tier} videos can't be drawn: {health['errors'][tier]}")
    return bool(state == "ready")
