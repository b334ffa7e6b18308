"""Deleting an account: out of sight at once, then erased a batch at a time, by whoever has time for it.

`request` ends every session, takes the name away and hides the rest; `run_batch` does one bounded step of
what is left and remembers how far it came, so that any process may die in the middle and any other go on.
All steps are done twice, the second time when nothing that was on its way can come any more.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from db.engine import AWAY, exists, fetch, fetch_one, transaction
from domain.accounts import sessions
from domain.accounts.accounts import retired_hash
from domain.consent import grants, revocations
from domain.events import stream
from domain.feed import posts
from domain.videos.delete import delete_video
from schemas.cameos import RevokeCameo, RevokeMode
from schemas.events import inbox_stream

# What one transaction takes on: some tens of milliseconds of locks, whatever an account has gathered.
VIDEOS_AT_ONCE = 20
ROWS_AT_ONCE = 200
DELETED_NAME = "Deleted account"
# Nobody can sign up with a full stop: who had this handle already would keep its owner from leaving.
NOBODYS_HANDLE = "'deleted.' || left(md5(id), 20)"
RETRY_AFTER = timedelta(minutes=5)
# What a request had begun before the account was deleted may be written after the first round: an upload
# takes two minutes (api.http.body_intake), and each of its three decodings waits for eight others of half a
# minute each.
AGAIN_AFTER = timedelta(minutes=30)
log = logging.getLogger(__name__)


async def request(account_id: str, now: datetime) -> None:
    """Delete an account: from now on nobody signs in to it or sees anything of it; the rest follows."""
    async with transaction():
        row = await fetch_one(
            "SELECT handle FROM accounts WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", account_id
        )
        if row is None:
            return
        await sessions.end_of_account(account_id, now)
        await fetch(
            f"""
            UPDATE accounts SET deleted_at = $2, retired_hash = $3, password_hash = '!', display_name = $4,
                handle = {NOBODYS_HANDLE} WHERE id = $1
            """,
            account_id,
            now,
            retired_hash(row["handle"]),
            DELETED_NAME,
        )
        await fetch(
            "INSERT INTO erasures (account_id, step, began_at) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING",
            account_id,
            now,
        )
        await stream.notify(stream.SWEEP)


async def run_batch(*, now: datetime) -> bool:
    """One batch of the oldest open erasure that nobody else works on; False where there is none.

    One that fails is left for RETRY_AFTER, so that it keeps nobody else's waiting.
    """
    taken: list[str] = []
    try:
        return await _run_batch(taken, now)
    except AWAY:
        raise
    except Exception:
        log.exception("erasing %s failed; it is tried again later", taken)
        await fetch(
            "UPDATE erasures SET retry_at = $2 WHERE account_id = ANY ($1::text[])", taken, now + RETRY_AFTER
        )
        return bool(taken)


async def _run_batch(taken: list[str], now: datetime) -> bool:
    """As `run_batch`, without the care for failures; `taken` gets the account."""
    async with transaction():
        task = await fetch_one(
            """
            SELECT account_id, step FROM erasures
            WHERE ended_at IS NULL AND (retry_at IS NULL OR retry_at <= $1)
            ORDER BY began_at, account_id LIMIT 1 FOR UPDATE SKIP LOCKED
            """,
            now,
        )
        if task is None:
            return False
        account_id, step = task["account_id"], task["step"]
        taken.append(account_id)
        if not await STEPS[step % len(STEPS)](account_id, now):
            await fetch(
                """
                UPDATE erasures SET step = step + 1,
                    retry_at = CASE WHEN step + 1 = $2 THEN began_at + $4::interval END,
                    ended_at = CASE WHEN step + 1 = 2 * $2 THEN $3::timestamptz END WHERE account_id = $1
                """,
                account_id,
                len(STEPS),
                now,
                AGAIN_AFTER,
            )
        return True


async def _tombstone_cameo(account_id: str, now: datetime) -> bool:
    """Withdraw the next cameo altogether, with its name, its picture and its proofs."""
    found = await fetch_one(
        """
        SELECT c.id FROM cameos c WHERE c.account_id = $1 AND NOT EXISTS (
            SELECT FROM revocations w WHERE w.cameo_id = c.id AND w.mode = 'tombstone'
                AND num_nonnulls(w.grantee_id, w.grant_id, w.video_id) = 0
        ) ORDER BY c.id LIMIT 1
        """,
        account_id,
    )
    if found is None:
        return False
    cameo_id = found["id"]
    row = await grants.lock_cameo(cameo_id, account_id)
    if row["status"] == "active":
        await fetch(
            f"""
            UPDATE cameos SET revision = revision + 1, display_name = $2, audience = 'only_me',
                handle = {NOBODYS_HANDLE},
                restrictions = restrictions || '{{"words": [], "styles": [], "topics": []}}'
            WHERE id = $1
            """,
            cameo_id,
            DELETED_NAME,
        )
    await revocations.revoke(cameo_id, account_id, RevokeCameo(mode=RevokeMode.TOMBSTONE), now=now)
    return True


async def _delete_videos(account_id: str, now: datetime) -> bool:
    rows = await fetch(
        "SELECT id FROM videos WHERE account_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT $2",
        account_id,
        VIDEOS_AT_ONCE,
    )
    for row in rows:
        # One before it may have taken it along.
        if await exists("SELECT FROM videos WHERE id = $1 AND deleted_at IS NULL", row["id"]):
            await delete_video(row["id"], account_id, now)
    return bool(rows)


async def _forget_likes(account_id: str, now: datetime) -> bool:
    return await posts.forget_likes(account_id, VIDEOS_AT_ONCE, now)


async def _end_grants(account_id: str, now: datetime) -> bool:
    """What others let this person do, or were asked to, has run out."""
    rows = await fetch(
        """
        SELECT cameo_id, grant_id FROM grant_heads WHERE grantee_id = $1 AND status IN ('pending', 'accepted')
        ORDER BY cameo_id, grant_id LIMIT $2
        """,
        account_id,
        VIDEOS_AT_ONCE,
    )
    for row in rows:
        await grants.expire(row["cameo_id"], row["grant_id"], now=now)
    return bool(rows)


async def _forget_inbox(account_id: str, _: datetime) -> bool:
    return await _some(
        "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE stream = $1 LIMIT $2) RETURNING id",
        inbox_stream(account_id),
    )


async def _forget_words(account_id: str, _: datetime) -> bool:
    """What this person wrote to others, to moderators and under posts."""
    for table, column, empty in (
        ("posts", "caption", "''"),
        ("reports", "note", "NULL"),
        ("appeals", "reason", "''"),
        ("refusals", "texts", "'[]'"),
    ):
        if await _some(
            f"""
            UPDATE {table} SET {column} = {empty} WHERE ctid IN (
                SELECT ctid FROM {table} WHERE account_id = $1 AND {column} IS DISTINCT FROM {empty} LIMIT $2
            ) RETURNING 1
            """,
            account_id,
        ):
            return True
    return False


async def _forget_ties(account_id: str, _: datetime) -> bool:
    """Whom they follow and block and the other way round, and what signed them in."""
    for table, condition in (
        ("follows", "follower_id = $1 OR followed_id = $1"),
        ("blocks", "blocker_id = $1 OR blocked_id = $1"),
        ("idempotency", "account_id = $1"),
        ("tickets", "session_id IN (SELECT id FROM sessions WHERE account_id = $1)"),
        ("tokens", "session_id IN (SELECT id FROM sessions WHERE account_id = $1)"),
        ("sessions", "account_id = $1"),
    ):
        if await _some(
            f"""
            DELETE FROM {table} WHERE ctid IN (
                SELECT ctid FROM {table} WHERE {condition} LIMIT $2
            ) RETURNING 1
            """,
            account_id,
        ):
            return True
    return False


async def _some(sql: str, owner: str) -> bool:
    """Whether a statement with a limit had anything to do: then it is run again."""
    return bool(await fetch(sql, owner, ROWS_AT_ONCE))


# Each does one batch and says whether there may be more. Rows keep their numbers, on from here in the second
# round: add at the end.
STEPS: tuple[Callable[[str, datetime], Awaitable[bool]], ...] = (
    _tombstone_cameo,
    _delete_videos,
    _forget_likes,
    _end_grants,
    _forget_words,
    _forget_inbox,
    _forget_ties,
)
