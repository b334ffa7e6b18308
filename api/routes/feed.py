"""The feed: down are trends, sideways the posts of one trend."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from litestar import Controller, get
from litestar.params import Parameter

from api.http.auth import AuthedRequest
from domain.feed import lanes
from domain.feed.feed import trends
from schemas.feed import Cut, Feed, Lane, LaneOrder

# Three phone screens by default; what a fast swiper needs at most before the next page.
DEFAULT_TRENDS = 10
MAX_TRENDS = 50
Limit = Annotated[int, Parameter(ge=1, le=MAX_TRENDS)]
Cursor = Annotated[str | None, Parameter(description="`cursor` of the answer before", max_length=512)]


class FeedRoutes(Controller):
    """Trends and lanes."""

    tags = ("feed",)

    @get("/feed", summary="Trends, each with the first posts of its lane")
    async def feed(
        self,
        request: AuthedRequest,
        now: datetime,
        cut: Cut = Cut.TRENDING,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_TRENDS,
    ) -> Feed:
        """One call fills a phone's first screens.

        Raises:
            RiffleError: invalid_cursor.
        """
        return await trends(cut, cursor, limit, request.user.id, now)

    @get("/trends/{trend_id:str}/lane", summary="The posts of one trend")
    async def lane(
        self,
        request: AuthedRequest,
        now: datetime,
        trend_id: str,
        order: LaneOrder = LaneOrder.CLOSENESS,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_TRENDS,
    ) -> Lane:
        """Each post with its closeness and how its prompt differs.

        Raises:
            RiffleError: not_found, invalid_cursor.
        """
        return await lanes.lane(trend_id, order, cursor, limit, request.user.id, now)
