"""What waits for moderators."""

from __future__ import annotations

from datetime import datetime

from db.engine import fetch_one
from domain.safety import takedowns


async def waiting(*, now: datetime) -> dict[str, float]:
    """How much waits, by what; seconds for the age of the oldest open takedown."""
    found = await fetch_one(
        """
        SELECT (SELECT count(*) FROM reports WHERE status = 'open') AS reports_open,
            (SELECT count(*) FROM appeals WHERE status = 'open') AS appeals_open,
            (SELECT count(*) FROM proofs WHERE status = 'in_review') AS enrolments_open,
            (SELECT count(*) FROM counter_notices c JOIN takedowns d ON d.id = c.takedown_id
             WHERE d.status = 'upheld') AS counter_notices_open
        """
    )
    assert found is not None
    clock = await takedowns.open_takedowns(now=now)
    return {
        "takedowns_open": clock.open,
        "takedowns_overdue": clock.overdue,
        "takedown_oldest_open_seconds": clock.oldest_s,
        **found,
    }
