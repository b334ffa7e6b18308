"""For supervisors and balancers."""

from __future__ import annotations

from datetime import datetime

from litestar import Controller, get
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from api.model_cards import Cards
from db import engine
from domain.safety.admin import backlog
from schemas.base import ResponseBody

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


class Healthy(ResponseBody, kw_only=True):
    """Up, or ready to serve."""

    status: str


class Health(Controller):
    """The process, what it needs, and what waits for people."""

    tags = ("operations",)

    @get("/health", summary="The process answers")
    async def health(self) -> Healthy:
        """Always ok while the event loop turns."""
        return Healthy(status="ok")

    @get("/ready", summary="The database answers, and the model server can draw")
    async def ready(self, cards: Cards) -> Healthy:
        """Ok when every request can be served.

        Raises:
            RiffleError: busy, while the database or the model server is away, or the model is being prepared
                or loaded, or hangs.
        """
        await engine.ping()
        await cards.check_ready()
        return Healthy(status="ok")

    @get("/metrics", media_type=CONTENT_TYPE_LATEST, summary="Prometheus text")
    async def metrics(self, now: datetime) -> bytes:
        """Requests by route and status, this process, and what waits for moderators.

        Raises:
            RiffleError: busy, while the database is away.
        """
        await engine.ping()
        for name, value in (await backlog.waiting(now=now)).items():
            WAITING[name].set(value)
        return generate_latest()
