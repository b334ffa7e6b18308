"""For supervisors and balancers."""

from __future__ import annotations

from litestar import Controller, get
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from api.http.clock import now
from db import engine
from domain.safety.admin import backlog
from schemas.base import Answer

WAITING = {
    name: Gauge(f"riffle_{name}", text)
    for name, text in (
        ("takedowns_open", "Takedowns without a decision."),
        ("takedowns_overdue", "Takedowns without a decision after their time."),
        ("takedown_oldest_open_seconds", "Age of the oldest takedown without a decision."),
        ("reports_open", "Reports without a decision."),
        ("appeals_open", "Appeals without a decision."),
        ("enrolments_open", "Enrolment proofs in review."),
        ("counter_notices_open", "Counter-notices to takedowns that were upheld."),
    )
}


class Healthy(Answer, kw_only=True):
    """Up, or ready to serve."""

    status: str


class Health(Controller):
    """Process and database."""

    tags = ("operations",)

    @get("/health", summary="The process answers")
    async def health(self) -> Healthy:
        """Always ok while the event loop turns."""
        return Healthy(status="ok")

    @get("/ready", summary="The database answers")
    async def ready(self) -> Healthy:
        """Ok when requests can be served.

        Raises:
            RiffleError: busy, while the database is away.
        """
        await engine.ping()
        return Healthy(status="ok")

    @get("/metrics", media_type=CONTENT_TYPE_LATEST, summary="Prometheus text")
    async def metrics(self) -> bytes:
        """Requests by route and status, this process, and what waits for moderators.

        Raises:
            RiffleError: busy, while the database is away.
        """
        await engine.ping()
        for name, value in (await backlog.waiting(now=now())).items():
            WAITING[name].set(value)
        return generate_latest()
