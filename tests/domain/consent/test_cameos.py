"""Cameos: asked for, answered, used, revoked; and what a revocation reaches."""

from __future__ import annotations

import asyncio

import pytest

from db.engine import fetch
from domain.accounts import social
from domain.consent import cameos, grants, ledger, receipts
from domain.consent.facts import CameoRequester, cameo_facts
from domain.consent.policy import ASK_AGAIN_AFTER_S, POLICY_VERSION, UseReason, UseRequest, decide
from domain.events import stream
from domain.feed import feed, lanes, posts
from domain.videos import leases, transitions, visibility
from schemas.cameos import Audience, GrantStatus, PatchCameo, RequestCameo, Restrictions, RevokeCameo, Scope
from schemas.errors import Code, RiffleError
from schemas.events import EventName, inbox_stream, video_stream
from schemas.feed import Cut, LaneOrder
from schemas.videos import Relation, Status
from tests.build import NOW, at, cameo, complete, completed, lease_all, ledger_adds_up, person, queue

ASKING = Audience.PEOPLE_I_APPROVE


async def refused(code: Code, doing: object) -> str:
    with pytest.raises(RiffleError) as caught:
        await doing  # type: ignore[misc]
    assert caught.value.code is code, caught.value
    return caught.value.message


async def inbox(account: str) -> list[tuple[EventName, str]]:
    found = await stream.since(inbox_stream(account), 0, 100)
    return [(event.name, event.data["grant"]["id"]) for event in found if "grant" in event.data]


async def granted(cameo_id: str, owner: str, grantee: str, scope: Scope | None = None) -> str:
    grant = await grants.request(cameo_id, grantee, RequestCameo(scope=scope or Scope()), now=at(0))
    assert (await grants.answer(grant.id, owner, True, now=at(1))).status is GrantStatus.ACCEPTED
    return grant.id


async def test_a_cameo_is_a_row_of_revisions() -> None:
    ada, bob = await person(), await person()
    first, second = await asyncio.gather(cameo(ada.id, ASKING), cameo(ada.id))
    assert {first.handle, second.handle} == {ada.handle, f"{ada.handle}.2"}
    payload = PatchCameo(audience=Audience.EVERYONE, restrictions=Restrictions(words=["rain"]))
    changed = await cameos.patch(first.id, ada.id, payload, now=at(1))
    assert (changed.revision, changed.audience, changed.display_name) == (2, Audience.EVERYONE, "Face")
    assert (await cameos.get(first.id, bob.id)).restrictions is None
    assert {item.id for item in await cameos.list_own(ada.id)} == {first.id, second.id}
    await refused(Code.NOT_FOUND, cameos.patch(first.id, bob.id, payload, now=at(2)))
    gone = await cameos.revoke(first.id, ada.id, RevokeCameo(), now=at(3))
    assert (gone.status, gone.revision) == ("revoked", 3)
    assert (await cameos.revoke(first.id, ada.id, RevokeCameo(), now=at(4))).revision == 3
    await refused(Code.INVALID_STATE, cameos.patch(first.id, ada.id, payload, now=at(5)))
    kept = await fetch("SELECT revision FROM cameo_revisions WHERE cameo_id = $1 ORDER BY id", first.id)
    assert [row["revision"] for row in kept] == [1, 2, 3]
    await social.block(ada.id, bob.id, at(6))
    await refused(Code.NOT_FOUND, cameos.get(second.id, bob.id))


