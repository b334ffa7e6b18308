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


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return open_store((tmp_path / "media").as_uri())


@pytest.fixture
def app(database: Any, media: MediaStore, tmp_path: Path) -> Litestar:
    settings = load({"RIFFLE_HOME": str(tmp_path), "RIFFLE_REALTIME_PORT": "9001"})
    return create_app(settings, cards=FixedCards(), media=media)


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
