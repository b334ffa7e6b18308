"""`riffle db upgrade`: the tables by their migrations, then the names that come with Riffle."""

from __future__ import annotations

from db import engine, migrate
from domain.clock import utc_now
from domain.safety import registry
from settings import load


async def upgrade() -> None:
    """Bring the database up to date, all or nothing; processes that do it at once take turns.

    Opens the database of the environment where none is open.

    Raises:
        RuntimeError: a migration failed.
    """
    if engine.is_open():
        await _upgrade()
        return
    await engine.open(load())
    try:
        await _upgrade()
    finally:
        await engine.close()


async def _upgrade() -> None:
    async with engine.transaction():
        await migrate.upgrade()
        await registry.sync_shipped(now=utc_now())
