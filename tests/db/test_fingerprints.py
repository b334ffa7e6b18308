"""Looks in the database: copies by exact distance, found through the index."""

from __future__ import annotations

import random

import pytest

from core.likeness import NEAR_BITS, bands
from db import engine, fingerprints
from tests.db.make import drawn, person

pytestmark = pytest.mark.usefixtures("database")


def flipped(bits: str, count: int) -> str:
    places = set(random.Random(count).sample(range(256), count))
    return "".join(str(1 - int(bit)) if place in places else bit for place, bit in enumerate(bits))


def random_bits(seed: int) -> str:
    return f"{random.Random(seed).getrandbits(256):0256b}"


async def test_copies_are_those_within_the_distance() -> None:
    owner = (await person()).id
    one, near, far = [await drawn(owner) for _ in range(3)]
    bits = random_bits(1)
    await fingerprints.store(one.id, bits)
    await fingerprints.store(near.id, flipped(bits, NEAR_BITS))
    await fingerprints.store(far.id, flipped(bits, NEAR_BITS + 1))
    found = await fingerprints.copies(bits)
    assert [(copy.video_id, copy.distance) for copy in found] == [(one.id, 0), (near.id, NEAR_BITS)]
    assert [copy.video_id for copy in await fingerprints.copies(bits, but=one.id)] == [near.id]
    assert await fingerprints.copies(random_bits(2)) == []
    await fingerprints.store(one.id, random_bits(3))
    assert [copy.video_id for copy in await fingerprints.copies(bits)] == [near.id]
    assert await fingerprints.of(far.id) == flipped(bits, NEAR_BITS + 1)
    assert await fingerprints.of("video_0") is None


async def test_the_index_serves_the_question() -> None:
    async with engine.transaction():
        await engine.fetch("SET LOCAL enable_seqscan = off")
        plan = await engine.fetch(
            "EXPLAIN SELECT video_id FROM fingerprints WHERE bands && $1::integer[]", bands(random_bits(1))
        )
    assert any("fingerprints_bands" in row["QUERY PLAN"] for row in plan)
