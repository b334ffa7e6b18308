"""Looks in the database: copies by exact distance, found through the index."""

from __future__ import annotations

import asyncio
import random

import pytest

from db import engine
from domain.safety import fingerprints, takedowns
from domain.safety.hash_distance import NEAR_BITS, bands
from domain.videos import leases, visibility
from schemas.videos import Status
from tests.build import NOW, at, complete, completed, lease_all, ledger_adds_up, person, queue, takedown_of

pytestmark = pytest.mark.usefixtures("database")


def flipped(bits: str, count: int) -> str:
    places = set(random.Random(count).sample(range(256), count))
    return "".join(str(1 - int(bit)) if place in places else bit for place, bit in enumerate(bits))


def random_bits(seed: int) -> str:
    return f"{random.Random(seed).getrandbits(256):0256b}"


async def test_copies_are_those_within_the_distance() -> None:
    owner = (await person()).id
    one, near, far = [await completed(owner) for _ in range(3)]
    bits = random_bits(1)
    await fingerprints.save(one.id, bits)
    await fingerprints.save(near.id, flipped(bits, NEAR_BITS))
    await fingerprints.save(far.id, flipped(bits, NEAR_BITS + 1))
    found = await fingerprints.copies(bits)
    assert [(copy.video_id, copy.distance) for copy in found] == [(one.id, 0), (near.id, NEAR_BITS)]
    assert [copy.video_id for copy in await fingerprints.copies(bits, exclude=one.id)] == [near.id]
    assert await fingerprints.copies(random_bits(2)) == []
    await fingerprints.save(one.id, random_bits(3))
    assert [copy.video_id for copy in await fingerprints.copies(bits)] == [near.id]
    assert await fingerprints.fingerprint_of(far.id) == flipped(bits, NEAR_BITS + 1)
    assert await fingerprints.fingerprint_of("video_0") is None


async def test_an_attempt_that_is_over_leaves_no_fingerprint() -> None:
    owner = (await person()).id
    (row,) = await queue(owner)
    await lease_all()
    await leases.release(row.id, 1, now=at(1))
    await lease_all()
    assert not await complete(row.id, 1, fingerprint=random_bits(4))
    assert await fingerprints.fingerprint_of(row.id) is None
    assert await complete(row.id, 2, fingerprint=random_bits(5))
    assert await fingerprints.fingerprint_of(row.id) == random_bits(5)


async def claim(video: str) -> str:
    return (await takedowns.file(takedown_of(video), now=at(2))).id


async def test_a_copy_that_completes_as_a_takedown_is_filed_comes_under_it() -> None:
    owner = (await person()).id
    for number in range(20):
        bits = random_bits(100 + number)
        first, second = [row.id for row in await queue(owner, 2, prompt=f"cat {number}")]
        await lease_all()
        assert await complete(first, 1, fingerprint=bits)
        filed, done = await asyncio.gather(claim(first), complete(second, 1, fingerprint=bits))
        assert done
        assert (await takedowns.get(filed)).copies == 1


async def test_a_copy_that_completes_as_a_takedown_is_upheld_is_not_seen() -> None:
    owner = (await person()).id
    for number in range(20):
        bits = random_bits(200 + number)
        first, second = [row.id for row in await queue(owner, 2, prompt=f"cat {number}")]
        await lease_all()
        assert await complete(first, 1, fingerprint=bits)
        filed = await claim(first)
        _, done = await asyncio.gather(
            takedowns.decide(filed, "upheld", "clear", "a moderator", now=at(3)),
            complete(second, 1, fingerprint=bits),
        )
        row = await visibility.get_viewable(second, owner, NOW)
        assert row.status is (Status.COMPLETED if done else Status.FAILED)
        assert (await visibility.is_taken_down([second], at(4)) == {second}) is done
    assert await ledger_adds_up(owner) > 0


async def test_the_index_serves_the_question() -> None:
    async with engine.transaction():
        await engine.fetch("SET LOCAL enable_seqscan = off")
        plan = await engine.fetch(
            "EXPLAIN SELECT video_id FROM fingerprints WHERE bands && $1::integer[]", bands(random_bits(1))
        )
    assert any("fingerprints_bands" in row["QUERY PLAN"] for row in plan)


async def test_videos_complete_while_the_copies_of_a_takedown_are_sought(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner = (await person()).id
    bits = random_bits(300)
    first, second = [row.id for row in await queue(owner, 2, prompt="a dog alone")]
    await lease_all()
    assert await complete(first, 1, fingerprint=bits)
    real, seeking, completed_too = fingerprints.copies, asyncio.Event(), asyncio.Event()

    async def slow(bits: str, exclude: str = "") -> list[fingerprints.Copy]:
        seeking.set()
        async with asyncio.timeout(5):
            await completed_too.wait()
        return await real(bits, exclude)

    monkeypatch.setattr(fingerprints, "copies", slow)
    filing = asyncio.create_task(claim(first))
    await seeking.wait()
    assert await complete(second, 1, fingerprint=bits)
    completed_too.set()
    assert (await takedowns.get(await filing)).copies == 1


async def test_who_dies_before_the_copies_are_sought_is_taken_over_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner = (await person()).id
    bits = random_bits(301)
    first, second = [row.id for row in await queue(owner, 2, prompt="a pig alone")]
    await lease_all()
    for video in (first, second):
        assert await complete(video, 1, fingerprint=bits)

    async def die(_: str) -> str:
        raise ZeroDivisionError

    with monkeypatch.context() as dying:
        dying.setattr(fingerprints, "fingerprint_of", die)
        with pytest.raises(ZeroDivisionError):
            await claim(first)
    assert not await takedowns.seek_left(now=at(2))
    (left,) = await takedowns.list_about(owner)
    assert left.copies == 0
    assert await takedowns.seek_left(now=at(63))
    assert not await takedowns.seek_left(now=at(63))
    assert (await takedowns.get(left.id)).copies == 1


async def test_videos_of_the_same_recipe_are_found_by_an_index() -> None:
    async with engine.transaction():
        await engine.fetch("SET LOCAL enable_seqscan = off")
        plan = await engine.fetch(
            """
            EXPLAIN SELECT v.id FROM videos n JOIN videos v
            ON jsonb_strip_nulls(v.recipe) = jsonb_strip_nulls(n.recipe) AND v.relation IS NULL
            WHERE n.id = 'video_0'
            """
        )
    assert any("videos_recipe" in row["QUERY PLAN"] for row in plan)
