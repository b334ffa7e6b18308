"""What is left of an account when it is deleted while other things are on their way."""

from __future__ import annotations

from datetime import timedelta
from hashlib import md5

import msgspec
import pytest

from db.engine import fetch
from domain.accounts import accounts, erasure
from domain.consent import grants
from schemas.accounts import Handle
from schemas.cameos import GrantStatus, RequestCameo
from tests.build import at, cameo, completed, person

AFTER = timedelta(seconds=1)


async def test_what_was_on_its_way_when_the_account_was_deleted_goes_too() -> None:
    ada = await person()
    await erasure.request(ada.id, at(0))
    while await erasure.run_batch(now=at(1)):
        pass
    # A request that had begun before.
    video = await completed(ada.id)
    assert not await erasure.run_batch(now=at(0) + erasure.AGAIN_AFTER - AFTER)
    late = at(0) + erasure.AGAIN_AFTER + AFTER
    while await erasure.run_batch(now=late):
        pass
    (row,) = await fetch("SELECT deleted_at, prompt, video_key FROM videos WHERE id = $1", video.id)
    assert (row["deleted_at"], row["prompt"], row["video_key"]) == (late, "", None)
    (row,) = await fetch("SELECT ended_at, step FROM erasures WHERE account_id = $1", ada.id)
    assert (row["ended_at"], row["step"]) == (late, 2 * len(erasure.STEPS))


async def test_a_grant_that_has_ended_by_then_stays_as_it_ended() -> None:
    ada, bob = await person(), await person()
    face = await cameo(ada.id)
    asked = [
        await grants.request((await cameo(ada.id)).id, bob.id, RequestCameo(), now=at(n)) for n in (0, 1)
    ]
    asked.append(await grants.request(face.id, bob.id, RequestCameo(), now=at(2)))
    await grants.answer(asked[0].id, ada.id, False, now=at(3))
    await erasure.request(bob.id, at(4))
    while await erasure.run_batch(now=at(5)):
        pass
    ended = [(await grants.get_own_request(each.id, bob.id, now=at(6))).status for each in asked]
    assert ended == [GrantStatus.REFUSED, GrantStatus.EXPIRED, GrantStatus.EXPIRED]


async def test_no_handle_that_people_can_have_stands_in_the_way() -> None:
    ada = await person()
    face = await cameo(ada.id)
    for taken in (ada.id, face.id):
        handle = "deleted_" + md5(taken.encode()).hexdigest()[:20]
        squatter = await accounts.create(
            handle=msgspec.convert(handle, Handle),
            display_name="P",
            password_hash="!",
            demo=False,
            now=at(0),
        )
        assert (await cameo(squatter.id)).handle == handle
    await erasure.request(ada.id, at(1))
    while await erasure.run_batch(now=at(2)):
        pass
    late = at(2) + erasure.AGAIN_AFTER
    while await erasure.run_batch(now=late):
        pass
    (row,) = await fetch("SELECT ended_at FROM erasures WHERE account_id = $1", ada.id)
    assert row["ended_at"] == late
    rows = await fetch(
        "SELECT handle FROM accounts WHERE id = $1 UNION ALL SELECT handle FROM cameos WHERE id = $2",
        ada.id,
        face.id,
    )
    for left in rows:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(left["handle"], Handle)
