"""The HTTP side over a real database and a real media folder, and people who use it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar

from api.app import create_app
from api.http.rate_limits import create_limiter
from media.store import MediaStore, open_store
from schemas.videos import ModelCard
from settings import load
from tests.api.people import Person, sign_up
from tests.build import CARD

HANDLES = (f"person_{number}" for number in itertools.count())


class FixedCards:
    """A model server that is up."""

    async def all(self) -> list[ModelCard]:
        return [CARD]

    async def check_ready(self) -> None:
        """It can draw."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RIFFLE_HOME of the module's api."""
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="module")
def media(home: Path) -> MediaStore:
    return open_store((home / "media").as_uri())


@pytest.fixture(scope="module")
def module_app(database: Any, media: MediaStore, home: Path) -> Litestar:
    settings = load({"RIFFLE_HOME": str(home), "RIFFLE_REALTIME_PORT": "9001", "RIFFLE_REQUIRE_PROOF": "off"})
    return create_app(settings, cards=FixedCards(), media=media)


@pytest.fixture
def app(module_app: Litestar) -> Litestar:
    """The module's api, in which no address has called anything yet."""
    module_app.state.rate_limiter = create_limiter()
    return module_app


@pytest.fixture
async def anyone(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has not signed in."""
    # The database fixture has opened the engine in this loop, so the app's own lifespan stays out of it.
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://riffle.test") as client:
        yield client


@pytest.fixture
async def ada(anyone: httpx.AsyncClient) -> Person:
    return await sign_up(anyone, next(HANDLES))


@pytest.fixture
async def bob(anyone: httpx.AsyncClient) -> Person:
    return await sign_up(anyone, next(HANDLES))
