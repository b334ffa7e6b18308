"""Answers kept by Idempotency-Key, so that a request sent twice is carried out once."""

from __future__ import annotations

from datetime import datetime, timedelta

from db.engine import fetch, fetch_one, in_transaction
from schemas.errors import Code, RiffleError

# A phone that was offline over night still gets its first answer.
KEEP_S = 24 * 3600


async def begin(*, account_id: str, key: str, route: str, body_hash: str) -> tuple[int, bytes] | None:
    """The stored (status, body) of a key, or None: then the caller does the work and stores its answer.

    Others with the same key wait until the caller's transaction ends.

    Raises:
        RiffleError: idempotency_mismatch, where the key came with another request.
        RuntimeError: there is no transaction to hold the lock.
    """
    if not in_transaction():
        raise RuntimeError("an idempotency key is held by a transaction")
    await fetch("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{account_id} {key}")
    return await find(account_id=account_id, key=key, route=route, body_hash=body_hash)


async def find(*, account_id: str, key: str, route: str, body_hash: str) -> tuple[int, bytes] | None:
    """The stored (status, body) of a key as it stands now, without waiting for anybody.

    Raises:
        RiffleError: idempotency_mismatch, where the key came with another request.
    """
    found = await fetch_one(
        "SELECT route, body_hash, status, body FROM idempotency WHERE account_id = $1 AND key = $2",
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
    return found["status"], found["body"]


async def store(
    *, account_id: str, key: str, route: str, body_hash: str, status: int, body: bytes, now: datetime
) -> None:
    """Keep the answer, in the transaction that made it; forget the account's old ones."""
    await fetch(
        "DELETE FROM idempotency WHERE account_id = $1 AND created_at < $2",
        account_id,
        now - timedelta(seconds=KEEP_S),
    )
    await fetch(
        """
        INSERT INTO idempotency (account_id, key, route, body_hash, status, body, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        account_id,
        key,
        route,
        body_hash,
        status,
        body,
        now,
    )
