"""Cancelling."""

from __future__ import annotations

import pytest

from domain.accounts import social
from domain.events import stream
from domain.videos import leases, to_wire, transitions
from domain.videos.delete import delete_video
from schemas.cameos import Audience, Scope
from schemas.errors import Code
from schemas.events import EventName, video_stream
from schemas.videos import Status, Tier
from tests.build import at, cameo, complete, lease_all, ledger_adds_up, person, queue, refused
from tests.domain.family import granted


async def test_cancel_is_final_and_gives_the_credits_back() -> None:
    ada = await person()
    rows = await queue(ada.id, 2)
    (job, _) = await lease_all()
    cancelled = await transitions.cancel(job.id, ada.id, at(1))
    assert cancelled.status is Status.CANCELLED
    assert not await complete(job.id, job.attempt)
    await refused(Code.INVALID_STATE, transitions.cancel(job.id, ada.id, at(2)))
    assert await ledger_adds_up(ada.id) == 999
    found = await stream.since(video_stream(job.id), 0, 10)
    assert [event.name for event in found] == [
        EventName.VIDEO_QUEUED,
        EventName.VIDEO_CANCELLED,
    ]
    assert {row.id for row in rows} >= {job.id}


@pytest.mark.parametrize(
    ("done", "of", "price", "charged"),
    [(0, 4, 8, 0), (1, 4, 8, 2), (3, 4, 8, 6), (4, 4, 8, 8), (1, 4, 1, 1), (1, 16, 16, 1), (2, 30, 8, 1)],
)
async def test_who_cancels_pays_for_the_steps_that_were_seen(
    done: int, of: int, price: int, charged: int
) -> None:
    ada = await person()
    (row,) = await queue(ada.id, tier=Tier.FULL, price=price)
    await lease_all()
    for i in range(1, done + 1):
        assert await leases.step(row.id, 1, i=i, n=of, picture=b"seen", now=at(1))
    ended = await transitions.cancel(row.id, ada.id, at(2))
    assert ended.charged == charged
    assert await ledger_adds_up(ada.id) == 1000 - charged
    found = await stream.since(video_stream(row.id), 0, 99)
    assert found[-1].data == {"refunded": price - charged}
    assert {event.picture for event in found} == {None}
    assert (await to_wire.to_video(ended)).cost.credits == charged


async def test_steps_that_nobody_saw_cost_nothing() -> None:
    ada = await person()
    (row,) = await queue(ada.id, price=8)
    await lease_all()
    assert await leases.step(row.id, 1, i=3, n=4, picture=None, now=at(1))
    await transitions.cancel(row.id, ada.id, at(2))
    assert await ledger_adds_up(ada.id) == 1000


async def test_what_an_earlier_attempt_showed_is_seen() -> None:
    ada = await person()
    (row,) = await queue(ada.id, price=8)
    await lease_all()
    assert await leases.step(row.id, 1, i=3, n=4, picture=b"seen", now=at(1))
    await leases.release(row.id, 1, now=at(1))
    await lease_all(now=at(2))
    assert await leases.step(row.id, 2, i=1, n=4, picture=None, now=at(2))
    await delete_video(row.id, ada.id, at(3))
    assert await ledger_adds_up(ada.id) == 1000 - 6


@pytest.mark.parametrize("how", ["cancel", "delete", "fault", "block"])
async def test_once_it_was_seen_a_use_of_the_grant_counts_however_it_ends(how: str) -> None:
    """A grant for one use: whoever has seen a picture has had it."""
    ada, bob = await person(), await person()
    face = await cameo(ada.id, Audience.PEOPLE_I_APPROVE)
    await granted(face.id, ada.id, bob.id, Scope(uses=1))
    unseen, *_ = await queue(bob.id, cameos=(face.id,))
    await transitions.cancel(unseen.id, bob.id, at(2))
    (row,) = await queue(bob.id, cameos=(face.id,), price=8)
    await lease_all(now=at(3))
    assert await leases.step(row.id, 1, i=4, n=4, picture=b"a face", now=at(3))
    if how == "cancel":
        await transitions.cancel(row.id, bob.id, at(4))
    elif how == "delete":
        await delete_video(row.id, bob.id, at(4))
    elif how == "fault":
        await leases.fail(row.id, 1, code=Code.GENERATION_FAILED, message="ours", now=at(4))
    else:
        await social.block(bob.id, ada.id, at(4))
        assert not await complete(row.id, 1)
        await social.unblock(bob.id, ada.id)
    # A fault of ours costs nothing; the picture was seen all the same.
    assert await ledger_adds_up(bob.id) == (1000 if how == "fault" else 992)
    assert {event.picture for event in await stream.since(video_stream(row.id), 0, 99)} == {None}
    await refused(Code.CONSENT_REFUSED, queue(bob.id, cameos=(face.id,)))


async def test_an_owner_who_blocks_costs_the_maker_nothing() -> None:
    ada, bob = await person(), await person()
    face = await cameo(ada.id, Audience.MUTUALS)
    for one, other in ((ada, bob), (bob, ada)):
        await social.follow(one.id, other.id, at(0))
    (row,) = await queue(bob.id, cameos=(face.id,), price=8)
    await lease_all()
    assert await leases.step(row.id, 1, i=4, n=4, picture=b"a face", now=at(3))
    await social.block(ada.id, bob.id, at(4))
    assert not await complete(row.id, 1)
    assert await ledger_adds_up(bob.id) == 1000
