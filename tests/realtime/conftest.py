"""Fixtures of the realtime tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.realtime.world import World


@pytest.fixture
async def world(database: object) -> AsyncIterator[World]:
    made = World()
    await made.start()
    yield made
    await made.stop()
