"""Consent taken back: what each mode reaches, at once and in the end, whoever made what from it."""

from __future__ import annotations

import pytest

from db.engine import fetch
from domain import media_keys
from domain.accounts import social
from domain.consent import cameos, grants, receipts
from domain.consent.policy import UseReason
from domain.consent.reach import reach
from domain.events import stream
from domain.feed import feed, posts
from domain.videos import leases, to_wire, visibility
from domain.videos.delete import delete_video
from schemas.cameos import Audience, PatchCameo, RequestCameo, Restrictions, RevokeCameo, RevokeMode, Scope
from schemas.errors import Code, RiffleError
from schemas.events import EventName, inbox_stream, video_stream
from schemas.feed import Cut
from schemas.videos import Relation, Source, Status, Tier
from tests.build import NOW, at, cameo, complete, completed, ledger_adds_up, loose, person, queue
from tests.domain.family import ASKING, Family, code_of, granted, shown, sweep


async def test_block_new_leaves_alone_what_there_is(family: Family) -> None:
    running, *_ = await queue(family.bob, cameos=(family.face,))
    await family.revoke(RevokeMode.BLOCK_NEW, grantee=family.handle)
    assert (await visibility.get_viewable(running.id, family.bob, NOW)).error_code == Code.CONSENT_REVOKED
    assert await code_of(queue(family.bob, cameos=(family.face,))) is Code.CONSENT_REFUSED
    assert await code_of(posts.post(family.draft.id, family.bob, None, at(6))) is Code.CONSENT_REFUSED
    await visibility.get_playable(family.draft.id, family.bob, NOW)
    await sweep()
    assert await family.shown() == (True, True, True, True)
    await completed(family.eve, source=family.first.video.id)


async def test_block_new_of_the_whole_cameo_does_too(family: Family) -> None:
    await family.revoke(RevokeMode.BLOCK_NEW)
    await sweep()
    assert await family.shown() == (True, True, True, True)
    for who in (family.ada, family.bob, family.eve):
        assert await code_of(queue(who, cameos=(family.face,))) is Code.CONSENT_REFUSED
    # What was hidden before stays hidden, and a stronger word can follow the last one.
    await family.revoke(RevokeMode.HIDE_POSTS)
    assert await family.shown() == (False, False, False, True)


@pytest.mark.parametrize("by", ["grantee", "grant_id"])
@pytest.mark.parametrize("swept", [False, True])
async def test_hiding_reaches_what_others_made_from_it(family: Family, by: str, swept: bool) -> None:
    await family.revoke(RevokeMode.HIDE_POSTS, **{by: family.handle if by == "grantee" else family.grant})
    if swept:
        await sweep()
    assert await family.shown() == (False, False, True, True)
    assert (await visibility.get_playable(family.first.video.id, family.bob, NOW)).video_key
    payload = Source(relation=Relation.REMIX, video_ids=[family.remix.video.id])
    assert await code_of(queue(family.eve, source=payload)) is Code.CONSENT_REFUSED
    # Trusted again, bob may go on; what was hidden stays so.
    await granted(family.face, family.ada, family.bob)
    assert await family.shown() == (False, False, True, True)
    again = await completed(family.bob, cameos=(family.face,))
    assert await shown(await posts.post(again.id, family.bob, None, at(7)), family.viewer)


