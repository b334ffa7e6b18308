"""The command line of moderation: who may sign in, and what the doctor says of the oldest takedown."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from db.engine import fetch
from db.tables.safety import ModeratorTable
from domain.safety import takedowns
from settings import PROJECT
from tests.build import completed, person, takedown_of


def riffle(*words: str, home: Path, database: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "RIFFLE_HOME": str(home), "RIFFLE_DATABASE_URL": database}
    return subprocess.run(
        [sys.executable, "-m", "riffle", *words],
        cwd=PROJECT,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )


async def test_a_moderator_is_made_once_and_removed(database: str, tmp_path: Path) -> None:
    made = await asyncio.to_thread(
        riffle, "moderator", "add", "greta", "--superuser", home=tmp_path, database=database
    )
    assert made.returncode == 0, made.stderr
    password = made.stdout.strip().rpartition(" ")[2]
    assert await ModeratorTable.login("greta", password) is not None
    (row,) = await fetch("SELECT active, admin, superuser, password FROM moderators")
    assert (row["active"], row["admin"], row["superuser"]) == (True, True, True)
    assert password not in row["password"]
    again = await asyncio.to_thread(riffle, "moderator", "add", "greta", home=tmp_path, database=database)
    assert again.returncode == 1
    assert "already" in again.stderr
    gone = await asyncio.to_thread(riffle, "moderator", "remove", "greta", home=tmp_path, database=database)
    assert gone.returncode == 0, gone.stderr
    assert await ModeratorTable.login("greta", password) is None
    log = await fetch("SELECT actor, action FROM audit_log ORDER BY id")
    assert [(line["actor"], line["action"]) for line in log] == [
        ("command line", "moderator.added"),
        ("command line", "moderator.removed"),
    ]


async def test_the_doctor_knows_the_oldest_takedown(database: str, tmp_path: Path) -> None:
    filed = datetime.now(UTC) - timedelta(hours=50)
    video = await completed((await person(filed)).id, now=filed)
    await takedowns.file(takedown_of(video.id), now=filed)
    said = await asyncio.to_thread(riffle, "doctor", home=tmp_path, database=database)
    assert "takedowns: 1 open, 1 overdue, the oldest for 50.0 hours of 48" in said.stdout
    nobody = "postgresql://postgres@127.0.0.1:9/none"
    said = await asyncio.to_thread(riffle, "doctor", home=tmp_path, database=nobody)
    assert said.returncode == 1
    assert "the database can't be used" in said.stdout
