"""For supervisors and balancers."""

from __future__ import annotations

from datetime import datetime

from litestar import Controller, Response, get
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, disable_created_metrics, generate_latest

from api.http.auth import PublicRequest
from api.model_cards import Cards
from db import engine
from domain.metrics_reader import may_read_metrics
from domain.safety.admin import backlog
from schemas.base import ResponseBody
from schemas.errors import Code, RiffleError
from settings import Settings

# When a counter began says nothing that a scrape needs, for a line each.
disable_created_metrics()  # type: ignore[no-untyped-call]
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

    @get("/metrics", media_type="text/plain", summary="Prometheus text")
    async def metrics(self, request: PublicRequest, now: datetime, settings: Settings) -> Response[bytes]:
        """Requests by route and status, this process, and what waits for moderators.

        Raises:
            RiffleError: busy, while the database is away; not_found, for whoever may not read them.
        """
        check_metrics_reader(request, settings.metrics_token)
        await engine.ping()
        for name, value in (await backlog.waiting(now=now)).items():
            WAITING[name].set(value)
        # The framework would add a charset to a media type that has one.
        return Response(generate_latest(), headers={"content-type": CONTENT_TYPE_LATEST})


def check_metrics_reader(request: PublicRequest, token: str) -> None:
    """Metrics are for who has the token; without one, for who asks on this machine and by no proxy.

    Raises:
        RiffleError: not_found.
    """
    sent = request.headers.get("authorization", "").removeprefix("Bearer ")
    host = request.client.host if request.client else ""
    if not may_read_metrics(host, request.headers, sent, token):
        raise RiffleError(Code.NOT_FOUND, "there is nothing at this address")
