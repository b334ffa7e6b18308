"""The words of a lineage are judged once and stored; each change of words or restrictions is judged anew."""

from __future__ import annotations

from typing import Any

import pytest

from db.engine import fetch
from domain.consent import cameos, policy, text_verdicts, verdicts
from domain.consent.policy import Action, UseReason
from domain.feed import feed, posts
from domain.videos.record import VideoRow
from domain.videos.validate import MAX_ANCESTORS
from domain.videos.visibility import can_list
from schemas.cameos import Audience, PatchCameo, Restrictions, Topic
from schemas.errors import Code
from schemas.feed import Cut
from schemas.videos import Relation, Source, Tier
from tests.build import NOW, at, cameo, completed, person, queue, refused

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Every list of words that is judged, in order."""
    seen: list[list[str]] = []

    def counted(restrictions: Restrictions, texts: list[str]) -> UseReason | None:
        seen.append(texts)
        return policy.text_refusal(restrictions, texts)

    monkeypatch.setattr(text_verdicts, "text_refusal", counted)
    return seen


async def shown(row: VideoRow) -> set[str]:
    return await can_list([row], row.account_id, NOW)


async def reason(row: VideoRow, face: str) -> str:
    return (await verdicts.of_videos([row], Action.SHOW, now=NOW))[row.id][face].reason


async def test_a_long_lineage_is_judged_once(judged: list[list[str]]) -> None:
    ada, bob = (await person()).id, (await person()).id
    face = await cameo(ada, Audience.EVERYONE, restrictions=Restrictions(words=["rain"]))
    row = await completed(bob, prompt="a cat 0")
    for number in range(1, MAX_ANCESTORS + 1):
        # The likeness comes in at the end, with all the words before it.
        with_face = (face.id,) if number == MAX_ANCESTORS else ()
        row = await completed(bob, source=row.id, prompt=f"a cat {number}", cameos=with_face)
    post = await posts.post(row.id, bob, "a caption", at(2))
    judged.clear()
    for _ in range(3):
        assert await shown(row) == {row.id}
    assert len(judged) <= MAX_ANCESTORS + 1
    judged.clear()
    found = await feed.trends(Cut.FRESH, None, 10, ada, NOW)
    assert post.id in {item.lane.items[0].id for item in found.items}
    assert judged == []
    await refused(
        Code.INVALID_STATE,
        queue(bob, source=Source(relation=Relation.REMIX, video_ids=[row.id]), cameos=(face.id,)),
    )
    full = await completed(bob, source=row.id, relation=Relation.RENDER, tier=Tier.FULL, cameos=(face.id,))
    assert await shown(full) == {full.id}


async def test_changed_restrictions_and_words_are_judged_anew(judged: list[list[str]]) -> None:
    ada, bob = (await person()).id, (await person()).id
    face = await cameo(ada, Audience.EVERYONE, restrictions=Restrictions(words=["rain"]))
    first = await completed(bob, prompt="a cat")
    row = await completed(bob, source=first.id, prompt="a dog", cameos=(face.id,))
    await posts.post(row.id, bob, None, at(2))
    assert await reason(row, face.id) == UseReason.EVERYONE
    captioned = await posts.post(first.id, bob, "in the rain", at(3))
    assert await reason(row, face.id) == UseReason.RESTRICTED_WORDS
    assert await shown(row) == set()
    await posts.delete_post(captioned.id, bob, at(4))
    assert await reason(row, face.id) == UseReason.EVERYONE
    for changed, expected in (
        (Restrictions(styles=["cat"]), UseReason.RESTRICTED_STYLE),
        (Restrictions(words=["dog"], styles=["cat"]), UseReason.RESTRICTED_WORDS),
        (Restrictions(topics=list(Topic)), UseReason.EVERYONE),
        (Restrictions(), UseReason.EVERYONE),
    ):
        await cameos.patch(face.id, ada, PatchCameo(restrictions=changed), now=at(5))
        assert await reason(row, face.id) == expected


async def test_a_new_list_of_words_is_judged_anew(
    judged: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = (await person()).id, (await person()).id
    face = await cameo(ada, Audience.EVERYONE, restrictions=Restrictions(words=["rain"]))
    row = await completed(bob, prompt="a cat", cameos=(face.id,))
    await reason(row, face.id)
    judged.clear()
    await reason(row, face.id)
    assert judged == []
    monkeypatch.setattr(text_verdicts, "LISTS", "other")
    await reason(row, face.id)
    assert len(judged) == 1


async def test_what_there_is_no_time_for_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    ada, bob = (await person()).id, (await person()).id
    face = await cameo(ada, Audience.EVERYONE, restrictions=Restrictions(words=["rain"]))
    first = await completed(bob, prompt="a cat")
    row = await completed(bob, source=first.id, prompt="a dog", cameos=(face.id,))
    await posts.post(row.id, bob, None, at(2))
    await fetch("DELETE FROM text_verdicts")
    monkeypatch.setattr(text_verdicts, "MAX_JUDGED", 1)
    assert await shown(row) == set()
    # What was judged is kept, so the next reading gets further.
    assert await shown(row) == {row.id}


async def test_nothing_is_asked_for_cameos_without_such_restrictions(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(text_verdicts, "fetch", no)
    ada = (await person()).id
    face = await cameo(ada, Audience.EVERYONE)
    row = await completed(ada, cameos=(face.id,))
    assert await reason(row, face.id) == UseReason.OWNER
