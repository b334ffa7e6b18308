"""Leases: shared without doubles, lost without harm, ended once."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from contextvars import Context

import pytest

from db.engine import fetch, transaction
from domain.events import stream as events
from domain.videos import leases, to_wire, transitions, visibility
from schemas.errors import Code, RiffleError
from schemas.events import EventName, VideoStep, video_stream
from schemas.videos import Status, Tier
from tests.build import NOW, TTL_S, at, complete, lease_all, ledger_adds_up, pass_s, person, queue

ENDS = {EventName.VIDEO_COMPLETED, EventName.VIDEO_FAILED, EventName.VIDEO_CANCELLED}


async def names(video_id: str) -> list[str]:
    found = await events.since(video_stream(video_id), 0, 100)
    assert [event.seq for event in found] == list(range(1, len(found) + 1))
    return [event.name.value for event in found]


async def test_a_video_from_queue_to_end() -> None:
    ada = await person()
    (row,) = await queue(ada.id)
    (job,) = await lease_all()
    assert (job.id, job.attempt, job.account_id, job.recipe) == (row.id, 1, ada.id, row.recipe)
    for i in range(1, 5):
        assert await leases.step(row.id, 1, i=i, n=4, picture=b"webp" if i > 1 else None, now=at(i))
        assert (await visibility.get_viewable(row.id, ada.id, NOW)).progress == (25 * i if i < 4 else 99)
    assert await complete(row.id, 1, at(5))
    assert await names(row.id) == ["video.queued", "video.started", *["video.step"] * 4, "video.completed"]
    found = await events.since(video_stream(row.id), 0, 100)
    assert [event.picture for event in found[2:6]] == [None, b"webp", b"webp", b"webp"]
    assert found[0].data == {"price": 1, "position": 1, "eta_ms": 0, "attempt": 0}
    video = await to_wire.to_video(await visibility.get_viewable(row.id, ada.id, NOW))
    assert (video.status, video.progress, video.cost.cpu_seconds) == (Status.COMPLETED, 100, 1.5)
    assert await ledger_adds_up(ada.id) == 999


async def test_workers_share_without_doubles() -> None:
    people = [await person() for _ in range(4)]
    ids = {row.id for someone in people for row in await queue(someone.id, 16)}
    taken = await asyncio.gather(
        *(leases.lease(f"w{i}", limit_preview=4, limit_full=1, now=at(0), ttl_s=TTL_S) for i in range(20))
    )
    leased = [job.id for jobs in taken for job in jobs]
    assert len(leased) == len(set(leased)) == 64
    assert set(leased) == ids
    assert all(len(jobs) <= 4 for jobs in taken)


async def test_previews_first_and_everybody_in_turn() -> None:
    ada, bob = await person(), await person()
    (full,) = await queue(ada.id, tier=Tier.FULL, price=8)
    mine = [row.id for row in await queue(ada.id, 4, now=at(1))]
    theirs = [row.id for row in await queue(bob.id, 2, now=at(2))]
    expected = [mine[0], theirs[0], mine[1], theirs[1], mine[2], mine[3], full.id]
    places = await to_wire.to_videos(
        [await visibility.get_viewable(i, ada.id, NOW) for i in [*mine, full.id]]
    )
    assert [video.queue and video.queue.position for video in places] == [1, 3, 5, 6, 7]
    waits = [video.queue.eta_ms for video in places if video.queue]
    assert waits[0] == 0
    assert waits == sorted(set(waits))
    jobs = []
    for second in range(7):
        jobs += await leases.lease("w", limit_preview=1, limit_full=0, now=at(second), ttl_s=100)
    jobs += await lease_all(now=at(8))
    assert [job.id for job in jobs] == expected


async def test_running_work_counts_in_the_turn() -> None:
    ada, bob = await person(), await person()
    await queue(ada.id, 3)
    await leases.lease("w", limit_preview=2, limit_full=0, now=at(0), ttl_s=100)
    (theirs,) = await queue(bob.id, now=at(1))
    (job,) = await leases.lease("w", limit_preview=1, limit_full=0, now=at(2), ttl_s=100)
    assert job.id == theirs.id


async def test_a_lost_lease_starts_again_and_the_stale_attempt_writes_nothing() -> None:
    ada = await person()
    (row,) = await queue(ada.id)
    await lease_all("dead")
    assert await leases.step(row.id, 1, i=1, n=4, picture=None, now=at(1))
    # Whatever the clock of the other machine says.
    assert await lease_all("alive", at(1_000_000)) == []
    await pass_s(TTL_S - 1)
    assert await lease_all("alive") == []
    await pass_s(1)
    (job,) = await lease_all("alive", at(TTL_S + 1))
    assert (job.id, job.attempt) == (row.id, 2)
    before = await names(row.id)
    assert not await leases.step(row.id, 1, i=2, n=4, picture=b"late", now=at(12))
    assert not await complete(row.id, 1, at(12))
    assert not await leases.fail(row.id, 1, code="x", message="late", now=at(12))
    assert not await leases.release(row.id, 1, now=at(12))
    assert await leases.heartbeat("dead", [(row.id, 1)], ttl_s=TTL_S) == set()
    assert await names(row.id) == before
    assert await complete(row.id, 2, at(13))
    assert not await complete(row.id, 2, at(14))
    assert await names(row.id) == [*before, "video.started", "video.completed"]
    assert before == ["video.queued", "video.started", "video.step", "video.queued"]
    assert await ledger_adds_up(ada.id) == 999


async def test_heartbeats_lock_by_id_as_everybody_does() -> None:
    ada = await person()
    rows = sorted(await queue(ada.id, n=3), key=lambda row: row.id)
    await lease_all("w")
    locked = "SELECT FROM videos WHERE id = $1 FOR NO KEY UPDATE"
    async with transaction():
        await fetch(locked, rows[0].id)
        running = [(row.id, 1) for row in reversed(rows)]
        beating = asyncio.create_task(leases.heartbeat("w", running, ttl_s=TTL_S), context=Context())
        await asyncio.sleep(0.3)
        for row in rows[1:]:
            await fetch(f"{locked} NOWAIT", row.id)
    assert await beating == {row.id for row in rows}


async def test_heartbeats_keep_what_is_ours() -> None:
    ada = await person()
    rows = await queue(ada.id, 3)
    await lease_all()
    await transitions.cancel(rows[0].id, ada.id, at(1))
    running = [(row.id, 1) for row in rows] + [("video_unknown", 1)]
    assert await leases.heartbeat("w", running, ttl_s=TTL_S) == {rows[1].id, rows[2].id}
    assert await leases.heartbeat("w", [(rows[1].id, 2)], ttl_s=TTL_S) == set()
    assert await leases.heartbeat("other", [(rows[1].id, 1)], ttl_s=TTL_S) == set()
    await pass_s(TTL_S - 1)
    assert await lease_all("thief", at(15)) == []
    await pass_s(1)
    assert {job.id for job in await lease_all("thief", at(15))} == {rows[1].id, rows[2].id}


async def test_released_work_goes_on_under_the_next_attempt() -> None:
    ada = await person()
    (row,) = await queue(ada.id)
    await lease_all()
    assert await leases.release(row.id, 1, now=at(1))
    assert not await leases.release(row.id, 1, now=at(1))
    assert (await visibility.get_viewable(row.id, ada.id, NOW)).status is Status.QUEUED
    (job,) = await lease_all(now=at(2))
    assert job.attempt == 2


async def test_after_the_last_attempt_it_fails_with_a_refund() -> None:
    ada = await person()
    (row,) = await queue(ada.id)
    for attempt in range(1, leases.MAX_ATTEMPTS + 1):
        (job,) = await lease_all(now=at(100 * attempt))
        assert job.attempt == attempt
        await pass_s(TTL_S)
    assert await lease_all(now=at(1000)) == []
    failed = await to_wire.to_video(await visibility.get_viewable(row.id, ada.id, NOW))
    assert failed.status is Status.FAILED
    assert failed.error is not None
    assert failed.error.code == Code.GENERATION_FAILED
    assert await ledger_adds_up(ada.id) == 1000


async def test_every_race_to_the_end_has_one_winner() -> None:
    ada = await person()
    for row in await queue(ada.id, 6):
        await leases.lease("w", limit_preview=1, limit_full=0, now=at(0), ttl_s=TTL_S)

        async def cancel(video_id: str = row.id) -> bool:
            with contextlib.suppress(RiffleError):
                await transitions.cancel(video_id, ada.id, at(1))
                return True
            return False

        async def fail(video_id: str = row.id) -> bool:
            return await leases.fail(video_id, 1, code="generation_failed", message="no", now=at(1))

        racers = itertools.chain.from_iterable((cancel(), complete(row.id, 1), fail()) for _ in range(3))
        assert (await asyncio.gather(*racers)).count(True) == 1
        ended = [name for name in await names(row.id) if name in ENDS]
        assert len(ended) == 1
        entries = await fetch(
            "SELECT kind FROM credit_entries WHERE video_id = $1 AND kind <> 'hold'", row.id
        )
        assert [entry["kind"] for entry in entries] == [
            "settle" if ended[0] == "video.completed" else "refund"
        ]
    await ledger_adds_up(ada.id)


async def test_the_database_itself_refuses_a_second_end() -> None:
    ada = await person()
    (row,) = await queue(ada.id)
    await transitions.cancel(row.id, ada.id, at(1))
    with pytest.raises(Exception, match="is cancelled already"):
        await fetch("UPDATE videos SET status = 'completed' WHERE id = $1", row.id)


async def test_events_are_numbered_without_holes_by_many_writers() -> None:
    ada = await person()
    stream = f"inbox:{ada.id}"

    async def write(i: int) -> None:
        async with leases.transaction():
            await events.append(stream, VideoStep(i=i, n=1, progress=0), now=at(i))
            await events.append(stream, VideoStep(i=i, n=2, progress=0), now=at(i))
            if i % 3 == 0:
                raise ZeroDivisionError

    await asyncio.gather(*(write(i) for i in range(30)), return_exceptions=True)
    found = await events.since(stream, 0, 100)
    assert [event.seq for event in found] == list(range(1, 41))
    for first, second in zip(found[::2], found[1::2], strict=True):
        assert (first.data["i"], first.data["n"], second.data["n"]) == (second.data["i"], 1, 2)
    assert await events.head(stream) == (found[0].epoch, 40, 1)


async def test_only_what_is_drawn_is_in_progress_and_the_others_have_a_place_that_holds() -> None:
    ada = await person()
    rows = await queue(ada.id, 16)

    async def shown() -> list[tuple[str, int | None, int | None]]:
        videos = await to_wire.to_videos([await visibility.get_viewable(row.id, ada.id, NOW) for row in rows])
        return [
            (video.status, video.queue and video.queue.position, video.queue and video.queue.eta_ms)
            for video in videos
        ]

    before = await shown()
    assert [place for _, place, _ in before] == list(range(1, 17))
    await leases.lease("w", limit_preview=3, limit_full=0, now=at(0), ttl_s=TTL_S)
    # Leased is not drawn.
    assert await shown() == before
    assert "video.started" not in await names(rows[0].id)
    assert await leases.begin(rows[0].id, 1, now=at(1))
    assert await leases.begin(rows[0].id, 1, now=at(1))
    assert (await names(rows[0].id)).count("video.started") == 1
    found = await shown()
    assert found[0] == (Status.IN_PROGRESS, None, None)
    assert [place for _, place, _ in found[1:]] == list(range(1, 16))
    assert {status for status, _, _ in found[1:]} == {Status.QUEUED}
    # Each still begins when it was told that it would.
    assert [eta for _, _, eta in found[1:]] == [eta for _, _, eta in before[1:]]
    # One that is only stored holds up nobody.
    assert await leases.step(rows[0].id, 1, i=4, n=4, picture=None, now=at(2))
    assert (await shown())[1] == (Status.QUEUED, 1, 0)
    await leases.release(rows[0].id, 1, now=at(3))
    assert (await shown())[0][0] is Status.QUEUED
    assert not await leases.begin(rows[0].id, 1, now=at(3))
