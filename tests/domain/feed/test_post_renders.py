"""Posted previews are drawn in full, and their posts show that; whatever happens in between."""

from __future__ import annotations

import asyncio
import contextvars
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from db.engine import fetch, transaction
from domain.accounts import accounts
from domain.consent import receipts, revocations
from domain.events import stream
from domain.feed import feed, post_renders, posts
from domain.feed.post_renders import MAX_A_DAY, RETRY_AFTER, Outcome
from domain.safety import reports
from domain.videos import leases, visibility
from domain.videos.create import render_video
from domain.videos.delete import delete_video
from domain.videos.lineage import posted_ancestors
from domain.videos.record import VideoRow, in_order
from schemas.cameos import RevokeCameo, RevokeMode
from schemas.errors import Code
from schemas.events import EventName, video_stream
from schemas.feed import Cut, Post
from schemas.videos import Relation, Status, Tier
from tests.build import (
    CARD,
    NOW,
    START,
    TTL_S,
    at,
    cameo,
    complete,
    completed,
    lease_all,
    ledger_adds_up,
    person,
    queue,
    refused,
)

CARDS = [CARD]


async def work(now: datetime = NOW) -> None:
    """All that is due."""
    while await post_renders.run_batch(CARDS, now):
        pass


async def render_of(post: Post) -> VideoRow:
    (row,) = await fetch("SELECT render_id FROM post_renders WHERE post_id = $1", post.id)
    return (await in_order([row["render_id"]]))[0]


async def outcome_of(post: Post) -> str | None:
    (row,) = await fetch("SELECT outcome FROM post_renders WHERE post_id = $1", post.id)
    return None if row["outcome"] is None else str(row["outcome"])


async def lease_background(now: datetime = NOW) -> leases.LeasedJob:
    (job,) = await leases.lease("w", limit_preview=0, limit_full=0, limit_background=1, now=now, ttl_s=TTL_S)
    return job


async def draw(now: datetime = NOW) -> None:
    job = await lease_background(now)
    assert await complete(job.id, job.attempt, now)


async def posted(account: str, **given: object) -> Post:
    """A preview that was posted, whose render is queued."""
    made = await completed(account, **given)  # type: ignore[arg-type]
    post = await posts.post(made.id, account, None, at(1))
    await work()
    return post


async def test_a_posted_preview_is_drawn_in_full_and_shown_for_nothing() -> None:
    ada, bob = await person(), await person()
    post = await posted(ada.id)
    before = await ledger_adds_up(ada.id)
    render = await render_of(post)
    assert (render.tier, render.relation, render.background, render.price) == (
        Tier.FULL,
        Relation.RENDER,
        True,
        0,
    )
    assert render.recipe.seed == post.video.seed
    assert (await posts.get_post(post.id, bob.id, NOW)).video.id == post.video.id
    assert await visibility.can_view([render], bob.id, NOW) == set()
    await draw()
    await work()
    shown = await posts.get_post(post.id, bob.id, NOW)
    assert (shown.video.id, shown.video.tier, shown.video.post_id) == (render.id, Tier.FULL, post.id)
    assert (shown.closeness, shown.trend_id, shown.created_at) == (
        post.closeness,
        post.trend_id,
        post.created_at,
    )
    assert await outcome_of(post) == Outcome.SHOWN
    assert await ledger_adds_up(ada.id) == before
    told = (await stream.since(video_stream(post.video.id), 0, 100))[-1]
    assert (told.name, told.data) == (
        EventName.POST_RENDERED,
        {"post_id": post.id, "video_id": render.id},
    )
    # Who still shows the preview may go on to.
    assert await visibility.can_play(await in_order([post.video.id, render.id]), bob.id, NOW) == {
        post.video.id,
        render.id,
    }
    assert not await post_renders.is_any_due(NOW)


