"""Follows and blocks."""

from __future__ import annotations

import asyncio
import contextvars

from db.engine import transaction
from domain.accounts import social
from schemas.errors import Code
from tests.build import START, person
from tests.domain.family import code_of


async def test_follows_and_blocks() -> None:
    ada, bob = await person(), await person()
    for _ in range(2):
        await social.follow(ada.id, bob.id, START)
    await social.follow(bob.id, ada.id, START)
    between = await social.relationship(ada.id, bob.id)
    assert (between.follows, between.followed, between.blocks, between.blocked) == (True, True, False, False)
    await social.block(bob.id, ada.id, START)
    await social.block(bob.id, ada.id, START)
    between = await social.relationship(ada.id, bob.id)
    assert (between.follows, between.followed, between.blocks, between.blocked) == (False, False, False, True)
    await social.follow(ada.id, bob.id, START)
    assert not (await social.relationship(ada.id, bob.id)).follows
    assert await code_of(social.follow(bob.id, ada.id, START)) is Code.INVALID_STATE
    await social.unblock(bob.id, ada.id)
    await social.follow(ada.id, bob.id, START)
    await social.unfollow(ada.id, bob.id)
    assert not (await social.relationship(ada.id, bob.id)).follows


async def test_a_follow_never_outlives_a_block_of_the_same_moment() -> None:
    ada, bob = await person(), await person()
    async with transaction():
        await social.block(bob.id, ada.id, START)
        following = asyncio.create_task(social.follow(ada.id, bob.id, START), context=contextvars.Context())
        await asyncio.sleep(0.2)
        assert not following.done()
    await following
    await social.unblock(bob.id, ada.id)
    assert not (await social.relationship(ada.id, bob.id)).follows
