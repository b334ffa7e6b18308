"""The realtime process: phone gateway, wake-ups and dispatcher, until SIGTERM."""

from __future__ import annotations

import asyncio
import signal

import logs
import settings as core_settings
from db import engine
from domain.events import stream
from media.credentials import credentials
from media.provenance import Signer
from media.store import open_store
from realtime.dispatch.dispatcher import Dispatcher
from realtime.dispatch.link import Link
from realtime.gateway import wake
from realtime.gateway.gateway import Gateway
from realtime.gateway.streams import Streams
from realtime.sweeper import Sweeper


async def serve(settings: core_settings.Settings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set.

    Raises:
        SystemExit: the port can't be used.
    """
    await engine.open(settings)
    try:
        streams = Streams()
        store = open_store(settings.media_location)
        keys = credentials(settings.home, settings.signing_chain, settings.signing_key)
        dispatcher = Dispatcher(Link(settings.models_socket), store, Signer(keys))
        sweeper = Sweeper(store)

        def doubt() -> None:
            streams.doubt()
            dispatcher.doubt()
            sweeper.work_arrived()

        handlers: dict[str, wake.Handler] = {
            stream.EVENT: streams.woken,
            stream.WORK: dispatcher.work_arrived,
            stream.CANCEL: dispatcher.cancelled,
            stream.SWEEP: sweeper.work_arrived,
        }
        listening = wake.Wake(engine.url(), handlers, doubt)
        gateway = Gateway(settings.realtime_port, streams, lambda: listening.connected)
        try:
            await gateway.start()
        except OSError as error:
            port = settings.realtime_port
            raise SystemExit(
                f"port {port} can't be used ({error.strerror}): set RIFFLE_REALTIME_PORT"
            ) from None
        try:
            async with asyncio.TaskGroup() as tasks:
                background = [tasks.create_task(part.run()) for part in (listening, dispatcher, sweeper)]
                await stop.wait()
                for task in background:
                    task.cancel()
                await gateway.stop()
        finally:
            await gateway.stop()
    finally:
        await engine.close()


def main() -> None:
    """Run the realtime process with the settings of the environment."""
    settings = core_settings.load()
    logs.configure(settings, "realtime")
    asyncio.run(_until_told(settings))


async def _until_told(settings: core_settings.Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop)


if __name__ == "__main__":
    main()
