"""Every test here has the module's database, without work left over by the test before."""

from __future__ import annotations

import pytest
import pytest_asyncio

from db import engine
from domain.videos import transitions
from tests.build import START
from tests.domain.family import Family


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def empty_queue(database: str) -> None:
    rows = await engine.fetch("SELECT id, account_id FROM videos WHERE status IN ('queued', 'in_progress')")
    for row in rows:
        await transitions.cancel(row["id"], row["account_id"], START)


@pytest.fixture
async def family() -> Family:
    made = Family()
    await made.make()
    assert await made.shown() == (True, True, True, True)
    return made
