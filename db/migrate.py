"""Bring the tables up to date, by Piccolo's migration runner."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
from pathlib import Path

from db import engine

log = logging.getLogger(__name__)
# Any number that nothing else here locks.
LOCK = 7_433_533
CONF = "db.piccolo_conf"
FOLDER = Path(__file__).parent / "migrations"
ID = re.compile(r'^ID = "(.+)"$', re.MULTILINE)


async def upgrade() -> None:
    """Run the migrations that have not run yet, all or none; processes that do it at once take turns.

    The database is open. In a caller's transaction it is part of that one, which then holds the lock.

    Raises:
        RuntimeError: a migration failed.
    """
    async with engine.transaction():
        await engine.fetch("SELECT pg_advisory_xact_lock($1)", LOCK)
        if not await _has_run():
            await _run()


async def _has_run() -> bool:
    """Whether every migration has run: asked without Piccolo's runner, which takes longer than this."""
    if not await engine.exists("SELECT WHERE to_regclass('migration') IS NOT NULL"):
        return False
    known = {ID.findall(path.read_text())[0] for path in FOLDER.glob("riffle_*.py")}
    ran = {row["name"] for row in await engine.fetch("SELECT name FROM migration WHERE app_name = 'riffle'")}
    return known <= ran


async def _run() -> None:
    os.environ["PICCOLO_CONF"] = CONF
    # Imported when needed: it loads Piccolo's code generator, which no serving process wants.
    from piccolo.apps.migrations.commands.forwards import run_forwards

    # Building an index may take longer than any query that serves.
    await engine.fetch("SET LOCAL statement_timeout = 0")
    with contextlib.redirect_stdout(io.StringIO()):
        result = await run_forwards("riffle")
    if not result.success:
        raise RuntimeError(f"the migrations failed: {result.message}")
    log.info("migrations: %s", result.message)
