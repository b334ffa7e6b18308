"""Fixtures of the realtime tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from media.store import MediaStore, open_store
from tests.realtime.models import Models
from tests.realtime.world import World


@pytest.fixture
async def world(database: object) -> AsyncIterator[World]:
    made = World()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return open_store((tmp_path / "media").as_uri())


@pytest.fixture
async def models(database: object) -> AsyncIterator[Models]:
    async with Models().running() as running:
        yield running
