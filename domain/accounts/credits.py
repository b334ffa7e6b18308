"""Credits: reserved when a video is queued, then settled or refunded once, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from db.engine import fetch, fetch_one
from schemas.accounts import Credits
from schemas.errors import Code, RiffleError


async def reserve(account_id: str, video_ids: Sequence[str], price_each: int, now: datetime) -> None:
    """Take the price of each video.

    Raises:
        RiffleError: insufficient_credits; nothing is taken then.
    """
    total = price_each * len(video_ids)
    entries = await fetch(
        """
        WITH taken AS (
            UPDATE accounts SET balance = balance - $3 WHERE id = $1 AND balance >= $3 RETURNING id
        )
        INSERT INTO credit_entries (account_id, video_id, kind, amount, at)
        SELECT taken.id, video_id, 'hold', -$4::integer, $5 FROM taken, unnest($2::text[]) AS video_id
        RETURNING id
        """,
        account_id,
        list(video_ids),
        total,
        price_each,
        now,
    )
    if not entries:
        raise RiffleError(Code.INSUFFICIENT_CREDITS, f"this costs {total} credits, more than there are")


async def settle(account_id: str, video_id: str, now: datetime) -> None:
    """The video is there, or was seen to its end: what was reserved for it is spent."""
    await fetch(
        """
        INSERT INTO credit_entries (account_id, video_id, kind, amount, at) VALUES ($1, $2, 'settle', 0, $3)
        """,
        account_id,
        video_id,
        now,
    )


async def refund(account_id: str, video_id: str, amount: int, now: datetime) -> None:
    """There will be no video: what was reserved for it goes back, but for what was seen of it."""
    await fetch(
        """
        WITH entry AS (
            INSERT INTO credit_entries (account_id, video_id, kind, amount, at)
            VALUES ($1, $2, 'refund', $3, $4)
        )
        UPDATE accounts SET balance = balance + $3 WHERE id = $1
        """,
        account_id,
        video_id,
        amount,
        now,
    )


async def balance(account_id: str) -> Credits:
    """What can be spent, and what is reserved for running work."""
    found = await fetch_one(
        """
        SELECT balance, (
            SELECT coalesce(sum(price), 0) FROM videos v
            WHERE v.account_id = a.id AND v.status IN ('queued', 'in_progress')
        ) AS held FROM accounts a WHERE id = $1
        """,
        account_id,
    )
    return Credits(balance=found["balance"] if found else 0, held=found["held"] if found else 0)
