"""How tests share two workers, a real PostgreSQL for each, and a fresh migrated database for each module."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from xdist.scheduler import LoadScopeScheduling

from db import engine, server
from domain import setup
from settings import load
from tests import shared
from tests.product import model_folders, product

__all__ = ["model_folders", "product"]

# Fixtures that are a process.
PROCESSES = ("product", "server")
# Groups of modules that share such a process: a group goes to one worker, one module after the other.
GROUPS = {
    "product": (
        "tests/test_consent_races.py",
        "tests/test_product",
        "tests/test_provenance.py",
        "tests/test_supervisor.py",
    ),
    "web": ("tests/web/",),
    "server": ("tests/model_server/serve/test_app.py", "tests/model_server/serve/test_stitch.py"),
}


def _scope(nodeid: str) -> str:
    """What stays on one worker: a group, or a module."""
    module = nodeid.split("::")[0]
    return next((name for name, modules in GROUPS.items() if module.startswith(modules)), module)


class Scheduler(LoadScopeScheduling):
    """Hands whole scopes to workers, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return _scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduler:
    return Scheduler(config, log)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        # Named here, so that what the workers share can be removed by this name.
        config.option.testrunuid = config.getoption("testrunuid", None) or shared.RUN


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shared.forget(config.option.testrunuid)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Groups together, that of the product first, since it takes longest.

    Modules that need no model come next, so that one worker has work while the other prepares the model.
    Those that take long come before many short ones, so that both workers end together.
    """
    for item in items:
        for name in set(PROCESSES) & set(getattr(item, "fixturenames", ())):
            if _scope(item.nodeid) not in GROUPS:
                raise pytest.UsageError(f"{item.nodeid} uses {name}: name its module in GROUPS")
    items.sort(key=lambda item: _rank(_scope(item.nodeid)))


def _rank(scope: str) -> int:
    ranks = ("product", "tests/api/", "web", "server", "tests/export/", "tests/train/", "tests/domain/")
    return next((rank for rank, start in enumerate(ranks) if scope.startswith(start)), len(ranks))


def _named(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


async def _run(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _hurry(url: str) -> None:
    """Nothing here outlives the machine, so nothing waits for its disk."""
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        await _run(url, f"ALTER SYSTEM SET {setting} = off")
    await _run(url, "SELECT pg_reload_conf()")


@pytest.fixture(autouse=True)
def small_numbers() -> Iterator[None]:
    """Renders and training count the smallest numbers as 0 in their thread, which is the next test's too."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an empty database on a server of this worker's own."""
    settings = load({"RIFFLE_HOME": str(tmp_path_factory.mktemp("a database") / "home")})
    try:
        url = server.ensure(settings)
        asyncio.run(_hurry(url))
        yield url
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
