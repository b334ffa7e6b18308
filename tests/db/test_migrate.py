"""The schema is the sum of the migrations, and equals what the tables say."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from piccolo.table import create_db_tables

from db import engine, server
from db.piccolo_app import APP_CONFIG
from domain.consent.policy import GRANT_EDGES
from domain.videos.lifecycle import FINAL
from schemas.cameos import GrantStatus
from schemas.videos import Status
from settings import PROJECT, load

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


def riffle(url: str, action: str) -> subprocess.Popen[bytes]:
    env = {"PATH": "/usr/bin:/bin", "RIFFLE_DATABASE_URL": url}
    return subprocess.Popen([sys.executable, "-m", "riffle", "db", action], cwd=PROJECT, env=env)


def upgrade(url: str) -> subprocess.Popen[bytes]:
    return riffle(url, "upgrade")


async def test_processes_that_upgrade_at_once_make_the_schema_of_the_tables(postgres: str) -> None:
    migrated, declared = await empty(postgres), await empty(postgres)
    running = [upgrade(migrated) for _ in range(3)]
    assert [await asyncio.to_thread(process.wait, 60) for process in running] == [0, 0, 0]
    ran = await rows(migrated, "SELECT name FROM migration")
    assert len(ran) == len(set(ran)) == len(list((PROJECT / "db" / "migrations").glob("riffle_*.py")))
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


async def test_an_upgrade_with_nothing_to_do_loads_no_runner(postgres: str) -> None:
    url = await empty(postgres)
    code = (
        "import asyncio, sys; from domain.setup import upgrade; asyncio.run(upgrade());"
        "print('piccolo.apps.migrations.commands.forwards' in sys.modules)"
    )

    async def loads_runner() -> bool:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", code),
            cwd=PROJECT,
            env={"PATH": "/usr/bin:/bin", "RIFFLE_DATABASE_URL": url},
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0
        return out.strip() == b"True"

    assert [await loads_runner() for _ in range(2)] == [True, False]


def statements(*numbers: int) -> list[str]:
    """The SQL of migrations by number."""
    files = [next((PROJECT / "db" / "migrations").glob(f"riffle_{number:04}_*.py")) for number in numbers]
    return [line for path in files for line in import_module(f"db.migrations.{path.stem}").STATEMENTS]


# One of everything that consent rests on, as it was written before there was a ledger.
BEFORE = """
    INSERT INTO accounts (id, handle, display_name, password_hash, demo, balance, created_at)
    SELECT who, who, who, '!', false, 0, now() FROM unnest(ARRAY['ada', 'bob']) AS who;
    INSERT INTO cameos (id, account_id, handle, display_name, audience, status, restrictions, revision,
        created_at)
    VALUES ('face', 'ada', 'ada', 'Ada', 'everyone', 'active', '{"words": ["rain"]}', 1, '2026-01-01Z');
    INSERT INTO grants (grant_id, revision, cameo_id, grantee_id, status, scope, at)
    VALUES ('grant', 1, 'face', 'bob', 'pending', '{}', '2026-01-02Z'),
        ('grant', 2, 'face', 'bob', 'accepted', '{}', '2026-01-03Z');
    INSERT INTO videos (id, account_id, swarm_id, swarm_index, tier, status, model, prompt, recipe, relation,
        cameos, price, progress, attempt, created_at, ended_at)
    SELECT name, 'bob', name, 0, 'preview', 'completed', 'm', name, '{}', relation, '{face}', 1, 100, 1,
        now(), now()
    FROM (VALUES ('first', NULL), ('remix', 'remix'), ('render', 'render')) AS v(name, relation);
    INSERT INTO sources (child_id, parent_id, relation, position)
    VALUES ('remix', 'first', 'remix', 1), ('render', 'remix', 'render', 1);
    INSERT INTO receipts (video_id, cameo_id, grant_id, revision, policy_version, at)
    SELECT id, 'face', 'grant', 2, 1, '2026-01-04Z' FROM videos;
    INSERT INTO trends (id, points, score, created_at, latest_at) VALUES ('post', 1, 1, now(), now());
    INSERT INTO posts (id, video_id, account_id, caption, trend_id, likes, remixes, created_at)
    VALUES ('post', 'first', 'bob', '', 'post', 0, 0, now());
"""


async def test_what_was_there_gets_its_lineage_and_its_ledger_and_nobody_may_change_it(postgres: str) -> None:
    """As a role that is no superuser, such as a hosted PostgreSQL gives."""
    root = await asyncpg.connect(postgres)
    role = f"plain_{uuid4().hex[:12]}"
    await root.execute(f"CREATE ROLE {role} LOGIN")
    await root.execute(f"CREATE DATABASE {role} OWNER {role}")
    await root.close()
    parts = urlsplit(postgres.replace("/riffle?", f"/{role}?"))
    url = urlunsplit(parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}"))
    plain = await asyncpg.connect(url)
    try:
        for statement in statements(1, 2, 3, 4):
            await plain.execute(statement)
        await plain.execute(BEFORE)
        for statement in statements(5, 6, 7):
            await plain.execute(statement)
        found = await plain.fetch("SELECT kind, seq FROM ledger ORDER BY seq")
        assert [row["kind"] for row in found] == ["cameo", "grant", "grant", *["receipt"] * 3]
        found = await plain.fetch("SELECT id, remixed, trend_id FROM videos ORDER BY id")
        assert [tuple(row) for row in found] == [
            ("first", False, None),
            ("remix", True, "post"),
            ("render", True, "post"),
        ]
        assert await plain.fetchval("SELECT count(*) FROM ancestors WHERE video_id = 'render'") == 3
        await plain.execute(
            "INSERT INTO revocations (cameo_id, mode, actor_id, at)"
            " VALUES ('face', 'tombstone', 'ada', now())"
        )
        await plain.execute("INSERT INTO cascades (revocation_id, began_at) SELECT id, at FROM revocations")
        assert await plain.fetchval("SELECT withdrawal_of('render')") == "tombstone"
        for table in ("ledger", "cameo_revisions", "grants", "receipts", "revocations"):
            for sql in (f"UPDATE {table} SET at = now()", f"DELETE FROM {table}", f"TRUNCATE {table}"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await plain.execute(sql)
    finally:
        await plain.close()
    done = await asyncio.to_thread(riffle(url, "verify-ledger").wait, 60)
    assert done == 0


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