@pytest.mark.parametrize("swept", [False, True])
async def test_a_tombstone_shows_no_more_than_that_something_was_there(family: Family, swept: bool) -> None:
    before = await fetch(
        "SELECT video_key, thumbnail_key, spritesheet_key, latents_key FROM videos WHERE id = $1",
        family.remix.video.id,
    )
    await family.revoke(RevokeMode.TOMBSTONE, grantee=family.handle)
    if swept:
        await sweep()
    for item in (family.first, family.remix):
        for who in (family.viewer, family.bob, family.eve, family.ada):
            video = await to_wire.to_video(await visibility.get_viewable(item.video.id, who, NOW))
            assert (video.prompt, video.recipe.prompt) == ("", "")
            assert video.tombstone is not None
            assert "available" in video.tombstone.reason
            seen = await posts.get_post(item.id, who, NOW)
            assert (seen.caption, seen.video.tombstone) == ("", video.tombstone)
            assert await code_of(visibility.get_playable(item.video.id, who, NOW)) is Code.GONE
            assert not await visibility.can_follow(video_stream(item.video.id), who, NOW)
        assert item.trend_id not in {
            found.trend.id for found in (await feed.trends(Cut.FRESH, None, 50, family.viewer, NOW)).items
        }
    assert await shown(family.own, family.viewer)
    assert await shown(family.plain, family.viewer)
    assert family.first.video.id not in {
        use.video_id for use in await receipts.list_uses(family.face, family.ada)
    }
    if swept:
        assert set(before[0].values()) <= await loose()
        (row,) = await fetch("SELECT * FROM videos WHERE id = $1", family.remix.video.id)
        assert (row["video_key"], row["latents_key"], row["prompt"], row["sealed"]) == (
            None,
            None,
            "",
            "a dog",
        )


async def test_a_tombstone_of_everything_takes_the_picture_too(family: Family) -> None:
    await media_keys.reserve(["cameos/a.webp"])
    await cameos.set_reference(family.face, family.ada, "cameos/a.webp", "0" * 64, now=at(4))
    await family.revoke(RevokeMode.TOMBSTONE)
    assert "cameos/a.webp" in await loose()
    assert not (await cameos.get(family.face, family.ada)).has_reference
    assert await shown(family.plain, family.viewer)
    assert await code_of(visibility.get_playable(family.own.video.id, family.eve, NOW)) is Code.GONE


async def test_the_owner_deletes_one_use_and_what_came_of_it(family: Family) -> None:
    (child,) = await queue(
        family.eve, source=Source(relation=Relation.REMIX, video_ids=[family.remix.video.id])
    )
    balance = await ledger_adds_up(family.eve)
    assert (
        await code_of(receipts.delete_use(family.face, family.bob, family.first.video.id, now=at(4)))
        is Code.NOT_FOUND
    )
    assert (
        await code_of(receipts.delete_use(family.face, family.ada, family.plain.video.id, now=at(4)))
        is Code.NOT_FOUND
    )
    assert await code_of(receipts.delete_use(family.face, family.ada, "video_0", now=at(4))) is Code.NOT_FOUND
    await receipts.delete_use(family.face, family.ada, family.first.video.id, now=at(4))
    ended = await visibility.get_viewable(child.id, family.eve, NOW)
    assert (ended.status, ended.error_code) == (Status.FAILED, Code.CONSENT_REVOKED)
    assert await ledger_adds_up(family.eve) == balance + 1
    for item in (family.first, family.remix):
        assert await code_of(visibility.get_playable(item.video.id, family.viewer, NOW)) is Code.GONE
    await sweep()
    assert await shown(family.own, family.viewer)
    assert (await visibility.get_playable(family.draft.id, family.bob, NOW)).id == family.draft.id
    # bob himself did nothing that counts against him.
    await completed(family.bob, cameos=(family.face,))


async def test_somebody_without_a_grant_can_be_shut_out(family: Family) -> None:
    public = await cameo(family.ada)
    post = await posts.post((await completed(family.bob, cameos=(public.id,))).id, family.bob, None, at(4))
    await cameos.revoke(public.id, family.ada, RevokeCameo(grantee=family.handle), now=at(5))
    assert not await shown(post, family.viewer)
    with pytest.raises(RiffleError, match=UseReason.GRANT_REVOKED):
        await queue(family.bob, cameos=(public.id,))
    await queue(family.eve, cameos=(public.id,))
    await granted(public.id, family.ada, family.bob)
    await queue(family.bob, cameos=(public.id,))


