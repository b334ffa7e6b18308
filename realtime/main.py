"""The realtime process: phone gateway, dispatcher and sweeper with their wakeups, until SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import os
import signal

import logs
from db import engine
from domain.accounts import sessions
from domain.clock import utc_now
from domain.events import journal, stream
from domain.events.journal import Journal
from media.credentials import credentials
from media.provenance import Signer
from media.store import open_store
from realtime.dispatch.dispatcher import Dispatcher
from realtime.dispatch.link import ModelServerLink
from realtime.gateway.gateway import Gateway
from realtime.gateway.streams import Streams
from realtime.journal_keeper import JournalKeeper
from realtime.model_watch import ModelWatch
from realtime.post_renderer import PostRenderer
from realtime.services import Service, keep_running
from realtime.sweeper import Sweeper
from realtime.wakeups import Handler, WakeupListener
from settings import Settings, load, shared_secret


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set.

    Raises:
        SystemExit: the port can't be used.
    """
    await engine.open(settings)
    try:
        streams = Streams(utc_now)
        store = open_store(settings.media_location)
        keys = credentials(settings.home, settings.signing_chain, settings.signing_key)
        link = ModelServerLink(settings.models_socket, shared_secret(settings))
        models = ModelWatch(settings.models_http)
        dispatcher = Dispatcher(link, store, Signer(keys), utc_now)
        sweeper = Sweeper(store, utc_now)
        renderer = PostRenderer(settings.models_http, utc_now)
        keeper = JournalKeeper(Journal(settings.home))
        # Before any phone is let in: its position may be of a time that is lost.
        await keeper.renew_if_restored()
        gateway = Gateway(
            settings.realtime_port,
            streams,
            lambda: wakeups.connected,
            utc_now,
            settings.proxy_networks,
            settings.metrics_token,
            ready=lambda: link.connected and models.can_draw,
        )

        def resync() -> None:
            gateway.resync()
            dispatcher.resync()
            sweeper.work_arrived()
            keeper.work_arrived()
            renderer.work_arrived()

        handlers: dict[str, Handler] = {
            stream.EVENT: streams.event_appended,
            sessions.ENDED: gateway.session_ended,
            stream.WORK: dispatcher.work_arrived,
            stream.CANCEL: dispatcher.video_cancelled,
            stream.SWEEP: sweeper.work_arrived,
            stream.POST_RENDER: renderer.work_arrived,
            journal.PUT_OUT: keeper.work_arrived,
        }
        wakeups = WakeupListener(engine.url(), handlers, resync)
        services: list[Service] = [wakeups, dispatcher, models, sweeper, keeper]
        if settings.render_posts == "on":
            services.append(renderer)
        try:
            await gateway.start()
        except OSError as error:
            port = settings.realtime_port
            raise SystemExit(
                f"port {port} can't be used ({error.strerror}): set RIFFLE_REALTIME_PORT"
            ) from None
        try:
            async with asyncio.TaskGroup() as tasks:
                background = [
                    tasks.create_task(keep_running(type(service).__name__.lower(), service.run))
                    for service in services
                ]
                # What is loaded by now stays: no collection looks at it again.
                gc.collect()
                gc.freeze()
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
    # What is written is people's: media, seals, keys.
    os.umask(0o077)
    settings = load()
    logs.configure(settings, "realtime")
    asyncio.run(_serve_until_signal(settings))


async def _serve_until_signal(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop)


if __name__ == "__main__":
    main()
