"""The schema is the sum of the migrations, and equals what the tables say."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from uuid import uuid4

import asyncpg
import pytest
from piccolo.table import create_db_tables

from core.consent import GRANT_EDGES
from core.lifecycle import FINAL
from core.settings import PROJECT, load
from db import engine, server
from db.piccolo_app import APP_CONFIG
from schemas.cameos import GrantStatus
from schemas.videos import Status

COLUMNS = """
    SELECT table_name, column_name, data_type, udt_name, is_nullable FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> 'migration' ORDER BY 1, 2
"""
PARTS = """
    SELECT 'index', indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL
    SELECT 'constraint', conrelid::regclass || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace UNION ALL
    SELECT 'trigger', pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2
"""


async def empty(postgres: str) -> str:
    name = f"empty_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(postgres)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return postgres.replace("/riffle?", f"/{name}?")


async def rows(url: str, sql: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


def upgrade(url: str) -> subprocess.Popen[bytes]:
    env = {"PATH": "/usr/bin:/bin", "RIFFLE_DATABASE_URL": url}
    return subprocess.Popen([sys.executable, "-m", "riffle", "db", "upgrade"], cwd=PROJECT, env=env)


async def test_processes_that_upgrade_at_once_make_the_schema_of_the_tables(postgres: str) -> None:
    migrated, declared = await empty(postgres), await empty(postgres)
    running = [upgrade(migrated) for _ in range(3)]
    assert [await asyncio.to_thread(process.wait, 60) for process in running] == [0, 0, 0]
    ran = await rows(migrated, "SELECT name FROM migration")
    written = len(list((PROJECT / "db" / "migrations").glob("riffle_*.py")))
    assert len(ran) == len(set(ran)) == written
    parts = await rows(migrated, PARTS)
    assert await asyncio.to_thread(upgrade(migrated).wait, 60) == 0
    assert await rows(migrated, PARTS) == parts

    other = engine.Database(config={"dsn": declared})
    for table in APP_CONFIG.table_classes:
        table._meta.db = other
    try:
        await create_db_tables(*APP_CONFIG.table_classes)
    finally:
        for table in APP_CONFIG.table_classes:
            table._meta.db = engine.ENGINE
    assert await rows(declared, COLUMNS) == await rows(migrated, COLUMNS)


@pytest.mark.usefixtures("database")
async def test_the_triggers_know_the_same_edges_as_core() -> None:
    (found,) = await engine.fetch("SELECT prosrc FROM pg_proc WHERE proname = 'grants_advance'")
    edges = {(old, new) for old, after in GRANT_EDGES.items() for new in after}
    for old in GrantStatus:
        for new in GrantStatus:
            assert (f"('{old}', '{new}')" in found["prosrc"]) == ((old, new) in edges)
    (found,) = await engine.fetch(
        "SELECT pg_get_triggerdef(oid) AS sql FROM pg_trigger WHERE tgname = 'videos_end_once'"
    )
    assert {status for status in Status if f"'{status}'" in found["sql"]} == FINAL


def test_the_server_is_joined_restarted_and_stopped(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = load({"RIFFLE_HOME": str(tmp_path_factory.mktemp("with a space") / "home")})
    try:
        url = server.ensure(settings)
        assert server.running(settings)
        assert server.ensure(settings) == url
        server.stop(settings)
        assert not server.running(settings)
        # As after a crash of the machine: the file names a process that is something else by now.
        stale = settings.home / "postgres" / "postmaster.pid"
        stale.write_text(f"1\n{stale.parent}\n1\n5432\n/tmp\n\n1 1\nready   \n")
        assert not server.running(settings)
        assert server.ensure(settings) == url
        assert int(stale.read_text().split()[0]) != 1
        os.kill(int(stale.read_text().split()[0]), signal.SIGKILL)
        while server.running(settings):
            time.sleep(0.01)
        assert server.ensure(settings) == url
        assert server.running(settings)
    finally:
        server.stop(settings)


def test_a_database_elsewhere_is_left_alone() -> None:
    settings = load({"RIFFLE_DATABASE_URL": "postgresql://db.example/riffle"})
    assert server.ensure(settings) == "postgresql://db.example/riffle"
    assert server.running(settings)
    server.stop(settings)
