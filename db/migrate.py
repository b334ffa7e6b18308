"""Bring the tables up to date, by Piccolo's migration runner."""

from __future__ import annotations

import contextlib
import io
import logging
import os
from datetime import UTC, datetime

from db import engine
from domain.safety import registry
from settings import load

log = logging.getLogger(__name__)
# Any number that nothing else here locks.
LOCK = 7_433_533
CONF = "db.piccolo_conf"


async def upgrade() -> None:
    """Run the migrations that have not run yet, all or none; processes that do it at once take turns.

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
    os.environ["PICCOLO_CONF"] = CONF
    # Imported when needed: it loads Piccolo's code generator, which no serving process wants.
    from piccolo.apps.migrations.commands.forwards import run_forwards

    said = io.StringIO()
    async with engine.transaction():
        await engine.fetch("SELECT pg_advisory_xact_lock($1)", LOCK)
        # Building an index may take longer than any query that serves.
        await engine.fetch("SET LOCAL statement_timeout = 0")
        with contextlib.redirect_stdout(said):
            result = await run_forwards("riffle")
        if not result.success:
            raise RuntimeError(f"the migrations failed: {result.message}")
        await registry.sync_shipped(datetime.now(UTC))
    log.info("migrations: %s", result.message)
