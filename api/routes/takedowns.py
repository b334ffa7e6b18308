"""Takedowns by anybody, and the answers of those whose videos they are about."""

from __future__ import annotations

from datetime import datetime

from litestar import Controller, get, post

from api.http.auth import PUBLIC, AuthedRequest, PublicRequest
from api.http.rate_limits import REFUSED_TAKEDOWNS, TAKEDOWNS, attempt, caller
from domain.safety import takedowns
from schemas.takedowns import CounterNotice, CreateCounterNotice, CreateTakedown, Takedown, TakedownList


class Takedowns(Controller):
    """What should not be here, said by whoever it concerns."""

    path = "/takedowns"
    tags = ("safety",)

    @post("/", opt=PUBLIC, summary="Demand that videos are taken down")
    async def file(self, request: PublicRequest, now: datetime, data: CreateTakedown) -> Takedown:
        """No account is needed. Copies are found and come with it; moderators have 48 hours.

        Raises:
            RiffleError: invalid_request, not_found, rate_limited.
        """
        address = caller(request)
        # A claim that is refused must not stand before the next one that isn't, whoever shares the address.
        with attempt(request, (TAKEDOWNS, address)) as filing:
            with attempt(request, (REFUSED_TAKEDOWNS, address)) as refusal:
                refusal.keep()
                made = await takedowns.file(data, now=now)
            filing.keep()
        return made

    @get("/{takedown_id:str}", opt=PUBLIC, summary="How a takedown stands")
    async def one(self, takedown_id: str) -> Takedown:
        """For who has its id: its claimant, and those whom it concerns. It holds no particulars of either.

        Raises:
            RiffleError: not_found.
        """
        return await takedowns.get(takedown_id)

    @get("/", summary="Takedowns of my videos")
    async def mine(self, request: AuthedRequest) -> TakedownList:
        """Every takedown that one's own videos are under, newest first."""
        return TakedownList(data=await takedowns.list_about(request.user.id))

    @post("/{takedown_id:str}/counter-notice", summary="Disagree with a takedown of my video")
    async def counter(
        self, request: AuthedRequest, now: datetime, takedown_id: str, data: CreateCounterNotice
    ) -> CounterNotice:
        """Once; a moderator decides again.

        Raises:
            RiffleError: not_found, invalid_request, conflict.
        """
        return await takedowns.file_counter_notice(takedown_id, request.user.id, data, now=now)
