"""A real PostgreSQL for the whole run, and a fresh migrated database for each test module."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from db import engine, server
from domain import setup
from settings import load
from tests.product import model_folders, product

__all__ = ["model_folders", "product"]


def _named(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


async def _run(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an empty database on a server of this run's own."""
    settings = load({"RIFFLE_HOME": str(tmp_path_factory.mktemp("a database") / "home")})
    try:
        yield server.ensure(settings)
    finally:
        server.stop(settings)


async def _template(postgres: str) -> None:
    await _run(postgres, "CREATE DATABASE template_riffle")
    await engine.open(load({"RIFFLE_DATABASE_URL": _named(postgres, "template_riffle")}))
    try:
        await setup.upgrade()
    finally:
        await engine.close()


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """The name of a migrated database that others are copied from."""
    asyncio.run(_template(postgres))
    return "template_riffle"


@pytest.fixture(scope="module")
def database_url(postgres: str, template: str) -> str:
    """The URL of this module's own migrated database."""
    name = f"test_{uuid4().hex[:12]}"
    asyncio.run(_run(postgres, f"CREATE DATABASE {name} TEMPLATE {template}"))
    return _named(postgres, name)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(database_url: str) -> AsyncIterator[str]:
    """That database, open in this process; its URL."""
    await engine.open(load({"RIFFLE_DATABASE_URL": database_url}))
    try:
        yield database_url
    finally:
        await engine.close()