async def test_the_owner_hears_of_every_use_at_once(family: Family) -> None:
    heard = [
        event
        for event in await stream.since(inbox_stream(family.ada), 0, 100)
        if event.name is EventName.CAMEO_USED
    ]
    assert [(event.data["by"], event.data["action"]) for event in heard[:2]] == [
        (family.handle, "preview"),
        (family.handle, "post"),
    ]
    rows = await queue(family.bob, 3, cameos=(family.face,), tier=Tier.PREVIEW)
    last = (await stream.since(inbox_stream(family.ada), 0, 100))[-1]
    assert last.data["video_ids"] == [row.id for row in rows]
    count = len(await stream.since(inbox_stream(family.ada), 0, 100))
    await queue(family.ada, cameos=(family.face,))
    assert len(await stream.since(inbox_stream(family.ada), 0, 100)) == count


async def test_the_words_of_the_lineage_count_deleted_or_not() -> None:
    ada, bob = await person(), await person()
    strict = await cameo(ada.id, restrictions=Restrictions(words=["rain"]))
    first = await completed(bob.id, prompt="a cat in the rain")
    second = await completed(bob.id, prompt="a cat", source=first.id)
    payload = Source(relation=Relation.REMIX, video_ids=[second.id])
    with pytest.raises(RiffleError, match=UseReason.RESTRICTED_WORDS):
        await queue(bob.id, prompt="a dog", source=payload, cameos=(strict.id,))
    await delete_video(first.id, bob.id, at(5))
    with pytest.raises(RiffleError, match=UseReason.RESTRICTED_WORDS):
        await queue(bob.id, prompt="a dog", source=payload, cameos=(strict.id,))
    assert (await visibility.get_viewable(second.id, bob.id, NOW)).prompt == "a cat"
    lone = await completed(bob.id, prompt="in the rain")
    await delete_video(lone.id, bob.id, at(6))
    assert (await fetch("SELECT sealed FROM videos WHERE id = $1", lone.id))[0]["sealed"] is None


async def test_several_sources_bring_all_their_cameos() -> None:
    ada, eve, bob = await person(), await person(), await person()
    one, other = await cameo(ada.id), await cameo(eve.id, restrictions=Restrictions(no_others=True))
    left, right = await completed(bob.id, cameos=(one.id,)), await completed(bob.id, cameos=(other.id,))
    deep = await completed(bob.id, source=right.id)
    with pytest.raises(RiffleError, match=UseReason.NO_OTHERS):
        await queue(bob.id, source=Source(relation=Relation.STITCH, video_ids=[left.id, deep.id]))
    third = await completed(bob.id)
    (row,) = await queue(bob.id, source=Source(relation=Relation.STITCH, video_ids=[left.id, third.id]))
    assert row.cameos == [one.id]
    await cameos.revoke(one.id, ada.id, RevokeCameo(), now=at(5))
    assert (await visibility.get_viewable(row.id, bob.id, NOW)).error_code == Code.CONSENT_REVOKED


async def test_posting_can_need_approval_of_that_very_video() -> None:
    ada, bob, viewer = await person(), await person(), await person()
    face = await cameo(ada.id, restrictions=Restrictions(approve_posts=True))
    draft, other = await completed(bob.id, cameos=(face.id,)), await completed(bob.id, cameos=(face.id,))
    with pytest.raises(RiffleError, match=UseReason.POST_NOT_APPROVED):
        await posts.post(draft.id, bob.id, None, at(3))
    allowed, verdicts = await posts.may_post(draft.id, bob.id, at(3))
    assert (allowed, verdicts[face.id].ask) == (False, "this video")
    assert await code_of(granted(face.id, ada.id, viewer.id, Scope(video_id=draft.id))) is Code.NOT_FOUND
    grant = await granted(face.id, ada.id, bob.id, Scope(video_id=draft.id))
    post = await posts.post(draft.id, bob.id, None, at(4))
    assert [(item.action, item.grant_id) for item in await receipts.of_video(draft.id)] == [
        ("draw", None),
        ("post", grant),
    ]
    assert await shown(post, viewer.id)
    with pytest.raises(RiffleError, match=UseReason.OTHER_VIDEO):
        await posts.post(other.id, bob.id, None, at(4))
    await cameos.revoke(face.id, ada.id, RevokeCameo(grant_id=grant), now=at(5))
    assert not await shown(post, viewer.id)


