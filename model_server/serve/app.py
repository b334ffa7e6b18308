"""The model server's process: `python -m model_server.serve.app`."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys

from granian.constants import Interfaces
from granian.server.embed import Server

import logs
import settings as core_settings
from model_server.serve.engines import Engines
from model_server.serve.http import create_app
from model_server.serve.work_socket import WorkSockets

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
# Drawing must never keep the api or the gateway waiting for a core.
NICE = 5


async def serve(settings: core_settings.Settings) -> None:
    """Serve until SIGTERM or SIGINT, on 127.0.0.1. Loads the engines beside it.

    Raises:
        Exception: the drawing loop broke; the process must end and be started again.
    """
    work = WorkSockets(Engines(settings), core_settings.shared_secret(settings))
    app = create_app(work.worker, work)
    server = Server(
        app, HOST, settings.models_port, interface=Interfaces.ASGINL, log_enabled=False, backlog=128
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    jobs = [
        loop.create_task(work, name=name)
        for name, work in (
            ("serve", server.serve()),
            ("draw", work.worker.run()),
            ("load", work.worker.keep_loaded()),
        )
    ]
    pending: set[asyncio.Task[None]] = set(jobs)
    # Loading ends by itself; the end of anything else is the end of the process.
    while pending and not jobs[0].done() and not jobs[1].done():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for job in done:
            job.result()


def claim(port: int) -> None:
    """Make sure that nobody listens on a port: granian shares ports, so a second server would go unnoticed.

    Raises:
        settings.BadSetting: somebody does.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise core_settings.BadSetting(
                f"RIFFLE_MODELS_PORT={port} can't be used: {(error.strerror or str(error)).lower()}"
            ) from None


def main() -> None:
    """Run the model server with the settings of the environment."""
    try:
        settings = core_settings.load()
        claim(settings.models_port)
    except core_settings.BadSetting as error:
        sys.exit(str(error))
    logs.configure(settings, "models")
    os.nice(NICE)
    # Torch's OpenMP threads spin while they wait for each other. With another process on one core that made
    # a step of 0.11 s take 3 s; sleeping costs nothing measurable. It is read when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    status = 0
    try:
        asyncio.run(serve(settings))
    except Exception:
        log.exception("the model server stopped")
        status = 1
    # A step or an import that still runs in a thread has nothing to save, and waiting takes seconds.
    logging.shutdown()
    os._exit(status)


if __name__ == "__main__":
    main()
