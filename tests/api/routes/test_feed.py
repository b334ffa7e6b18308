"""Posts, likes, the feed and its lanes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.people import Person, refused
from tests.build import finish


async def posted(person: Person, media: Any, prompt: str, remix_of: str | None = None) -> dict[str, Any]:
    """A completed video, published."""
    path = f"/v1/videos/{remix_of}/remix" if remix_of else "/v1/videos"
    video = await person.ok("POST", path, {"prompt": prompt})
    await finish(video["id"], media)
    reply = await person.call("POST", "/v1/posts", {"video_id": video["id"], "caption": f"my {prompt}"})
    assert reply.status_code == 201, reply.text
    post: dict[str, Any] = reply.json()
    return post


async def test_a_post(ada: Person, bob: Person, media: Any) -> None:
    post = await posted(ada, media, "a cat on a beach")
    assert post["object"] == "post"
    assert post["caption"] == "my a cat on a beach"
    assert post["author"]["handle"] == ada.handle
    assert post["trend_id"] == post["id"]
    assert (post["source_post_id"], post["likes"], post["liked"], post["remixes"]) == (None, 0, False, 0)
    assert post["video"]["post_id"] == post["id"]
    assert (await bob.ok("GET", f"/v1/posts/{post['id']}"))["video"]["id"] == post["video"]["id"]


async def test_only_an_own_completed_video_can_be_posted_and_once(
    ada: Person, bob: Person, media: Any
) -> None:
    video = await ada.ok("POST", "/v1/videos", {"prompt": "a cat"})
    body = {"video_id": video["id"]}
    refused(await bob.call("POST", "/v1/posts", body), 404, "not_found")
    early = await ada.call("POST", "/v1/posts", body)
    assert early.status_code == 409
    await finish(video["id"], media)
    refused(await bob.call("POST", "/v1/posts", body), 404, "not_found")
    await ada.ok("POST", "/v1/posts", body)
    assert (await ada.call("POST", "/v1/posts", body)).status_code == 409
    refused(
        await ada.call("POST", "/v1/posts", {**body, "caption": "x" * 501}), 400, "invalid_request", "caption"
    )
    refused(await ada.call("POST", "/v1/posts", {"video_id": "video_0"}), 404, "not_found")


async def test_likes_count_once_each(ada: Person, bob: Person, media: Any) -> None:
    post = await posted(ada, media, "a cat")
    path = f"/v1/posts/{post['id']}/like"
    for _ in range(2):
        liked = await bob.ok("PUT", path)
        assert (liked["likes"], liked["liked"]) == (1, True)
    assert (await ada.ok("PUT", path))["likes"] == 2
    for _ in range(2):
        unliked = await bob.ok("DELETE", path)
        assert (unliked["likes"], unliked["liked"]) == (1, False)


async def test_taking_a_post_back(ada: Person, bob: Person, media: Any) -> None:
    post = await posted(ada, media, "a cat")
    path = f"/v1/posts/{post['id']}"
    refused(await bob.call("DELETE", path), 404, "not_found")
    assert await ada.ok("DELETE", path) == {"id": post["id"], "deleted": True, "object": "deleted"}
    refused(await bob.call("GET", path), 404, "not_found")
    refused(await bob.call("GET", f"/v1/videos/{post['video']['id']}"), 404, "not_found")
    assert (await ada.ok("GET", f"/v1/videos/{post['video']['id']}"))["post_id"] is None


async def test_the_feed_goes_down_by_trend_and_sideways_by_remix(
    ada: Person, bob: Person, media: Any
) -> None:
    root = await posted(ada, media, "a cat on a beach")
    remix = await posted(bob, media, "a dog on a beach", remix_of=root["video"]["id"])
    other = await posted(bob, media, "a whale at night")
    assert (remix["trend_id"], remix["source_post_id"]) == (root["id"], root["id"])
    for cut in ("trending", "fresh"):
        feed = await ada.ok("GET", f"/v1/feed?cut={cut}")
        trends = [item["trend"]["id"] for item in feed["items"]]
        assert {root["id"], other["id"]} <= set(trends)
        assert remix["id"] not in trends
        item = feed["items"][trends.index(root["id"])]
        assert (item["trend"]["posts"], item["trend"]["contributors"]) == (2, 2)
        assert item["lane"]["items"]
        assert item["why"]
    for order in ("closeness", "top", "fresh"):
        lane = await ada.ok("GET", f"/v1/trends/{root['id']}/lane?order={order}")
        assert {item["post"]["id"] for item in lane["items"]} == {root["id"], remix["id"]}
        diff = next(item["prompt_diff"] for item in lane["items"] if item["post"]["id"] == remix["id"])
        assert {"op": "add", "text": "dog"} in diff
    assert (await ada.ok("GET", f"/v1/posts/{root['id']}"))["remixes"] == 1


async def test_the_following_cut_shows_whom_one_follows(ada: Person, bob: Person, media: Any) -> None:
    post = await posted(bob, media, "a cat")
    assert (await ada.ok("GET", "/v1/feed?cut=following"))["items"] == []
    await ada.call("PUT", f"/v1/follows/{bob.handle}")
    feed = await ada.ok("GET", "/v1/feed?cut=following")
    assert [item["trend"]["id"] for item in feed["items"]] == [post["id"]]


async def test_pages_of_feed_and_lane(ada: Person, media: Any) -> None:
    root = await posted(ada, media, "a cat")
    for prompt in ("a dog", "a fox"):
        await posted(ada, media, prompt, remix_of=root["video"]["id"])
    await posted(ada, media, "a whale")
    for path, expected in (("/v1/feed?cut=fresh&limit=1", 2), (f"/v1/trends/{root['id']}/lane?limit=2", 3)):
        seen: list[str] = []
        cursor = ""
        for _ in range(expected + 1):
            page = await ada.ok("GET", path + cursor)
            seen += [item["trend"]["id"] if "trend" in item else item["post"]["id"] for item in page["items"]]
            if page["cursor"] is None:
                break
            cursor = f"&cursor={page['cursor']}"
        assert len(seen) >= expected
        assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("path", ["/v1/feed?cursor=", "/v1/trends/post_0/lane?cursor="])
async def test_cursors_that_are_not_ours(ada: Person, media: Any, path: str) -> None:
    root = await posted(ada, media, "a cat")
    path = path.replace("post_0", root["id"])
    for cursor in ("nonsense", "%F0%9F%98%80", "e30", "W10", "bnVsbA"):
        refused(await ada.call("GET", path + cursor), 400, "invalid_cursor")
    refused(await ada.call("GET", "/v1/trends/post_0/lane"), 404, "not_found")
