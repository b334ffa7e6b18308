"""Cascades: every descendant and nothing else, a batch at a time, whoever dies in the middle."""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
import subprocess
import sys
from typing import Any

import pytest

from db import engine
from db.engine import fetch
from domain.consent import cascades, receipts
from domain.events import stream
from domain.feed import posts
from domain.videos import visibility
from schemas.cameos import RevokeMode
from schemas.events import EventName, video_stream
from schemas.videos import Relation
from settings import PROJECT
from tests.build import (
    NOW,
    at,
    complete,
    completed,
    lease_all,
    ledger_adds_up,
    person,
    queue,
    recipe,
    source,
)
from tests.domain.family import Family, shown, sweep


@pytest.mark.parametrize(
    ("how", "mode"),
    [
        ("use", RevokeMode.TOMBSTONE),
        *itertools.product(("grant", "person", "cameo"), (RevokeMode.HIDE_POSTS, RevokeMode.TOMBSTONE)),
    ],
)
async def test_what_only_looks_the_same_is_left_alone(family: Family, how: str, mode: RevokeMode) -> None:
    """Same recipe, same picture, same fingerprint: without a receipt or a lineage nothing is reached."""
    bits = f"{random.getrandbits(256):0256b}"
    stranger = (await person()).id

    async def drawn(who: str, parent: str | None = None, **what: Any) -> str:
        made_of = None if parent is None else source(Relation.REMIX, parent)
        (row,) = await queue(who, source=made_of, recipes=[recipe("the same words", 7)], **what)
        for job in await lease_all():
            assert await complete(job.id, job.attempt, at(4), fingerprint=bits)
        return row.id

    theirs = await posts.post(await drawn(stranger), stranger, None, at(4))
    their_remix = await drawn(family.eve, theirs.video.id)
    mine = await drawn(family.bob, cameos=(family.face,))
    from_mine = await drawn(family.bob, mine)
    if how == "use":
        await receipts.delete_use(family.face, family.ada, mine, now=at(6))
    else:
        target = {"grant": {"grant_id": family.grant}, "person": {"grantee": family.handle}, "cameo": {}}[how]
        await family.revoke(mode, **target)
    await sweep()
    reason = "revoked" if mode is RevokeMode.TOMBSTONE else "hidden"
    for video in (mine, from_mine):
        last = (await stream.since(video_stream(video), 0, 50))[-1]
        assert (last.name, last.data) == (EventName.VIDEO_WITHDRAWN, {"reason": reason})
    for left, maker in ((theirs.video.id, stranger), (their_remix, family.eve)):
        last = (await stream.since(video_stream(left), 0, 50))[-1]
        assert last.name is not EventName.VIDEO_WITHDRAWN
        row = await visibility.get_playable(left, maker, NOW)
        assert (row.withheld, row.video_key is None) == (None, False)
    assert await shown(theirs, family.viewer)
    for reached in (mine, from_mine):
        assert (await visibility.get_viewable(reached, family.bob, NOW)).withheld is mode


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
    async def never(_):
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
