"""The product, killed again and again while people draw, delete and revoke: all media are accounted for."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from db import server
from settings import load
from tests.killed_crowd import MODES, Person, Record
from tests.product import ModelFolders, Product, run_riffle

KILLS = int(os.environ.get("RIFFLE_TEST_KILLS", "54"))
# Most are of what draws and deletes; while the others are away nothing is asked for.
PARTS = ("realtime", "realtime", "realtime", "realtime", "api", "database", "models")
PEOPLE = 4
# On average: a part is back after one to six seconds, and a preview takes two.
BETWEEN_S = 3.0
# Everything that a person does, at least once.
ACTS = {
    *("draw", "remix", "delete", "cancel", "take_out", "post", "give_picture", "take_picture_back", "prove"),
    *("revoke_person", "leave"),
    *(f"revoke_cameo_{mode}" for mode in MODES),
}
# A part that is killed often would otherwise be left dead for longer each time, and nothing be drawn.
AT_ONCE = """
import sys
if sys.orig_argv[-1:] == ["up"]:
    import processes
    processes.RESTART_DELAYS_S = (0.0,)
"""


@pytest.fixture
def product(tmp_path: Path, model_folders: ModelFolders) -> Iterator[Product]:
    """A Riffle that starts again at once whatever dies."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "sitecustomize.py").write_text(AT_ONCE)
    running = Product(tmp_path / "home", model_folders, PYTHONPATH=str(tmp_path / "path"))
    running.start()
    yield running
    assert running.stop() == 0, running.output


def verify(product: Product, tmp_path: Path) -> str:
    done = run_riffle(tmp_path, "media", "verify", RIFFLE_HOME=str(product.home))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def kill(product: Product, part: str) -> None:
    if part != "database":
        product.kill(part)
        return
    deadline = time.monotonic() + 60
    while True:
        # One that is being restarted is waited for.
        with contextlib.suppress(OSError, ValueError, IndexError):
            written = (product.home / "postgres" / "postmaster.pid").read_text().split()
            os.kill(int(written[0]), signal.SIGKILL)
            return
        assert time.monotonic() < deadline, product.output
        time.sleep(0.05)


def wait_until_ready(product: Product) -> None:
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError):
            if product.call("GET", "/ready")[0] == 200:
                return
        assert time.monotonic() < deadline, product.output
        time.sleep(0.2)


async def end_all_waits(home: Path) -> None:
    """Nothing that was reserved and lost, or that failed once, waits for its time any more."""
    connection = await asyncpg.connect(server.ensure(load({"RIFFLE_HOME": str(home)})))
    try:
        for table, column in (("loose_media", "due_at"), ("cascades", "retry_at"), ("erasures", "retry_at")):
            await connection.execute(f"UPDATE {table} SET {column} = now() WHERE {column} > now()")
        deadline = time.monotonic() + 60
        while left := await connection.fetchval(
            "SELECT (SELECT count(*) FROM loose_media)"
            " + (SELECT count(*) FROM cascades WHERE ended_at IS NULL)"
            " + (SELECT count(*) FROM erasures WHERE ended_at IS NULL)"
        ):
            assert time.monotonic() < deadline, f"{left} things are left to do"
            await asyncio.sleep(0.5)
    finally:
        await connection.close()


@pytest.mark.long
def test_no_media_is_orphaned_or_missing_whenever_it_is_killed(product: Product, tmp_path: Path) -> None:
    chance = random.Random(1)
    cameos: list[str] = []
    record = Record()
    people = [Person(product, number + 1, cameos, record) for number in range(PEOPLE)]
    killed: collections.Counter[str] = collections.Counter()
    stop = threading.Event()
    threads = [threading.Thread(target=person.run, args=(stop,)) for person in people]
    for thread in threads:
        thread.start()
    try:
        for number in range(KILLS):
            time.sleep(chance.random() * 2 * BETWEEN_S)
            part = chance.choice(PARTS)
            kill(product, part)
            killed[part] += 1
            if number % 15 == 14:
                verify(product, tmp_path)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not record.broken, record.broken
    wait_until_ready(product)
    for person in people:
        person.finish()
    asyncio.run(end_all_waits(product.home))
    # Now the store holds what rows name, and nothing else.
    assert verify(product, tmp_path) == "0 findings; 0 objects wait to be kept or deleted\n"
    store = product.home / "media"
    left = [path for path in store.rglob("*") if path.is_file() and record.ids & set(path.parts)]
    assert left == []
    assert set(record.acts) >= ACTS
    assert set(killed) == set(PARTS)