async def test_asking_and_answering_reaches_both_inboxes() -> None:
    ada, bob, eve = await person(), await person(), await person()
    mine = await cameo(ada.id, ASKING)
    grant = await grants.request(mine.id, bob.id, RequestCameo(message="please"), now=at(0))
    assert (grant.status, grant.grantee, grant.message) == (GrantStatus.PENDING, bob.handle, "please")
    await refused(Code.CONFLICT, grants.request(mine.id, bob.id, RequestCameo(), now=at(1)))
    await refused(Code.INVALID_REQUEST, grants.request(mine.id, ada.id, RequestCameo(), now=at(1)))
    await refused(Code.NOT_FOUND, grants.request("cameo_0", bob.id, RequestCameo(), now=at(1)))
    past = RequestCameo(scope=Scope(until=1))
    await refused(Code.INVALID_REQUEST, grants.request(mine.id, eve.id, past, now=at(1)))
    await refused(Code.NOT_FOUND, grants.answer(grant.id, eve.id, True, now=at(2)))
    await refused(Code.NOT_FOUND, grants.answer(grant.id, bob.id, True, now=at(2)))
    assert [item.id for item in await grants.list_requests(ada.id, "owner", now=at(2))] == [grant.id]
    accepted = await grants.answer(grant.id, ada.id, True, now=at(2))
    assert (accepted.status, accepted.revision) == (GrantStatus.ACCEPTED, 2)
    await refused(Code.INVALID_STATE, grants.answer(grant.id, ada.id, False, now=at(3)))
    assert await inbox(ada.id) == [(EventName.CAMEO_REQUESTED, grant.id)]
    assert await inbox(bob.id) == [(EventName.CAMEO_ACCEPTED, grant.id)]
    await cameos.revoke(mine.id, ada.id, RevokeCameo(grantee=bob.handle), now=at(4))
    assert (await inbox(bob.id))[1:] == [(EventName.CAMEO_REVOKED, grant.id)]
    kept = (await ledger.read_page(mine.id, ada.id, 0, 100)).data
    assert [item.body.get("status") for item in kept if item.kind == "grant"] == [
        "pending",
        "accepted",
        "revoked",
    ]
    await refused(Code.NOT_FOUND, ledger.read_page(mine.id, bob.id, 0, 100))
    for nobody in ("no_such_person", ada.handle):
        await refused(Code.NOT_FOUND, cameos.revoke(mine.id, ada.id, RevokeCameo(grantee=nobody), now=at(5)))
    await refused(Code.NOT_FOUND, cameos.revoke(mine.id, ada.id, RevokeCameo(grant_id="grant_0"), now=at(5)))


async def test_many_requests_at_once_are_one() -> None:
    ada, bob = await person(), await person()
    mine = await cameo(ada.id, ASKING)
    tries = await asyncio.gather(
        *(grants.request(mine.id, bob.id, RequestCameo(), now=at(0)) for _ in range(8)),
        return_exceptions=True,
    )
    assert sum(not isinstance(item, BaseException) for item in tries) == 1
    answers = await asyncio.gather(
        *(grants.answer(await_id(tries), ada.id, bool(i % 2), now=at(1)) for i in range(6)),
        return_exceptions=True,
    )
    assert sum(not isinstance(item, BaseException) for item in answers) == 1


def await_id(tries: list[object]) -> str:
    return next(item.id for item in tries if not isinstance(item, BaseException))  # type: ignore[attr-defined]


async def test_a_refusal_holds_for_a_day_and_an_old_request_runs_out() -> None:
    ada, bob = await person(), await person()
    mine = await cameo(ada.id, ASKING)
    grant = await grants.request(mine.id, bob.id, RequestCameo(), now=at(0))
    await grants.answer(grant.id, ada.id, False, now=at(10))
    await refused(Code.CONFLICT, grants.request(mine.id, bob.id, RequestCameo(), now=at(ASK_AGAIN_AFTER_S)))
    until = int(at(ASK_AGAIN_AFTER_S + 100).timestamp())
    later = at(ASK_AGAIN_AFTER_S + 11)
    second = await grants.request(mine.id, bob.id, RequestCameo(scope=Scope(until=until)), now=later)
    (shown,) = [
        item
        for item in await grants.list_requests(ada.id, "owner", now=at(2 * ASK_AGAIN_AFTER_S))
        if item.id == second.id
    ]
    assert shown.status is GrantStatus.EXPIRED
    await refused(Code.INVALID_STATE, grants.answer(second.id, ada.id, True, now=at(2 * ASK_AGAIN_AFTER_S)))
    third = await grants.request(mine.id, bob.id, RequestCameo(), now=at(2 * ASK_AGAIN_AFTER_S))
    assert third.status is GrantStatus.PENDING
    await cameos.patch(mine.id, ada.id, PatchCameo(audience=Audience.ONLY_ME), now=at(2 * ASK_AGAIN_AFTER_S))
    eve = await person()
    await refused(Code.CONSENT_REFUSED, grants.request(mine.id, eve.id, RequestCameo(), now=at(3)))


