"""What was made, kept by Idempotency-Key, so that a request sent twice is carried out once.

Only the id is kept: the words of an answer stand where they can be deleted, and nowhere else.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from db.engine import fetch, fetch_one, in_transaction
from schemas.errors import Code, RiffleError

# A phone that was offline over night still learns what its request made.
KEEP_S = 24 * 3600


async def begin(*, account_id: str, key: str, route: str, body_hash: str) -> str | None:
    """The id of what a key made, or None: then the caller does the work and stores its id.

    Others with the same key wait until the caller's transaction ends.

    Raises:
        RiffleError: idempotency_mismatch, where the key came with another request.
        RuntimeError: there is no transaction to hold the lock.
    """
    if not in_transaction():
        raise RuntimeError("an idempotency key is held by a transaction")
    await fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{account_id} {key}")
    return await find(account_id=account_id, key=key, route=route, body_hash=body_hash)


async def find(*, account_id: str, key: str, route: str, body_hash: str) -> str | None:
    """The id of what a key has made by now, without waiting for anybody.

    Raises:
        RiffleError: idempotency_mismatch, where the key came with another request.
    """
    found = await fetch_one(
        "SELECT route, body_hash, made_id FROM idempotency WHERE account_id = $1 AND key = $2",
        account_id,
        key,
    )
    if found is None:
        return None
    if (found["route"], found["body_hash"]) != (route, body_hash):
        raise RiffleError(
            Code.IDEMPOTENCY_MISMATCH,
            "this Idempotency-Key was used for another request",
            param="Idempotency-Key",
        )
    return str(found["made_id"])


async def store(
    *, account_id: str, key: str, route: str, body_hash: str, made_id: str, now: datetime
) -> None:
    """Keep what was made, in the transaction that made it; forget the account's old keys."""
    await fetch(
        "DELETE FROM idempotency WHERE account_id = $1 AND created_at < $2",
        account_id,
        now - timedelta(seconds=KEEP_S),
    )
    await fetch(
        """
        INSERT INTO idempotency (account_id, key, route, body_hash, made_id, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        account_id,
        key,
        route,
        body_hash,
        made_id,
        now,
    )
