"""Posts, trends and lanes."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from db.engine import fetch, transaction
from domain.accounts import social
from domain.events import stream
from domain.feed import feed, lanes, posts
from domain.feed.cursors import encode_cursor
from domain.videos.delete import delete_video
from schemas.errors import Code, RiffleError
from schemas.events import EventName, inbox_stream
from schemas.feed import Cut, LaneOrder, Post
from schemas.videos import Relation
from tests.build import NOW, at, completed, person, queue


async def refused(code: Code, doing: object) -> None:
    with pytest.raises(RiffleError) as caught:
        await doing  # type: ignore[misc]
    assert caught.value.code is code


async def posted(
    account: str,
    second: float,
    *,
    source: str | None = None,
    prompt: str = "a cat on a beach",
    closeness: dict[str, float] | None = None,
) -> Post:
    row = await completed(account, prompt=prompt, source=source, closeness=closeness, now=at(second))
    return await posts.post(row.id, account, None, at(second))


async def all_trends(cut: Cut, viewer: str, limit: int = 2) -> list[str]:
    seen: list[str] = []
    cursor = None
    while True:
        page = await feed.trends(cut, cursor, limit, viewer, NOW)
        assert len(page.items) <= limit
        seen += [item.trend.id for item in page.items]
        cursor = page.cursor
        if cursor is None:
            return seen


async def all_lane(trend: str, order: LaneOrder, viewer: str, limit: int = 2) -> list[str]:
    seen: list[str] = []
    cursor = None
    while True:
        page = await lanes.lane(trend, order, cursor, limit, viewer, NOW)
        seen += [item.post.id for item in page.items]
        cursor = page.cursor
        if cursor is None:
            return seen


async def test_only_an_own_completed_video_is_posted_once() -> None:
    ada, bob = await person(), await person()
    row = await completed(ada.id)
    await refused(Code.NOT_FOUND, posts.post(row.id, bob.id, None, at(1)))
    await refused(Code.NOT_FOUND, posts.post("video_0", bob.id, None, at(1)))
    (waiting,) = await queue(ada.id)
    await refused(Code.INVALID_STATE, posts.post(waiting.id, ada.id, None, at(1)))
    tries = await asyncio.gather(
        *(posts.post(row.id, ada.id, "hi", at(1)) for _ in range(5)), return_exceptions=True
    )
    (made,) = [item for item in tries if isinstance(item, Post)]
    assert (made.caption, made.trend_id, made.source_post_id) == ("hi", made.id, None)
    assert (made.closeness.source, made.closeness.root) == (None, 1.0)
    assert {item.code for item in tries if isinstance(item, RiffleError)} == {Code.CONFLICT}
    await refused(Code.NOT_FOUND, posts.delete_post(made.id, bob.id, at(2)))
    await posts.delete_post(made.id, ada.id, at(2))
    await refused(Code.NOT_FOUND, posts.get_post(made.id, ada.id, NOW))
    await refused(Code.NOT_FOUND, posts.delete_post(made.id, ada.id, at(2)))
    assert (await posts.post(row.id, ada.id, None, at(3))).id != made.id


async def test_a_remix_of_a_remix_joins_the_trend_through_drafts() -> None:
    ada, bob = await person(), await person()
    root = await posted(ada.id, 1)
    draft = await completed(bob.id, source=root.video.id)
    render = await completed(
        bob.id, source=draft.id, relation=Relation.RENDER, closeness={draft.id: 0.9, root.video.id: 0.7}
    )
    near = await posts.post(render.id, bob.id, None, at(3))
    assert (near.trend_id, near.source_post_id) == (root.id, root.id)
    assert (near.closeness.source, near.closeness.root) == (0.7, 0.7)
    third = await posted(bob.id, 4, source=render.id, closeness={render.id: 0.5, root.video.id: 0.2})
    assert (third.trend_id, third.source_post_id) == (root.id, near.id)
    assert (third.closeness.source, third.closeness.root) == (0.5, 0.2)
    (event,) = await stream.since(inbox_stream(ada.id), 0, 10)
    assert event.name is EventName.POST_REMIXED
    assert (event.data["post_id"], event.data["source_post_id"], event.data["by"]) == (
        near.id,
        root.id,
        bob.handle,
    )
    assert await stream.since(inbox_stream(bob.id), 0, 10) == []
    assert (await posts.get_post(root.id, ada.id, NOW)).remixes == 1
    await posts.delete_post(near.id, bob.id, at(5))
    assert (await posts.get_post(root.id, ada.id, NOW)).remixes == 0
    later = await posted(ada.id, 6, source=third.video.id)
    assert later.trend_id == root.id


async def test_lanes_in_every_order_meet_every_post_once() -> None:
    ada, viewer = await person(), await person()
    root = await posted(ada.id, 101, prompt="a cat sleeps on a beach")
    made = [root]
    for i, near in enumerate([0.4, 0.9, None, 0.9, 0.1]):
        closeness = None if near is None else {root.video.id: near}
        made.append(
            await posted(
                ada.id, 102 + i, source=root.video.id, prompt=f"a dog runs on beach {i}", closeness=closeness
            )
        )
    for liker in range(3):
        someone = await person()
        for post in made[3 : 4 + liker]:
            await posts.like(post.id, someone.id, at(50))
    near = await all_lane(root.id, LaneOrder.CLOSENESS, viewer.id)
    assert near[0] == root.id
    assert set(near[1:3]) == {made[2].id, made[4].id}
    assert near[3:] == [made[1].id, made[5].id, made[3].id]
    assert await all_lane(root.id, LaneOrder.FRESH, viewer.id) == [post.id for post in made[::-1]]
    top = await all_lane(root.id, LaneOrder.TOP, viewer.id)
    assert top[:3] == [made[3].id, made[4].id, made[5].id]
    assert sorted(top) == sorted(post.id for post in made)
    page = await lanes.lane(root.id, LaneOrder.FRESH, None, 1, viewer.id, NOW)
    diff = [(part.op, part.text) for part in page.items[0].prompt_diff]
    assert diff == [
        ("keep", "a"),
        ("remove", "cat sleeps"),
        ("add", "dog runs"),
        ("keep", "on"),
        ("remove", "a"),
        ("keep", "beach"),
        ("add", "4"),
    ]
    whole = await lanes.lane(root.id, LaneOrder.CLOSENESS, None, 50, viewer.id, NOW)
    assert [part.op for part in whole.items[0].prompt_diff] == ["keep"]
    (item,) = (await feed.trends(Cut.FRESH, None, 1, viewer.id, NOW)).items
    assert [post.id for post in item.lane.items] == near[: feed.LANE_PREVIEW]
    rest = await lanes.lane(root.id, LaneOrder.CLOSENESS, item.lane.cursor, 50, viewer.id, NOW)
    assert [entry.post.id for entry in rest.items] == near[feed.LANE_PREVIEW :]
    assert (item.trend.posts, item.trend.contributors, item.trend.prompt) == (6, 1, "a cat sleeps on a beach")
    await posts.delete_post(root.id, ada.id, at(60))
    assert (await all_lane(root.id, LaneOrder.CLOSENESS, viewer.id)) == near[1:]


async def test_cuts_and_who_is_left_out() -> None:
    ada, bob, viewer = await person(), await person(), await person()
    first = await posted(ada.id, 1000)
    second = await posted(bob.id, 1001)
    third = await posted(bob.id, 1002)
    for _ in range(12):
        await posts.like(first.id, (await person()).id, at(1003))
    everything = await all_trends(Cut.FRESH, viewer.id)
    assert everything[:3] == [third.id, second.id, first.id]
    assert len(everything) == len(set(everything))
    hot = await all_trends(Cut.TRENDING, viewer.id)
    assert hot.index(first.id) < hot.index(third.id) < hot.index(second.id)
    assert sorted(hot) == sorted(everything)
    assert await all_trends(Cut.FOLLOWING, viewer.id) == []
    await social.follow(viewer.id, bob.id, at(1004))
    assert await all_trends(Cut.FOLLOWING, viewer.id, 1) == [third.id, second.id]
    (item,) = (await feed.trends(Cut.FOLLOWING, None, 1, viewer.id, NOW)).items
    assert item.why == f"You follow @{bob.handle}"
    await social.block(bob.id, viewer.id, at(1005))
    assert {second.id, third.id} & set(await all_trends(Cut.FRESH, viewer.id)) == set()
    await refused(Code.NOT_FOUND, posts.get_post(second.id, viewer.id, NOW))
    await refused(Code.NOT_FOUND, posts.like(second.id, viewer.id, at(1006)))
    await refused(Code.NOT_FOUND, lanes.lane(second.id, LaneOrder.TOP, None, 5, viewer.id, NOW))


async def test_likes_count_once_even_at_once() -> None:
    ada, bob = await person(), await person()
    post = await posted(ada.id, 1)
    await asyncio.gather(*(posts.like(post.id, bob.id, at(2)) for _ in range(6)))
    others = [await person() for _ in range(6)]
    await asyncio.gather(*(posts.like(post.id, other.id, at(2)) for other in others))
    shown = await posts.get_post(post.id, bob.id, NOW)
    assert (shown.likes, shown.liked) == (7, True)
    await asyncio.gather(*(posts.unlike(post.id, bob.id, NOW) for _ in range(3)))
    shown = await posts.get_post(post.id, bob.id, NOW)
    assert (shown.likes, shown.liked) == (6, False)
    (trend,) = await fetch("SELECT points FROM trends WHERE id = $1", post.trend_id)
    assert trend["points"] == 3 + 6
    await delete_video(post.video.id, ada.id, at(3))
    (trend,) = await fetch("SELECT points FROM trends WHERE id = $1", post.trend_id)
    assert trend["points"] == 0


@pytest.mark.parametrize("cursor", ["", "x", "bm9uc2Vuc2U", encode_cursor("feed:fresh", [2**62, "x"])])
async def test_bad_cursors(cursor: str) -> None:
    ada = await person()
    post = await posted(ada.id, 1)
    await refused(Code.INVALID_CURSOR, feed.trends(Cut.FRESH, cursor, 5, ada.id, NOW))
    await refused(Code.INVALID_CURSOR, lanes.lane(post.id, LaneOrder.TOP, cursor, 5, ada.id, NOW))
    await refused(Code.NOT_FOUND, lanes.lane("post_0", LaneOrder.TOP, None, 5, ada.id, NOW))


async def points_of(trend: str) -> int:
    (row,) = await fetch("SELECT points FROM trends WHERE id = $1", trend)
    return int(row["points"])


async def test_a_like_of_a_post_that_was_taken_back_counts_once() -> None:
    ada, bob = await person(), await person()
    made = await posted(ada.id, 0)
    await posts.like(made.id, bob.id, at(1))
    await posts.delete_post(made.id, ada.id, at(2))
    assert await points_of(made.trend_id) == 0
    # Whoever liked it leaves: the trend has lost that point already.
    assert await posts.forget_likes(bob.id, 20, at(3))
    assert await points_of(made.trend_id) == 0


async def test_a_like_of_the_moment_in_which_a_post_is_taken_back_counts_for_nothing() -> None:
    ada, bob, eve = await person(), await person(), await person()
    made = await posted(ada.id, 0)
    async with transaction():
        await posts.like(made.id, bob.id, at(1))
        taking_back = asyncio.create_task(
            posts.delete_post(made.id, ada.id, at(1)), context=contextvars.Context()
        )
        await asyncio.sleep(0.2)
    await taking_back
    assert await points_of(made.trend_id) == 0
    again = await posted(ada.id, 5)
    async with transaction():
        await posts.delete_post(again.id, ada.id, at(6))
        liking = asyncio.create_task(posts.like(again.id, eve.id, at(6)), context=contextvars.Context())
        await asyncio.sleep(0.2)
    await asyncio.wait([liking])
    assert await points_of(again.trend_id) == 0