async def test_the_database_refuses_illegal_steps() -> None:
    ada, bob = await person(), await person()
    mine = await cameo(ada.id, ASKING)
    grant_id = await granted(mine.id, ada.id, bob.id)
    write = """
        INSERT INTO grants (grant_id, revision, cameo_id, grantee_id, status, scope, at, policy_version)
        VALUES ($1, $2, $3, $4, $5, '{}', now(), 1)
    """
    for revision, status in ((3, "pending"), (3, "refused"), (4, "revoked"), (2, "revoked"), (1, "accepted")):
        with pytest.raises(Exception, match=r"can not become|duplicate"):
            await fetch(write, grant_id, revision, mine.id, bob.id, status)
    await fetch(write, grant_id, 3, mine.id, bob.id, "revoked")


async def test_receipts_pin_what_was_permitted() -> None:
    ada, bob = await person(), await person()
    asking, public = await cameo(ada.id, ASKING), await cameo(ada.id)
    message = await refused(Code.CONSENT_REFUSED, queue(bob.id, cameos=(asking.id,)))
    assert UseReason.NOT_ASKED in message
    await refused(Code.NOT_FOUND, queue(bob.id, cameos=("cameo_0",)))
    assert await ledger_adds_up(bob.id) == 1000
    grant_id = await granted(asking.id, ada.id, bob.id)
    rows = await queue(bob.id, 2, cameos=(asking.id, public.id))
    for row in rows:
        found = await receipts.of_video(row.id)
        assert [(item.cameo_id, item.grant_id, item.revision, item.policy_version) for item in found] == [
            (asking.id, grant_id, 2, POLICY_VERSION),
            (public.id, None, 1, POLICY_VERSION),
        ]
    assert (await visibility.get_viewable(rows[0].id, ada.id, NOW)).id == rows[0].id
    assert {use.video_id for use in await receipts.list_uses(asking.id, ada.id)} == {row.id for row in rows}
    await refused(Code.NOT_FOUND, receipts.list_uses(asking.id, bob.id))


async def test_uses_are_counted_by_request_even_at_once() -> None:
    ada, bob = await person(), await person()
    mine = await cameo(ada.id, ASKING)
    await granted(mine.id, ada.id, bob.id, Scope(uses=2))
    tries = await asyncio.gather(
        *(queue(bob.id, 3, cameos=(mine.id,)) for _ in range(5)), return_exceptions=True
    )
    made = [item for item in tries if isinstance(item, list)]
    assert len(made) == 2
    assert await leases.recheck_consent(made[0][0].id, now=at(2)) == []
    for row in made[0]:
        await transitions.cancel(row.id, bob.id, at(3))
    (again,) = await queue(bob.id, cameos=(mine.id,))
    await lease_all()
    await complete(again.id, 1)
    render = await completed(bob.id, source=again.id, relation=Relation.RENDER)
    assert render.cameos == [mine.id]
    await refused(Code.CONSENT_REFUSED, queue(bob.id, cameos=(mine.id,)))


async def test_consent_follows_the_lineage() -> None:
    ada, bob, eve = await person(), await person(), await person()
    face, other = await cameo(ada.id, ASKING), await cameo(eve.id)
    await granted(face.id, ada.id, bob.id)
    first = await completed(bob.id, cameos=(face.id,))
    second = await completed(bob.id, source=first.id, cameos=(other.id,))
    assert set(second.cameos) == {face.id, other.id}
    await posts.post(second.id, bob.id, None, at(2))
    with pytest.raises(RiffleError, match=UseReason.NOT_ASKED):
        await completed(eve.id, source=second.id)
    await cameos.patch(face.id, ada.id, PatchCameo(restrictions=Restrictions(no_remix=True)), now=at(3))
    with pytest.raises(RiffleError, match=UseReason.NO_REMIX):
        await completed(bob.id, source=first.id)
    await completed(bob.id, source=first.id, relation=Relation.RENDER)


