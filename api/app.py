"""The composition root: settings become stores, sources and routes; granian serves them."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from litestar import Litestar, Request, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.plugins.prometheus import PrometheusConfig

import logs
from api.http import openapi
from api.http.auth import require_sign_in
from api.http.body import MAX_BODY_BYTES, RequestBodyDTO
from api.http.body_intake import bound_bodies
from api.http.client_address import read_origins
from api.http.clock import provide_now
from api.http.connections import HEADERS_WITHIN_MS, MAX_CONNECTIONS, OTHER_FILES, ConnectionWatch, allow_files
from api.http.cors import cors
from api.http.errors import to_error_response
from api.http.one_shape import put_in_shape
from api.http.rate_limits import create_limiter
from api.http.request_id import bind_request_id
from api.http.response_headers import add_response_headers
from api.http.unread_body import refuse_unread_body
from api.http.urls import refuse_unstorable_url
from api.model_cards import Cards, ModelServerCards
from api.routes.accounts import Accounts
from api.routes.admin import admin_handler
from api.routes.cameos import CameoRequests, Cameos
from api.routes.characters import Characters
from api.routes.consent import Consent
from api.routes.content import Content
from api.routes.enrolment import Enrolment
from api.routes.feed import FeedRoutes
from api.routes.health import Health
from api.routes.me import OwnAccount
from api.routes.models import Models
from api.routes.pages import page_handlers
from api.routes.posts import Posts
from api.routes.prompts import Prompts
from api.routes.provenance import ProvenanceRoutes
from api.routes.realtime import Realtime
from api.routes.references import References
from api.routes.safety import Appeals, Registry, Reports
from api.routes.social import Social
from api.routes.takedowns import Takedowns
from api.routes.video_edits import VideoEdits
from api.routes.videos import Videos
from api.subjects import ModelServerSubjects, Subjects
from db import engine
from domain.client_address import Network
from domain.clock import Clock, utc_now
from domain.safety.remote import moderation_client
from domain.safety.screen import Screen
from media.credentials import credentials
from media.decode_pool import DecodePool
from media.encryption import Seal
from media.proof import LikenessCheck, NoLikenessCheck
from media.store import MediaStore, open_store
from settings import PROJECT, Settings, load

HOST = "127.0.0.1"
# By the template of the path, so that ids make no label; the moderators' mount takes any path and method.
# Nobody asks metrics about the page's sixty files; few buckets tell a slow route from a fast one.
REQUEST_METRICS = PrometheusConfig(
    app_name="api",
    prefix="riffle_http",
    group_path=True,
    exclude=["^/admin", r"^/(?!v1/|schema).*\.\w+$"],
    buckets=[0.05, 0.25, 1.0, 5.0],
)
CONTROLLERS = (
    Accounts,
    OwnAccount,
    Videos,
    VideoEdits,
    Content,
    Models,
    Prompts,
    Posts,
    FeedRoutes,
    Cameos,
    CameoRequests,
    Characters,
    References,
    Consent,
    Enrolment,
    ProvenanceRoutes,
    Takedowns,
    Reports,
    Appeals,
    Registry,
    Social,
    Realtime,
)


def create_app(
    settings: Settings,
    *,
    cards: Cards | None = None,
    subjects: Subjects | None = None,
    media: MediaStore | None = None,
    likeness: LikenessCheck | None = None,
    clock: Clock = utc_now,
    web: Path = PROJECT / "web",
) -> Litestar:
    """The whole HTTP side. `cards`, `subjects` and `media` default to what the settings name.

    `likeness` checks faces.

    `clock` gives the instant of each request.
    """
    store, seal, decoder = media or open_store(settings.media_location), Seal(settings.home), DecodePool()
    parts: dict[str, Any] = {
        "settings": settings,
        "cards": cards or ModelServerCards(settings.models_http, settings.model_progress),
        "subjects": subjects or ModelServerSubjects(settings.models_http),
        "media": store,
        "screen": Screen(settings, moderation_client(settings)),
        "credentials": credentials(settings.home, settings.signing_chain, settings.signing_key),
        "seal": seal,
        "likeness": likeness or NoLikenessCheck(),
        "decoder": decoder,
    }

    @asynccontextmanager
    async def database(_: Litestar) -> AsyncIterator[None]:
        await engine.open(settings)
        # What is loaded by now stays: looking through it for garbage took 150 ms each time.
        gc.collect()
        gc.freeze()
        try:
            yield
        finally:
            decoder.close()
            await engine.close()

    app = Litestar(
        route_handlers=[
            Router("/v1", route_handlers=CONTROLLERS, guards=[require_sign_in], security=[{"bearer": []}]),
            Health,
            admin_handler(store, seal, clock, secure=settings.admin_cookies == "secure"),
            *page_handlers(web),
        ],
        lifespan=[database],
        state=State({"rate_limiter": create_limiter(), "clock": clock}),
        dependencies={"now": Provide(provide_now)}
        | {name: Provide(_constant(part), sync_to_thread=False) for name, part in parts.items()},
        dto=RequestBodyDTO,
        return_dto=None,
        exception_handlers={Exception: to_error_response},
        middleware=[bind_request_id, put_in_shape, REQUEST_METRICS.middleware],
        before_request=_check_request,
        before_send=[add_response_headers],
        request_max_body_size=MAX_BODY_BYTES,
        cors_config=cors(settings.cors_origins),
        openapi_config=openapi.config(settings.public_url),
        logging_config=None,
    )
    openapi.describe(app)
    return app


async def _check_request(request: Request[Any, Any, Any]) -> None:
    await refuse_unstorable_url(request)
    await refuse_unread_body(request)
    await RequestBodyDTO.decode_ahead(request)


def main() -> None:
    """Serve until SIGINT or SIGTERM, in this one process."""
    # What is written is people's: media, seals, keys.
    os.umask(0o077)
    settings = load()
    logs.configure(settings, "api")
    asyncio.run(serve(create_app(settings), settings.api_port, settings.proxy_networks))


async def serve(app: Litestar, port: int, trusted_proxies: Sequence[Network] = ()) -> None:
    """Serve `app` until SIGINT or SIGTERM, within the bounds of connections and bodies."""
    allow_files(MAX_CONNECTIONS + OTHER_FILES)
    watch = ConnectionWatch(port, trusted_proxies)
    server = Server(
        watch.watch_requests(read_origins(bound_bodies(app), trusted_proxies)),
        HOST,
        port,
        interface=Interfaces.ASGI,
        # With HTTP/2 a connection could hold any number of half-sent requests; proxies speak HTTP/1.1 to us.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_WITHIN_MS),
        backlog=MAX_CONNECTIONS,
        backpressure=MAX_CONNECTIONS,
        log_enabled=False,
        websockets=False,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    watching = asyncio.create_task(watch.run())
    try:
        await server.serve()
    finally:
        watching.cancel()


def _constant(value: Any) -> Any:
    def provide() -> Any:
        return value

    return provide
