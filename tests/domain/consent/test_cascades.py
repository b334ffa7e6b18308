"""Cascades: every descendant and identical copy, a batch at a time, whoever dies in the middle."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

import pytest

from db import engine
from db.engine import fetch
from domain.consent import cascades, receipts
from domain.videos import leases, visibility
from domain.videos.record import VideoRow
from schemas.cameos import RevokeMode
from schemas.errors import Code
from settings import PROJECT
from tests.build import NOW, at, completed, lease_all, ledger_adds_up, queue
from tests.domain.family import Family, code_of, sweep


async def test_identical_copies_go_with_it_and_so_does_what_came_of_them(family: Family) -> None:
    async def copy(hashed: str, who: str, **how: object) -> VideoRow:
        (row,) = await queue(who, **how)  # type: ignore[arg-type]
        for job in await lease_all():
            assert await leases.complete(
                job.id, job.attempt, media=["v", "t", "s"], latents_key="l", cpu_seconds=1, fidelity=None,
                closeness={}, now=at(4), media_hash=hashed if job.id == row.id else None,
            )  # fmt: skip
        return await visibility.get_viewable(row.id, who, NOW)

    first = await copy("same" + family.face, family.bob, cameos=(family.face,))
    twin = await copy("same" + family.face, family.eve)
    other = await copy("other" + family.face, family.eve)
    child = await completed(family.eve, source=twin.id)
    await receipts.delete_use(family.face, family.ada, first.id, now=at(6))
    await sweep()
    for gone in (first, twin, child):
        maker = family.eve if gone is not first else family.bob
        assert await code_of(visibility.get_playable(gone.id, maker, NOW)) is Code.GONE
    assert (await visibility.get_playable(other.id, family.eve, NOW)).withheld is None


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(cascades, "BATCH", 3)
    return 3


async def test_a_cascade_goes_on_where_it_was_batch_by_batch(family: Family, small_batches: int) -> None:
    made = [family.first.video.id]
    for number in range(9):
        made.append((await completed(family.eve, source=made[number // 2])).id)
    await family.revoke(RevokeMode.TOMBSTONE, grantee=family.handle)
    left = []
    while await cascades.run_batch(now=at(50)):
        (row,) = await fetch(
            "SELECT count(*) AS n FROM videos WHERE withheld = 'tombstone' AND id = ANY ($1)", made
        )
        left.append(row["n"])
    assert max(after - before for before, after in zip([0, *left], left, strict=False)) <= small_batches
    assert left[-1] == len(made)
    (task,) = await fetch("SELECT * FROM cascades ORDER BY revocation_id DESC LIMIT 1")
    # first, remix, draft and nine children.
    assert (task["reached"], task["ended_at"]) == (12, at(50))


KILLED = """
import asyncio, os, signal, sys
from datetime import UTC, datetime
from settings import load
from db import engine
from domain.consent import cascades

async def main():
    cascades.BATCH = 1
    await engine.open(load())
    for _ in range(3):
        await cascades.run_batch(now=datetime.now(UTC))
    # In the middle of a batch, its writes made and not committed.
    async def never(*_, now):
        os.kill(os.getpid(), signal.SIGKILL)
    cascades.bury = never
    await cascades.run_batch(now=datetime.now(UTC))

asyncio.run(main())
"""


async def test_a_cascade_survives_the_death_of_its_process(family: Family) -> None:
    await sweep()
    made = [(await completed(family.eve, source=family.first.video.id)).id for _ in range(6)]
    await family.revoke(RevokeMode.TOMBSTONE, grantee=family.handle)
    env = {"PATH": "/usr/bin:/bin", "RIFFLE_DATABASE_URL": engine.url()}
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", KILLED], cwd=PROJECT, env=env)
    assert done.returncode == -signal.SIGKILL
    buried = "SELECT count(*) AS n FROM videos WHERE id = ANY ($1) AND video_key IS NULL"
    everything = [*made, family.first.video.id, family.remix.video.id, family.draft.id]
    assert (await fetch(buried, everything))[0]["n"] == 3
    await sweep()
    assert (await fetch(buried, everything))[0]["n"] == len(everything)
    (task,) = await fetch("SELECT * FROM cascades ORDER BY revocation_id DESC LIMIT 1")
    assert task["reached"] == len(everything)


async def test_two_workers_share_and_never_double(family: Family, small_batches: int) -> None:
    for _ in range(7):
        await completed(family.eve, source=family.first.video.id)
    await family.revoke(RevokeMode.TOMBSTONE, grantee=family.handle)
    await family.revoke(RevokeMode.TOMBSTONE)
    await asyncio.gather(sweep(), sweep(), sweep())
    open_ones = await fetch("SELECT * FROM cascades WHERE ended_at IS NULL")
    assert not open_ones
    assert await ledger_adds_up(family.eve) >= 0