async def test_full_videos_and_stitches_are_shown_as_they_are() -> None:
    ada = await person()
    full = await completed(ada.id, tier=Tier.FULL)
    await posts.post(full.id, ada.id, None, at(1))
    assert not await post_renders.is_any_due(NOW)


@pytest.mark.parametrize("source", ["preview", "render"])
async def test_remixes_of_either_stand_in_the_trend(source: str) -> None:
    ada, bob = await person(), await person()
    post = await posted(ada.id)
    early = await completed(bob.id, source=post.video.id)
    await draw()
    await work()
    render = await render_of(post)
    made = early if source == "preview" else await completed(bob.id, source=render.id)
    remix = await posts.post(made.id, bob.id, None, at(3))
    assert (remix.trend_id, remix.source_post_id) == (post.trend_id, post.id)
    assert (await posts.get_post(post.id, ada.id, NOW)).remixes == 1
    assert {each.post_id for each in await posted_ancestors(made.id)} == {post.id}


async def test_what_is_taken_back_is_drawn_no_further() -> None:
    ada = await person()
    post = await posted(ada.id)
    await lease_background()
    await posts.delete_post(post.id, ada.id, at(2))
    await work()
    assert (await render_of(post)).status is Status.CANCELLED
    assert await outcome_of(post) == Outcome.GONE


async def test_one_that_is_posted_again_shows_the_render_that_is_there() -> None:
    ada = await person()
    post = await posted(ada.id)
    await draw()
    await work()
    render = await render_of(post)
    await posts.delete_post(post.id, ada.id, at(2))
    rows = await in_order([post.video.id, render.id])
    assert [row.post_id for row in rows] == [None, None]
    again = await posts.post(post.video.id, ada.id, None, at(3))
    await work()
    assert (await posts.get_post(again.id, ada.id, NOW)).video.id == render.id


@pytest.mark.parametrize("which", ["preview", "render"])
async def test_deleting_what_a_post_shows_takes_it_back(which: str) -> None:
    ada, bob = await person(), await person()
    post = await posted(ada.id)
    await draw()
    await work()
    render = await render_of(post)
    await delete_video(post.video.id if which == "preview" else render.id, ada.id, at(2))
    await refused(Code.NOT_FOUND, posts.get_post(post.id, bob.id, NOW))
    rows = await in_order([post.video.id, render.id])
    assert [row.deleted_at is not None for row in rows] == [which == "preview", True]
    for row in rows:
        assert (await stream.since(video_stream(row.id), 0, 100))[-1].name == EventName.VIDEO_WITHDRAWN


async def test_a_deleted_preview_takes_along_the_render_that_is_being_drawn() -> None:
    ada = await person()
    post = await posted(ada.id)
    job = await lease_background()
    await delete_video(post.video.id, ada.id, at(2))
    assert (await render_of(post)).status is Status.CANCELLED
    assert not await complete(job.id, job.attempt)
    await work()
    assert await outcome_of(post) == Outcome.GONE


async def test_what_fails_is_asked_for_again_and_not_for_ever() -> None:
    ada = await person()
    post = await posted(ada.id)
    now = NOW
    for wait in (*RETRY_AFTER, timedelta()):
        job = await lease_background(now)
        assert await leases.fail(job.id, job.attempt, code=Code.GENERATION_FAILED, message="x", now=now)
        await work(now)
        await work(now + wait / 2)
        now += wait + timedelta(seconds=1)
        await work(now)
    assert await outcome_of(post) == Outcome.FAILED
    assert (await posts.get_post(post.id, ada.id, NOW)).video.id == post.video.id
    rows = await fetch("SELECT count(*) AS n FROM sources WHERE parent_id = $1", post.video.id)
    assert rows[0]["n"] == 1 + len(RETRY_AFTER)


