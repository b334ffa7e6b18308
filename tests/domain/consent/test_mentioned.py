"""@handle in a prompt or a caption is that cameo, however it is written, and asks for the same consent."""

from __future__ import annotations

import pytest

from db.engine import fetch
from domain.consent import cameos, receipts
from domain.consent.mentioned import mentioned_cameos
from domain.feed import posts
from domain.videos import visibility
from domain.videos.create import create_video
from schemas.cameos import Audience, Cameo, RevokeCameo, RevokeMode, Scope
from schemas.errors import Code
from schemas.videos import CreateVideo
from tests.build import CARD, NOW, START, at, cameo, complete, completed, lease_all, person, refused
from tests.domain.family import granted, shown, sweep


@pytest.fixture
async def carol() -> Cameo:
    return await cameo((await person()).id, Audience.PEOPLE_I_APPROVE)


WRITTEN = (
    "@{} naked on a beach",
    "a beach with @{}.",
    "@{}'s beach",
    "(@{})",
    "hey@{}",
    "@{}, @nobody",
    "@\N{ZERO WIDTH SPACE}{}",
    "\N{FULLWIDTH COMMERCIAL AT}{}",
    "_@{}_",
    "@{}.99",
)


@pytest.mark.parametrize("text", WRITTEN)
async def test_a_mention_is_that_cameo(carol: Cameo, text: str) -> None:
    assert await mentioned_cameos([text.format(carol.handle)]) == [carol.id]
    assert await mentioned_cameos([text.format(carol.handle.upper())]) == [carol.id]


async def test_look_alikes_and_hidden_signs_inside_are_read(carol: Cameo) -> None:
    spaced = f"{carol.handle[:3]}\N{ZERO WIDTH SPACE}{carol.handle[3:]}"
    cyrillic = carol.handle.replace("a", "\N{CYRILLIC SMALL LETTER A}").replace(
        "p", "\N{CYRILLIC SMALL LETTER ER}"
    )
    for name in (spaced, cyrillic):
        assert name != carol.handle
        assert await mentioned_cameos([f"@{name} sings"]) == [carol.id]


async def test_what_is_no_mention(carol: Cameo) -> None:
    for text in (carol.handle, f"@{carol.handle}x", f"@x{carol.handle}", "@", "a cat @ home", "@."):
        assert await mentioned_cameos([text]) == []


async def test_the_second_cameo_of_a_person_has_a_number() -> None:
    owner = await person()
    first, second = await cameo(owner.id), await cameo(owner.id)
    assert second.handle == f"{first.handle}.2"
    assert await mentioned_cameos([f"@{second.handle}, @{first.handle}"]) == [second.id, first.id]


async def test_a_prompt_that_mentions_somebody_asks_for_consent(carol: Cameo) -> None:
    bob = await person()
    wanted = CreateVideo(prompt=f"@{carol.handle} on a beach")
    error = await refused(Code.CONSENT_REFUSED, create_video(bob.id, wanted, [CARD], START))
    assert "not_asked" in error.message
    (owner,) = await fetch("SELECT account_id FROM cameos WHERE id = $1", carol.id)
    await granted(carol.id, owner["account_id"], bob.id, Scope(uses=1))
    video = await create_video(bob.id, wanted, [CARD], at(2))
    assert video.cameos == [carol.id]
    assert video.recipe.prompt == "someone on a beach"
    assert [use.video_id for use in await receipts.list_uses(carol.id, owner["account_id"])] == [video.id]
    # It is a use like any other.
    error = await refused(Code.CONSENT_REFUSED, create_video(bob.id, wanted, [CARD], at(3)))
    assert "used_up" in error.message


async def test_no_more_people_are_mentioned_than_may_be_named() -> None:
    owner = await person()
    everyone = [await cameo(owner.id) for _ in range(5)]
    text = " ".join(f"@{each.handle}" for each in everyone)
    await refused(Code.INVALID_REQUEST, create_video(owner.id, CreateVideo(prompt=text), [CARD], START))


async def test_a_caption_that_mentions_somebody_asks_for_consent(carol: Cameo) -> None:
    bob, viewer = await person(), await person()
    (found,) = await fetch("SELECT account_id FROM cameos WHERE id = $1", carol.id)
    owner = found["account_id"]
    video, caption = await completed(bob.id), f"with @{carol.handle}!"
    assert (await posts.may_post(video.id, bob.id, at(1), caption))[0] is False
    assert (await posts.may_post(video.id, bob.id, at(1), "alone"))[0] is True
    await refused(Code.CONSENT_REFUSED, posts.post(video.id, bob.id, caption, at(1)))
    await granted(carol.id, owner, bob.id)
    post = await posts.post(video.id, bob.id, caption, at(2))
    assert post.video.cameos == [carol.id]
    assert await shown(post, viewer.id)
    # It is hers as any other: in her uses, and hidden or deleted with them.
    assert [use.video_id for use in await receipts.list_uses(carol.id, owner)] == [video.id]
    remix = await completed(bob.id, source=video.id)
    assert remix.cameos == [carol.id]
    await cameos.revoke(carol.id, owner, RevokeCameo(mode=RevokeMode.TOMBSTONE), now=at(4))
    for _ in range(2):
        for each in (video.id, remix.id):
            await refused(Code.GONE, visibility.get_playable(each, bob.id, NOW))
        await sweep()
    assert await receipts.list_uses(carol.id, owner) == []


async def test_ones_own_cameo_may_be_mentioned() -> None:
    owner = await person()
    mine = await cameo(owner.id, Audience.ONLY_ME)
    video = await create_video(owner.id, CreateVideo(prompt=f"@{mine.handle} jumps"), [CARD], START)
    for job in await lease_all():
        assert await complete(job.id, job.attempt)
    assert (await posts.post(video.id, owner.id, f"me, @{mine.handle}", at(2))).video.cameos == [mine.id]
