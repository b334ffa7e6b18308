"""What people take along is what they may see."""

from __future__ import annotations

from datetime import timedelta

from domain.accounts import social, takeout
from domain.safety import reports, takedowns
from tests.build import at, cameo, completed, person, takedown_of


async def clips(account_id: str, second: int) -> list[str]:
    return [file.name async for file in takeout.media_files(account_id, now=at(second))]


async def test_an_archive_holds_no_media_that_its_person_may_not_see() -> None:
    ada, bob = await person(), await person()
    face = await cameo(ada.id)
    plain = await completed(bob.id)
    drawn = await completed(bob.id, cameos=[face.id])
    mine, shown = f"videos/{plain.id}.mp4", f"videos/{drawn.id}.mp4"
    assert {mine, shown} <= set(await clips(bob.id, 1))
    await social.block(ada.id, bob.id, at(2))
    assert mine in (left := await clips(bob.id, 3))
    assert not [name for name in left if drawn.id in name]
    await social.unblock(ada.id, bob.id)
    assert shown in await clips(bob.id, 4)
    await reports.flag_minor(face.id, "moderator", now=at(5))
    assert not [name for name in await clips(bob.id, 6) if drawn.id in name]
    await takedowns.file(takedown_of(plain.id), now=at(7))
    assert mine in await clips(bob.id, 8)
    overdue = at(7) + takedowns.DECIDE_WITHIN + timedelta(seconds=1)
    assert [file async for file in takeout.media_files(bob.id, now=overdue)] == []