async def test_receipts_name_the_render_and_a_revocation_ends_it() -> None:
    ada, bob = await person(), await person()
    mine = await cameo(ada.id)
    post = await posted(bob.id, cameos=[mine.id])
    await draw()
    await work()
    render = await render_of(post)
    assert [each.action for each in await receipts.of_video(render.id)] == ["draw", "post"]
    await receipts.delete_use(mine.id, ada.id, render.id, now=at(4))
    rows = await in_order([post.video.id, render.id])
    assert [row.withheld for row in rows] == [RevokeMode.TOMBSTONE, RevokeMode.TOMBSTONE]
    assert post.trend_id not in [
        item.trend.id for item in (await feed.trends(Cut.FRESH, None, 50, "", NOW)).items
    ]


@pytest.mark.parametrize("drawn", [False, True])
async def test_consent_that_ends_in_between_leaves_no_render(drawn: bool) -> None:
    ada, bob = await person(), await person()
    mine = await cameo(ada.id)
    post = await posted(bob.id, cameos=[mine.id])
    if drawn:
        await draw()
    await revocations.revoke(mine.id, ada.id, RevokeCameo(mode=RevokeMode.BLOCK_NEW), now=at(4))
    await work()
    assert await outcome_of(post) == Outcome.REFUSED
    assert (await render_of(post)).post_id is None
    # What was posted before stands.
    assert (await posts.get_post(post.id, ada.id, NOW)).video.id == post.video.id


async def test_what_moderators_hide_is_hidden_as_a_whole() -> None:
    ada, bob = await person(), await person()
    post = await posted(ada.id)
    await draw()
    await work()
    render = await render_of(post)
    await reports.hide(post.video.id, "x", "moderator", now=at(5))
    assert await visibility.is_taken_down([render.id], NOW) == {render.id}
    await refused(Code.NOT_FOUND, posts.get_post(post.id, bob.id, NOW))
    assert (await stream.since(video_stream(render.id), 0, 100))[-1].name == EventName.VIDEO_WITHDRAWN


async def test_a_person_has_a_share_of_each_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_renders, "MAX_A_DAY", 1)
    assert MAX_A_DAY > 1
    ada = await person()
    first = await posted(ada.id)
    now = (await render_of(first)).created_at
    second = await completed(ada.id)
    post = await posts.post(second.id, ada.id, None, now)
    await work(now)
    (row,) = await fetch("SELECT render_id, outcome FROM post_renders WHERE post_id = $1", post.id)
    assert (row["render_id"], row["outcome"]) == (None, None)
    await work(now + timedelta(days=1, hours=1))
    assert (await render_of(post)).status is Status.QUEUED


async def test_people_s_renders_are_leased_first_and_their_places_know() -> None:
    ada, bob = await person(), await person()
    post = await posted(ada.id)
    own = await completed(bob.id)
    waiting = await render_video(bob.id, own.id, CARDS, at(9))
    assert waiting.queue is not None
    assert waiting.queue.position == 1
    jobs = await leases.lease("w", limit_preview=9, limit_full=9, limit_background=9, now=at(9), ttl_s=TTL_S)
    assert [job.id for job in jobs] == [waiting.id, (await render_of(post)).id]


async def test_what_the_demo_account_draws_waits_for_everybody() -> None:
    demo = await accounts.create(
        handle=f"d{uuid4().hex[:12]}", display_name="D", password_hash="!", demo=True, now=START
    )
    ada = await person()
    (first,) = await queue(demo.id)
    (second,) = await queue(ada.id)
    assert (await in_order([first.id]))[0].background
    assert [job.id for job in await lease_all()] == [second.id, first.id]


async def test_two_workers_ask_once() -> None:
    await work()
    ada = await person()
    made = await completed(ada.id)
    post = await posts.post(made.id, ada.id, None, at(1))
    async with transaction():
        await fetch("SELECT FROM post_renders WHERE post_id = $1 FOR UPDATE", post.id)
        other = asyncio.create_task(post_renders.run_batch(CARDS, NOW), context=contextvars.Context())
        assert not await other
    await work()
    assert (await render_of(post)).status is Status.QUEUED
