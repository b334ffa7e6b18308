"""Seeding the feed over the real API: in order, once, and on from where it was cut off."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from api import demo_content, demo_trends
from api.demo_content import SeedClient, Seeding
from db.engine import fetch
from domain.feed import post_renders
from domain.videos import leases
from media.store import MediaStore
from tests.api.people import Person
from tests.build import CARD, TTL_S, complete, finish

WANTED = demo_trends.in_order(demo_trends.read()[:4])


class LocalClient(SeedClient):
    """Calls the api of this loop from the thread that seeds; it can be cut off after some calls."""

    def __init__(self, person: Person, loop: asyncio.AbstractEventLoop, calls: int = 10_000) -> None:
        self._person, self._loop = person, loop
        self._left = calls
        self.changes: list[str] = []

    def call(self, method: str, path: str, body: object = None, key: str | None = None) -> Any:
        if method == "POST":
            self._left -= 1
            if self._left < 0:
                raise httpx.ConnectError("cut off")
            self.changes.append(path)
        headers = {"idempotency-key": key} if key else {}
        asked = self._person.call(method, path, body, headers=headers)
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result(30).raise_for_status().json()


@contextlib.asynccontextmanager
async def drawing(media: MediaStore) -> AsyncIterator[None]:
    """What a dispatcher and a model server do, and who renders posts."""

    async def draw() -> None:
        while True:
            now = datetime.now(UTC)
            rows = await fetch(
                "SELECT id FROM videos WHERE status = 'queued' AND tier = 'preview' ORDER BY id"
            )
            for row in rows:
                await finish(row["id"], media)
            while await post_renders.run_batch([CARD], now):
                pass
            for job in await leases.lease(
                "w", limit_preview=0, limit_full=0, limit_background=9, now=now, ttl_s=TTL_S
            ):
                await complete(job.id, job.attempt, now)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(draw())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_content, "FIRST", 3)
    for name in ("POLL_S", "RENDER_POLL_S", "RETRY_S"):
        monkeypatch.setattr(demo_content, name, 0.01)


async def seed(client: SeedClient) -> int:
    return await asyncio.to_thread(Seeding(client).run, WANTED)


async def posts_of(person: Person) -> list[dict[str, Any]]:
    """What the feed shows of a person, oldest first."""
    rows = await fetch("SELECT id FROM posts WHERE account_id = $1 ORDER BY created_at", person.id)
    return [await person.ok("GET", f"/v1/posts/{row['id']}") for row in rows]


async def test_sources_come_first_and_all_become_renders(ada: Person, media: MediaStore) -> None:
    client = LocalClient(ada, asyncio.get_running_loop())
    async with drawing(media):
        assert await seed(client) == len(WANTED)
    made = await posts_of(ada)
    assert [post["video"]["prompt"] for post in made] == [each.prompt for each in WANTED]
    assert [post["caption"] for post in made] == [each.caption for each in WANTED]
    # The first are asked for together.
    assert client.changes[:4] == ["/v1/videos"] * 3 + ["/v1/posts"]
    trends = {post["video"]["prompt"]: post["id"] for post in made if post["trend_id"] == post["id"]}
    for post, wanted in zip(made, WANTED, strict=True):
        assert post["trend_id"] == trends[wanted.source or wanted.prompt]
    shown = [post["video"]["tier"] for post in made]
    assert shown[: -demo_content.WAITING] == ["full"] * (len(made) - demo_content.WAITING)


async def test_a_second_time_nothing_is_done(ada: Person, media: MediaStore) -> None:
    async with drawing(media):
        await seed(LocalClient(ada, asyncio.get_running_loop()))
        # Answers by their keys are kept for a day.
        await fetch("DELETE FROM idempotency")
        again = LocalClient(ada, asyncio.get_running_loop())
        assert await seed(again) == len(WANTED)
    assert again.changes == []
    assert len(await posts_of(ada)) == len(WANTED)


@pytest.mark.parametrize("calls", [2, 5, 8])
async def test_one_that_was_cut_off_goes_on_where_it_stopped(
    ada: Person, media: MediaStore, calls: int
) -> None:
    loop = asyncio.get_running_loop()
    async with drawing(media):
        with pytest.raises(httpx.ConnectError):
            await seed(LocalClient(ada, loop, calls))
        await fetch("DELETE FROM idempotency")
        rest = LocalClient(ada, loop)
        assert await seed(rest) == len(WANTED)
    assert len(rest.changes) == 2 * len(WANTED) - calls
    assert len(await posts_of(ada)) == len(WANTED)


async def test_where_nothing_is_rendered_it_goes_on_all_the_same(
    ada: Person, media: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_content, "GIVE_UP_AFTER_S", 1.0)
    monkeypatch.setattr(post_renders, "MAX_A_DAY", 0)
    async with drawing(media):
        assert await seed(LocalClient(ada, asyncio.get_running_loop())) == len(WANTED)


async def test_what_is_refused_keeps_nothing_else_from_the_feed(ada: Person, media: MediaStore) -> None:
    await fetch("UPDATE accounts SET balance = 2 WHERE id = $1", ada.id)
    async with drawing(media):
        assert await seed(LocalClient(ada, asyncio.get_running_loop())) == 2
