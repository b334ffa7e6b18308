"""How often a person may file something: counted in the table that it is kept in."""

from __future__ import annotations

from datetime import datetime, timedelta

from db.engine import fetch_one
from schemas.errors import Code, RiffleError

WINDOWS = {timedelta(days=1): "a day", timedelta(hours=1): "an hour"}
DAY, HOUR = WINDOWS


async def check_rate(
    what: str, rows: str, owner: str, *, limit: int, window: timedelta, now: datetime, at: str = "created_at"
) -> None:
    """Refuse one more, where `limit` of them came within the last `window` (DAY or HOUR).

    `rows` is a table and a condition on the owner as `$1`, `at` its column of instants. Count and insert are
    one step where the caller's transaction holds a lock that stands for the owner.

    Raises:
        RiffleError: rate_limited, with the time until the oldest of them no longer counts.
    """
    found = await fetch_one(
        f"SELECT count(*) AS n, min({at}) AS first FROM {rows} AND {at} > $2", owner, now - window
    )
    if found is not None and found["n"] >= limit:
        wait = found["first"] + window - now
        raise RiffleError(
            Code.RATE_LIMITED,
            f"at most {limit} {what} {WINDOWS[window]}",
            retry_after_s=int(wait.total_seconds()) + 1,
        )