async def test_a_grant_for_one_trend_is_for_that_trend() -> None:
    ada, bob = await person(), await person()
    face = await cameo(ada.id, ASKING)
    root = await posts.post((await completed(bob.id)).id, bob.id, None, at(2))
    away = await posts.post((await completed(bob.id)).id, bob.id, None, at(2))
    assert await code_of(granted(face.id, ada.id, bob.id, Scope(trend="post_0"))) is Code.NOT_FOUND
    await granted(face.id, ada.id, bob.id, Scope(trend=root.trend_id))
    for source in (None, away.video.id):
        with pytest.raises(RiffleError, match=UseReason.OTHER_TREND):
            await completed(bob.id, source=source, cameos=(face.id,))
    inside = await completed(bob.id, source=root.video.id, cameos=(face.id,))
    deeper = await completed(bob.id, source=inside.id)
    post = await posts.post(deeper.id, bob.id, None, at(3))
    assert post.trend_id == root.trend_id
    assert await shown(post, ada.id)
    assert await shown(post, (await person()).id)


async def test_what_ends_without_a_word_takes_effect_within_one_step() -> None:
    """A block, an unfollowing or an hour that strikes: the next step of a running video notices."""
    ada, bob = await person(), await person()
    face = await cameo(ada.id, ASKING)
    until = int(at(50).timestamp())
    await granted(face.id, ada.id, bob.id, Scope(until=until))
    (row,) = await queue(bob.id, cameos=(face.id,), now=at(2))
    await leases.lease("w", limit_preview=100, limit_full=0, now=at(3), ttl_s=100)
    assert await leases.step(row.id, 1, i=1, n=4, picture=b"webp", now=at(4))
    assert not await leases.step(row.id, 1, i=2, n=4, picture=b"webp", now=at(50))
    ended = await visibility.get_viewable(row.id, bob.id, NOW)
    assert (ended.status, ended.error_code) == (Status.FAILED, Code.CONSENT_REVOKED)
    log = await stream.since(video_stream(row.id), 0, 10)
    assert [event.picture for event in log] == [None] * 4
    assert await ledger_adds_up(bob.id) == 1000
    assert not await complete(row.id, 1)
    # Nothing that has run out is leased; and it's written down as expired.
    assert await cameos.expire(now=at(51)) == 1
    (grant,) = await grants.list_requests(bob.id, "grantee", now=at(51))
    assert (grant.status, grant.revision) == ("expired", 3)
    assert await cameos.expire(now=at(51)) == 0


async def test_who_is_blocked_sees_nothing_of_the_likeness(family: Family) -> None:
    await social.block(family.ada, family.viewer, at(5))
    assert await family.shown() == (False, False, False, True)
    await social.block(family.ada, family.bob, at(5))
    assert await code_of(visibility.get_playable(family.draft.id, family.bob, NOW)) is Code.NOT_FOUND
    assert (await visibility.get_viewable(family.draft.id, family.bob, NOW)).id == family.draft.id
    assert not await visibility.can_follow(video_stream(family.draft.id), family.bob, NOW)