@pytest.mark.parametrize("how", ["grant", "person", "cameo", "audience", "words"])
async def test_what_ends_consent_ends_running_work_and_hides_posts(how: str) -> None:
    ada, bob, viewer = await person(), await person(), await person()
    mine = await cameo(ada.id, ASKING)
    grant_id = await granted(mine.id, ada.id, bob.id)
    posted = await completed(bob.id, cameos=(mine.id,))
    post = await posts.post(posted.id, bob.id, None, at(2))
    assert (await visibility.get_viewable(posted.id, viewer.id, NOW)).id == posted.id
    running, _ = await queue(bob.id, 2, cameos=(mine.id,))
    (plain,) = await queue(bob.id, now=at(1))
    await leases.lease("w", limit_preview=1, limit_full=0, now=at(3), ttl_s=60)
    balance = await ledger_adds_up(bob.id)
    if how == "audience":
        await cameos.patch(mine.id, ada.id, PatchCameo(audience=Audience.ONLY_ME), now=at(4))
    elif how == "words":
        words = Restrictions(words=["Beach"])
        await cameos.patch(mine.id, ada.id, PatchCameo(restrictions=words), now=at(4))
    else:
        payload = {
            "grant": RevokeCameo(grant_id=grant_id),
            "person": RevokeCameo(grantee=bob.handle),
            "cameo": RevokeCameo(),
        }[how]
        await cameos.revoke(mine.id, ada.id, payload, now=at(4))
    ended = await visibility.get_viewable(running.id, bob.id, NOW)
    assert (ended.status, ended.error_code) == (Status.FAILED, Code.CONSENT_REVOKED)
    assert (await visibility.get_viewable(plain.id, bob.id, NOW)).status is Status.QUEUED
    assert await ledger_adds_up(bob.id) == balance + 2
    assert not await complete(running.id, 1)
    last = (await stream.since(video_stream(running.id), 0, 10))[-1]
    assert (last.name, last.data["code"]) == (EventName.VIDEO_FAILED, Code.CONSENT_REVOKED)
    assert not await visibility.can_follow(video_stream(posted.id), viewer.id, NOW)
    await refused(Code.NOT_FOUND, visibility.get_viewable(posted.id, viewer.id, NOW))
    await refused(Code.NOT_FOUND, posts.get_post(post.id, viewer.id, NOW))
    await refused(Code.NOT_FOUND, lanes.lane(post.trend_id, LaneOrder.FRESH, None, 5, viewer.id, NOW))
    shown = await feed.trends(Cut.FRESH, None, 50, viewer.id, NOW)
    assert post.trend_id not in {item.trend.id for item in shown.items}
    draft = await visibility.get_viewable(posted.id, bob.id, NOW)
    await posts.delete_post(post.id, bob.id, at(5))
    await refused(Code.CONSENT_REFUSED, posts.post(draft.id, bob.id, None, at(6)))


async def test_facts_and_a_recheck() -> None:
    ada, bob = await person(), await person()
    mine = await cameo(ada.id, Audience.MUTUALS)
    ask = UseRequest(requester=bob.id, action="preview", prompt="a cat", now=at(0))
    (found,) = (await cameo_facts([CameoRequester(id, bob.id) for id in (mine.id, "cameo_0")])).values()
    assert not decide(found, ask).allowed
    await social.follow(ada.id, bob.id, at(0))
    await social.follow(bob.id, ada.id, at(0))
    (found,) = (await cameo_facts([CameoRequester(mine.id, bob.id)])).values()
    assert decide(found, ask).reason == UseReason.MUTUALS
    (row,) = await queue(bob.id, cameos=(mine.id,))
    assert await leases.recheck_consent(row.id, now=at(1)) == []
    await social.block(ada.id, bob.id, at(2))
    (decision,) = await leases.recheck_consent(row.id, now=at(3))
    assert (decision.cameo, decision.allowed, decision.reason) == (mine.id, False, UseReason.ONLY_ME)
