"""Queueing videos: all or nothing, once for each key, in seed order."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from db import idempotency
from db.engine import transaction
from domain.videos import record, to_wire
from schemas.errors import Code
from tests.build import at, ledger_adds_up, person, queue, refused


async def test_fifty_at_once_with_one_key_make_one_video() -> None:
    ada = await person()

    async def request() -> str:
        same = {"account_id": ada.id, "key": "once", "route": "POST /v1/videos", "body_hash": "h"}
        async with transaction():
            made = await idempotency.begin(**same)
            if made is not None:
                return made
            (row,) = await queue(ada.id)
            await idempotency.store(**same, made_id=row.id, now=at(0))
            return row.id

    assert len(set(await asyncio.gather(*(request() for _ in range(50))))) == 1
    rows, more = await record.page(ada.id, None, 100, "desc")
    assert (len(rows), more) == (1, False)
    assert await ledger_adds_up(ada.id) == 999


async def test_a_key_belongs_to_one_request_of_one_account() -> None:
    ada, bob = await person(), await person()
    same = {"key": "k", "route": "POST /v1/posts", "body_hash": "h"}
    async with transaction():
        assert await idempotency.begin(account_id=ada.id, **same) is None
        await idempotency.store(account_id=ada.id, **same, made_id="post_1", now=at(0))
    async with transaction():
        assert await idempotency.begin(account_id=ada.id, **same) == "post_1"
        assert await idempotency.begin(account_id=bob.id, **same) is None
    for other in ({"route": "POST /v1/videos"}, {"body_hash": "other"}):
        async with transaction():
            await refused(
                Code.IDEMPOTENCY_MISMATCH, idempotency.begin(account_id=ada.id, **{**same, **other})
            )
    with pytest.raises(RuntimeError):
        await idempotency.begin(account_id=ada.id, **same)


async def test_a_failed_transaction_leaves_nothing() -> None:
    ada = await person()

    async def break_off() -> None:
        async with transaction():
            await queue(ada.id, 4)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await break_off()
    assert await record.page(ada.id, None, 10, "desc") == ([], False)
    assert await ledger_adds_up(ada.id) == 1000


async def test_a_swarm_reads_in_seed_order() -> None:
    ada = await person()
    rows = await queue(ada.id, 16)
    assert [row.recipe.seed for row in rows] == list(range(16))
    assert all(row.swarm_ids == [other.id for other in rows] for row in rows)
    found, more = await record.page(ada.id, None, 5, "asc")
    assert ([row.id for row in found], more) == ([row.id for row in rows[:5]], True)
    answers = await to_wire.to_videos(rows)
    assert [video.queue.position for video in answers if video.queue] == list(range(1, 17))
    places = [video.queue for video in answers if video.queue]
    assert all(one.eta_ms < two.eta_ms for one, two in pairwise(places))
