"""For supervisors and balancers."""

from __future__ import annotations

from litestar import Controller, get

from api.http.clock import now
from api.model_cards import Cards
from db import engine
from domain.safety.admin import backlog
from schemas.base import Answer


class Healthy(Answer, kw_only=True):
    """Up, or ready to serve."""

    status: str


class Health(Controller):
    """The process, what it needs, and what waits for people."""

    tags = ("operations",)

    @get("/health", summary="The process answers")
    async def health(self) -> Healthy:
        """Always ok while the event loop turns."""
        return Healthy(status="ok")

    @get("/ready", summary="The database answers, and the model is known")
    async def ready(self, cards: Cards) -> Healthy:
        """Ok when every request can be served.

        Raises:
            RiffleError: busy, while the database is away, or the model is being prepared or loaded for the
                first time since this process began.
        """
        await engine.ping()
        await cards.all()
        return Healthy(status="ok")

    @get("/metrics", media_type="text/plain; version=0.0.4", summary="What waits for moderators")
    async def metrics(self) -> str:
        """Prometheus text: open takedowns and the age of the oldest, reports, appeals, enrolments.

        Raises:
            RiffleError: busy, while the database is away.
        """
        await engine.ping()
        values = await backlog.waiting(now())
        return "".join(
            f"# TYPE riffle_{name} gauge\nriffle_{name} {value:g}\n" for name, value in values.items()
        )
