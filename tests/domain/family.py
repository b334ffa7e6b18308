"""A likeness, what people made of it and of each other's videos, and every way to read that."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from db.engine import fetch
from domain.consent import cameos, cascades, grants
from domain.feed import lanes, posts
from domain.videos import visibility
from schemas.cameos import Audience, RequestCameo, RevokeCameo, RevokeMode, Scope
from schemas.errors import Code, RiffleError
from schemas.events import video_stream
from schemas.feed import LaneOrder, Post
from tests.build import NOW, at, cameo, completed, person

ASKING = Audience.PEOPLE_I_APPROVE


async def code_of(doing: object) -> Code:
    with pytest.raises(RiffleError) as caught:
        await doing  # type: ignore[misc]
    return caught.value.code


async def sweep() -> None:
    while await cascades.run_batch(now=at(100)):
        pass


async def granted(cameo_id: str, owner: str, grantee: str, scope: Scope | None = None) -> str:
    grant = await grants.request(cameo_id, grantee, RequestCameo(scope=scope or Scope()), now=at(0))
    await grants.answer(grant.id, owner, True, now=at(1))
    return grant.id


async def answered(read: Awaitable[object]) -> bool:
    try:
        await read
    except RiffleError as refused:
        if refused.code not in (Code.NOT_FOUND, Code.GONE):
            raise
        return False
    return True


async def shown(post: Post, viewer: str) -> bool:
    """Whether any reading shows a post with its media; all of them must agree."""
    reads = (
        posts.get_post(post.id, viewer, NOW),
        visibility.get_viewable(post.video.id, viewer, NOW),
        visibility.get_playable(post.video.id, viewer, NOW),
    )
    found = [await answered(read) for read in reads]
    found.append(await visibility.can_follow(video_stream(post.video.id), viewer, NOW))
    try:
        page = await lanes.lane(post.trend_id, LaneOrder.FRESH, None, 100, viewer, NOW)
        found.append(post.id in {item.post.id for item in page.items})
    except RiffleError:
        found.append(False)
    assert len(set(found)) == 1, found
    return found[0]


class Family:
    """ada's face in bob's post, in eve's remix of it by her own grant, and in what bob has not posted."""

    async def make(self) -> None:
        self.ada, self.bob, self.eve, self.viewer = [(await person()).id for _ in range(4)]
        self.face = (await cameo(self.ada, ASKING)).id
        self.grant = await granted(self.face, self.ada, self.bob)
        await granted(self.face, self.ada, self.eve)
        first = await completed(self.bob, cameos=(self.face,))
        self.first = await posts.post(first.id, self.bob, "look", at(2))
        remix = await completed(self.eve, source=first.id, prompt="a dog")
        self.remix = await posts.post(remix.id, self.eve, None, at(3))
        plain = await completed(self.eve)
        self.plain = await posts.post(plain.id, self.eve, None, at(3))
        self.draft = await completed(self.bob, cameos=(self.face,))
        self.own = await posts.post(
            (await completed(self.eve, cameos=(self.face,))).id, self.eve, None, at(3)
        )
        self.handle = (await fetch("SELECT handle FROM accounts WHERE id = $1", self.bob))[0]["handle"]

    async def revoke(self, mode: RevokeMode, **target: str) -> None:
        await cameos.revoke(self.face, self.ada, RevokeCameo(mode=mode, **target), now=at(5))

    async def shown(self) -> tuple[bool, bool, bool, bool]:
        everything = (self.first, self.remix, self.own, self.plain)
        return tuple([await shown(item, self.viewer) for item in everything])  # type: ignore[return-value]
