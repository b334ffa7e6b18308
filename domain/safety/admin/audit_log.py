"""The log of what moderators did. The database refuses to change or drop a line of it."""

from __future__ import annotations

from datetime import datetime

from db.engine import dumps, fetch, in_transaction


async def record(actor: str, action: str, subject: str, *, now: datetime, **detail: object) -> None:
    """Write one line, in the transaction of the act itself: neither happens without the other."""
    assert in_transaction(), "an act and its line in the log are one transaction"
    await fetch(
        "INSERT INTO audit_log (at, actor, action, subject, detail) VALUES ($1, $2, $3, $4, $5::jsonb)",
        now,
        actor,
        action,
        subject,
        dumps(detail),
    )
