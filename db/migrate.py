"""Bring the tables up to date, by Piccolo's migration runner."""

from __future__ import annotations

import contextlib
import io
import logging
import os

from db import engine

log = logging.getLogger(__name__)
# Any number that nothing else here locks.
LOCK = 7_433_533
CONF = "db.piccolo_conf"


async def upgrade() -> None:
    """Run the migrations that have not run yet, all or none; processes that do it at once take turns.

    The database is open. In a caller's transaction it is part of that one, which then holds the lock.

    Raises:
        RuntimeError: a migration failed.
    """
    os.environ["PICCOLO_CONF"] = CONF
    # Imported when needed: it loads Piccolo's code generator, which no serving process wants.
    from piccolo.apps.migrations.commands.forwards import run_forwards

    printed = io.StringIO()
    async with engine.transaction():
        await engine.fetch("SELECT pg_advisory_xact_lock($1)", LOCK)
        # Building an index may take longer than any query that serves.
        await engine.fetch("SET LOCAL statement_timeout = 0")
        with contextlib.redirect_stdout(printed):
            result = await run_forwards("riffle")
        if not result.success:
            raise RuntimeError(f"the migrations failed: {result.message}")
    log.info("migrations: %s", result.message)
