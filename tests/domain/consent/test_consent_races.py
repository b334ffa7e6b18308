"""A revocation against a use at the same moment, in two processes: never a use after it was acknowledged."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from db import engine
from db.engine import fetch
from domain.events import stream
from domain.feed import posts
from domain.videos import visibility
from schemas.cameos import RevokeMode
from schemas.errors import Code, RiffleError
from schemas.events import EventName, video_stream
from schemas.videos import Status
from settings import PROJECT
from tests.build import NOW, at, cameo, complete, completed, lease_all, ledger_adds_up, person, queue

ROUNDS, ROUNDS_LONG = 5, 200
# Both orders come up when the two begin within what either takes.
JITTER_S = 0.03
# Long enough for both lines to have been read.
SOON_S = 0.03


class Racer:
    """The process of tests.domain.consent.racer."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> bytes:
        assert self._process.stdout is not None
        async with asyncio.timeout(120):
            return await self._process.stdout.readline()

    async def do(self, what: str, *args: str, moment: float) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"what": what, "args": args, "at": moment}).encode() + b"\n")
        found: dict[str, Any] = json.loads(await self.line())
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def racers(database: str) -> AsyncIterator[tuple[Racer, Racer]]:
    env = {"PATH": "/usr/bin:/bin", "RIFFLE_DATABASE_URL": database}
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    started = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.domain.consent.racer"), cwd=PROJECT, env=env, **pipes
        )
        for _ in range(2)
    ]
    both = Racer(started[0]), Racer(started[1])
    try:
        for racer in both:
            assert await racer.line() == b"ready\n"
        yield both
    finally:
        for process in started:
            process.kill()
            await process.wait()


class Round:
    """One race: ada's face, bob's use of it, and what was there before."""

    async def prepare(self, what: str, mode: RevokeMode) -> tuple[str, ...]:
        """Everything up to the use; the arguments of the use."""
        self.what, self.mode = what, mode
        self.ada, self.bob, self.viewer = [(await person()).id for _ in range(3)]
        self.face = (await cameo(self.ada)).id
        if what == "create":
            return self.bob, self.face
        if what == "post":
            self.video = (await completed(self.bob, cameos=(self.face,))).id
            return self.video, self.bob
        self.video = (await queue(self.bob, cameos=(self.face,)))[0].id
        if what == "finish":
            await lease_all()
        return (self.video,)

    async def check(self, use: dict[str, Any], taken: dict[str, Any]) -> None:
        """What must hold whoever came first."""
        assert taken["done"], taken
        # Begun after the owner was told, it must have failed.
        assert not (use["done"] and use["began"] > taken["ended"]), (use, taken)
        (revocation,) = await fetch("SELECT id FROM revocations WHERE cameo_id = $1", self.face)
        late = await fetch(
            "SELECT id FROM receipts WHERE cameo_id = $1 AND id > $2", self.face, revocation["id"]
        )
        assert not late
        rows = await fetch("SELECT id, status, post_id FROM videos WHERE $1 = ANY (cameos)", self.face)
        assert not [row for row in rows if row["status"] in ("queued", "in_progress")]
        for row in rows:
            await self._check_video(row, use)
        await ledger_adds_up(self.bob)

    async def _check_video(self, row: dict[str, Any], use: dict[str, Any]) -> None:
        log = [event.name for event in await stream.since(video_stream(row["id"]), 0, 100)]
        if row["status"] == Status.FAILED:
            assert log[-1] is EventName.VIDEO_FAILED
            # What was taken from it writes nothing any more.
            assert not await complete(row["id"], 1)
        else:
            assert self.what in ("finish", "post")
            assert use["done"] or self.what == "post"
        with pytest.raises(RiffleError) as refused:
            await posts.post(row["id"], self.bob, None, at(9))
        assert refused.value.code in (Code.CONSENT_REFUSED, Code.INVALID_STATE, Code.CONFLICT)
        seen = await self._seen(row["id"])
        # Only what was posted before, and is let stand, is there to be seen.
        assert seen is (row["post_id"] is not None and self.mode is RevokeMode.BLOCK_NEW)

    async def _seen(self, video: str) -> bool:
        try:
            await visibility.get_playable(video, self.viewer, NOW)
        except RiffleError:
            return False
        return True


async def race(racers: tuple[Racer, Racer], what: str, rounds: int) -> list[bool]:
    """Whether the use came first, for each round."""
    users, owners = racers
    first = []
    for number in range(rounds):
        mode = list(RevokeMode)[number % len(RevokeMode)]
        one = Round()
        args = await one.prepare(what, mode)
        moment = time.monotonic() + SOON_S + JITTER_S
        use, taken = await asyncio.gather(
            users.do(what, *args, moment=moment + random.uniform(-JITTER_S, JITTER_S)),
            owners.do("revoke", one.face, one.ada, mode, moment=moment),
        )
        await one.check(use, taken)
        first.append(bool(use["done"]))
    return first


USES = ("create", "lease", "finish", "post")


@pytest.mark.parametrize("what", USES)
async def test_no_use_after_a_revocation(racers: tuple[Racer, Racer], what: str) -> None:
    assert len(await race(racers, what, ROUNDS)) == ROUNDS
    assert engine.is_open()


@pytest.mark.long
@pytest.mark.parametrize("what", USES)
async def test_no_use_after_a_revocation_two_hundred_times(racers: tuple[Racer, Racer], what: str) -> None:
    first = await race(racers, what, ROUNDS_LONG)
    print(f"{what}: the use came first {sum(first)} times of {len(first)}")
    # Both orders came up, or nothing was raced.
    assert 0 < sum(first) < ROUNDS_LONG
