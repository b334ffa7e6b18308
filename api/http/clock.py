"""The one clock of the api: everything below it is given the time."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present, with its time zone."""
    return datetime.now(UTC)
