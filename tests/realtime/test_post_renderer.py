"""A posted preview becomes its render: real dispatcher, store and wakeups, a scripted model server."""

from __future__ import annotations

import asyncio
import contextlib
import http
from collections.abc import AsyncIterator

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from db import engine
from domain.clock import utc_now
from domain.events import stream
from domain.feed import posts
from media.store import MediaStore
from realtime import limits
from realtime.post_renderer import PostRenderer
from realtime.wakeups import WakeupListener
from schemas.feed import Post
from schemas.videos import ModelList, Tier
from schemas.work import FaultCode, Render
from tests.build import CARD
from tests.realtime.jobs import dispatching, ended
from tests.realtime.models import Models, draw, fault
from tests.realtime.world import new_person, new_video, now, until


@contextlib.asynccontextmanager
async def cards() -> AsyncIterator[str]:
    """The address of a model server that says what it draws."""
    body = msgspec.json.encode(ModelList(data=[CARD]))

    async def answer(_: ServerConnection, request: Request) -> Response:
        assert request.path == "/v1/models"
        headers = Headers({"content-length": str(len(body)), "connection": "close"})
        return Response(http.HTTPStatus.OK, "OK", headers, body)

    async def nothing(_: ServerConnection) -> None:
        """No work is done here."""

    async with serve(nothing, "127.0.0.1", 0, process_request=answer) as server:
        yield f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


@contextlib.asynccontextmanager
async def rendering(url: str) -> AsyncIterator[None]:
    renderer = PostRenderer(url, utc_now)
    handlers = {stream.POST_RENDER: renderer.work_arrived}
    listening = WakeupListener(engine.url(), handlers, renderer.work_arrived)
    tasks = [asyncio.create_task(part.run()) for part in (renderer, listening)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def posted(person: str) -> Post:
    video = await new_video(person)
    await ended(video)
    return await posts.post(video, person, None, now())


async def shows_render(post: Post) -> bool:
    return (await posts.get_post(post.id, post.author.id, now())).video.tier is Tier.FULL


async def renders_of(post: Post) -> int:
    rows = await engine.fetch("SELECT count(*) AS n FROM sources WHERE parent_id = $1", post.video.id)
    return int(rows[0]["n"])


async def test_a_posted_preview_shows_its_render_moments_later(models: Models, store: MediaStore) -> None:
    async with cards() as url, dispatching(models, store), rendering(url):
        post = await posted(await new_person())
        await until(lambda: shows_render(post), limits.POST_RENDER_S / 2)
    (render,) = [each for each in models.renders if each.tier is Tier.FULL]
    assert render.background
    assert render.inputs.preview == b"latents of " + post.video.id.encode()


async def test_whoever_dies_in_between_is_taken_over_from(models: Models, store: MediaStore) -> None:
    person = await new_person()
    async with cards() as url:
        async with dispatching(models, store):
            # Nobody listens when it is posted, and nobody when its render is there.
            post = await posted(person)
            async with rendering(url):
                await until(lambda: _is_asked_for(post))
            await until(lambda: _is_drawn(post))
        assert not await shows_render(post)
        async with rendering(url), rendering(url):
            await until(lambda: shows_render(post))
    assert await renders_of(post) == 1


async def test_posts_wait_for_a_model_server_that_is_away(
    models: Models, store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "POST_RENDER_S", 0.05)
    async with dispatching(models, store):
        async with rendering("http://127.0.0.1:9"):
            post = await posted(await new_person())
            await asyncio.sleep(0.3)
        assert await renders_of(post) == 0
        async with cards() as url, rendering(url):
            await until(lambda: shows_render(post))


async def test_a_person_s_render_goes_before_those_of_posts(models: Models, store: MediaStore) -> None:
    let = asyncio.Event()

    async def hold(models: Models, render: Render) -> None:
        if render.background:
            await let.wait()
        await draw(models, render)

    models.script = hold
    person = await new_person()
    async with cards() as url, dispatching(models, store), rendering(url):
        waiting = [await posted(person) for _ in range(3)]
        await until(lambda: any(each.background for each in models.renders))
        own = await new_video(await new_person(), Tier.FULL)
        await ended(own)
        assert sum(each.background for each in models.renders) == limits.MAX_BACKGROUND
        let.set()
        for post in waiting:
            await until(lambda post=post: shows_render(post))  # type: ignore[misc]


async def test_what_can_t_be_drawn_leaves_the_preview(models: Models, store: MediaStore) -> None:
    async def refuse(models: Models, render: Render) -> None:
        if render.tier is Tier.FULL:
            await models.send(fault(render, FaultCode.BAD_INPUT, retryable=False))
        else:
            await draw(models, render)

    models.script = refuse
    async with cards() as url, dispatching(models, store), rendering(url):
        post = await posted(await new_person())
        await until(lambda: _is_put_off(post))
    assert not await shows_render(post)


async def _is_asked_for(post: Post) -> bool:
    return await renders_of(post) == 1


async def _is_drawn(post: Post) -> bool:
    rows = await engine.fetch(
        "SELECT v.status FROM sources s JOIN videos v ON v.id = s.child_id WHERE s.parent_id = $1",
        post.video.id,
    )
    return [row["status"] for row in rows] == ["completed"]


async def _is_put_off(post: Post) -> bool:
    rows = await engine.fetch("SELECT tries FROM post_renders WHERE post_id = $1", post.id)
    return [row["tries"] for row in rows] == [1]