async def test_deleting_all_of_a_person_reaches_what_every_permission_made(family: Family) -> None:
    """Hidden before, under a grant that has ended, under the audience, from others' posts: all of it."""
    face, ada, bob = family.face, family.ada, family.bob
    made = [family.first.video.id, family.draft.id, family.remix.video.id]
    await family.revoke(RevokeMode.HIDE_POSTS, grant_id=family.grant)
    second = await granted(face, ada, bob)
    made += [(await completed(bob, cameos=(face,))).id, (await completed(bob, source=family.own.video.id)).id]
    await cameos.patch(face, ada, PatchCameo(audience=Audience.EVERYONE), now=at(7))
    made.append((await completed(bob, cameos=(face,))).id)
    before = await receipts.list_uses(face, ada)

    one = await reach(face, ada, RevokeCameo(mode=RevokeMode.TOMBSTONE, grant_id=second))
    assert (one.scope, one.grantee, one.grant_id) == ("grant", None, second)
    wanted = RevokeCameo(mode=RevokeMode.TOMBSTONE, grantee=family.handle)
    promised = await reach(face, ada, wanted)
    assert (promised.scope, promised.grantee, promised.videos, promised.deleted) == (
        "person",
        family.handle,
        6,
        6,
    )
    assert one.videos < promised.videos
    # bob's first post is hidden already; eve's remix of it with it.
    hides = await reach(face, ada, RevokeCameo(mode=RevokeMode.HIDE_POSTS, grantee=family.handle))
    assert (hides.videos, hides.posts, hides.hidden, hides.deleted) == (6, 2, 0, 0)

    revoked = await cameos.revoke(face, ada, wanted, now=at(8))
    assert revoked.reached == promised
    left = {use.video_id for use in before} - set(made)
    for _ in range(2):
        assert {use.video_id for use in await receipts.list_uses(face, ada)} == left == {family.own.video.id}
        assert (await reach(face, ada, wanted)).videos == 0
        for video in made:
            maker = family.eve if video == family.remix.video.id else bob
            assert await code_of(visibility.get_playable(video, maker, NOW)) is Code.GONE
        await sweep()
    keys = await fetch("SELECT video_key FROM videos WHERE id = ANY ($1::text[])", made)
    assert {row["video_key"] for row in keys} == {None}
    # All of everybody: what is left.
    whole = RevokeCameo(mode=RevokeMode.TOMBSTONE)
    assert (await reach(face, ada, whole)).videos == 1
    assert (await cameos.revoke(face, ada, whole, now=at(9))).reached.deleted == 1  # type: ignore[union-attr]
    assert await receipts.list_uses(face, ada) == []


async def test_what_is_reached_is_for_the_owner_alone(family: Family) -> None:
    wanted = RevokeCameo(mode=RevokeMode.TOMBSTONE)
    assert await code_of(reach(family.face, family.bob, wanted)) is Code.NOT_FOUND
    nobody = RevokeCameo(mode=RevokeMode.TOMBSTONE, grantee="nobody_at_all")
    assert await code_of(reach(family.face, family.ada, nobody)) is Code.NOT_FOUND
    other = (await cameo(family.ada)).id
    theirs = RevokeCameo(mode=RevokeMode.TOMBSTONE, grant_id=family.grant)
    assert await code_of(reach(other, family.ada, theirs)) is Code.NOT_FOUND


async def sent_to_watchers(family: Family) -> list[bool]:
    """Whether who looks at them was told to read each post with the face again; those without never are."""
    seen = []
    for item in (family.first, family.remix, family.own, family.plain):
        events = await stream.since(video_stream(item.video.id), 0, 100)
        seen.append(any(event.name == EventName.VIDEO_WITHDRAWN for event in events))
    assert not seen[3]
    return seen[:3]


@pytest.mark.parametrize("how", ["audience", "restrictions", "a grant that ran out", "a name"])
async def test_who_looks_at_posts_hears_when_consent_ends_otherwise(family: Family, how: str) -> None:
    if how == "a grant that ran out":
        grant = await grants.request(
            family.face, family.viewer, RequestCameo(scope=Scope(until=int(at(6).timestamp()))), now=at(4)
        )
        await grants.answer(grant.id, family.ada, True, now=at(5))
        assert await cameos.expire(now=at(7)) == 1
    else:
        change = {
            "audience": PatchCameo(audience=Audience.ONLY_ME),
            "restrictions": PatchCameo(restrictions=Restrictions(words=["beach"])),
            "a name": PatchCameo(display_name="Ada"),
        }[how]
        await cameos.patch(family.face, family.ada, change, now=at(5))
    assert await sent_to_watchers(family) == [how != "a name"] * 3
