"""Who follows and who blocks whom."""

from __future__ import annotations

from datetime import datetime

import msgspec

from db.engine import fetch, fetch_one, transaction
from db.tables.accounts import BlockTable, FollowTable
from domain.events import stream
from schemas.errors import Code, RiffleError
from schemas.events import FeedChanged, inbox_stream


async def follow(follower: str, followed: str, now: datetime) -> None:
    """Follow; twice is once. Who is blocked by them follows nothing, and isn't told.

    Raises:
        RiffleError: invalid_state, where the follower blocks them.
    """
    async with transaction():
        await _lock_pair(follower, followed)
        between = await relationship(follower, followed)
        if between.blocks:
            raise RiffleError(Code.INVALID_STATE, "you block them: unblock them first", param="handle")
        if between.blocked:
            return
        await fetch(
            """
            INSERT INTO follows (follower_id, followed_id, created_at) VALUES ($1, $2, $3)
            ON CONFLICT DO NOTHING
            """,
            follower,
            followed,
            now,
        )


async def unfollow(follower: str, followed: str) -> bool:
    """Stop following; whether they did until now."""
    deleted = (
        await FollowTable.delete()
        .where((FollowTable.follower_id == follower) & (FollowTable.followed_id == followed))
        .returning(FollowTable.follower_id)
    )
    return bool(deleted)


async def block(blocker: str, blocked: str, now: datetime) -> bool:
    """Keep someone out; both stop following each other. Whether they were not kept out until now."""
    async with transaction():
        await _lock_pair(blocker, blocked)
        made = await fetch(
            """
            INSERT INTO blocks (blocker_id, blocked_id, created_at) VALUES ($1, $2, $3)
            ON CONFLICT DO NOTHING RETURNING blocker_id
            """,
            blocker,
            blocked,
            now,
        )
        await unfollow(blocker, blocked)
        await unfollow(blocked, blocker)
    return bool(made)


async def tell_both(one: str, other: str, now: datetime) -> None:
    """Let the pages of two people who parted read again what they show; every way to part sends the same."""
    await stream.append_to_all([inbox_stream(one), inbox_stream(other)], FeedChanged(), now=now)


async def unblock(blocker: str, blocked: str) -> None:
    """Let them back."""
    await BlockTable.delete().where((BlockTable.blocker_id == blocker) & (BlockTable.blocked_id == blocked))


async def _lock_pair(one: str, other: str) -> None:
    """Until the transaction ends no follow or block between two accounts comes about elsewhere."""
    names = " ".join(sorted((one, other)))
    await fetch("SELECT pg_advisory_xact_lock(hashtextextended('between ' || $1, 0))", names)


class Relationship(msgspec.Struct, kw_only=True, frozen=True):
    """What is between two accounts, seen from the first."""

    follows: bool
    followed: bool
    blocks: bool
    blocked: bool


async def relationship(one: str, other: str) -> Relationship:
    """Whether `one` follows or blocks `other`, and the other way round."""
    found = await fetch_one(
        """
        SELECT EXISTS (SELECT FROM follows WHERE follower_id = $1 AND followed_id = $2) AS follows,
            EXISTS (SELECT FROM follows WHERE follower_id = $2 AND followed_id = $1) AS followed,
            EXISTS (SELECT FROM blocks WHERE blocker_id = $1 AND blocked_id = $2) AS blocks,
            EXISTS (SELECT FROM blocks WHERE blocker_id = $2 AND blocked_id = $1) AS blocked
        """,
        one,
        other,
    )
    return msgspec.convert(found, Relationship)
