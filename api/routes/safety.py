"""Reports, appeals, and the registry as its rights holders use it."""

from __future__ import annotations

from datetime import datetime

from litestar import Controller, delete, get, post

from api.http.auth import AuthedRequest
from domain.safety import appeals, registry, reports
from schemas.moderation import Appeal, AppealList, CreateAppeal, CreateReport, Report, ReportList
from schemas.registry import CreateRegistryGrant, RegistryGrant, RegistryGrantList, RegistryName


class Reports(Controller):
    """Something should not be there."""

    path = "/reports"
    tags = ("safety",)

    @post("/", summary="Report a video, post, cameo or account")
    async def report(self, request: AuthedRequest, now: datetime, data: CreateReport) -> Report:
        """Report something that one can see; the same thing again is the first report again.

        Raises:
            RiffleError: not_found, rate_limited.
        """
        return await reports.file(request.user.id, data, now=now)

    @get("/", summary="My reports")
    async def mine(self, request: AuthedRequest) -> ReportList:
        """One's own reports and what became of them."""
        return ReportList(data=await reports.list_own(request.user.id))


class Appeals(Controller):
    """A refusal was wrong."""

    path = "/appeals"
    tags = ("safety",)

    @post("/", summary="Appeal a refusal")
    async def appeal(self, request: AuthedRequest, now: datetime, data: CreateAppeal) -> Appeal:
        """Against `moderation_refused` or `likeness_protected`, by the `request_id` of that answer, once.

        Raises:
            RiffleError: not_found, conflict, rate_limited.
        """
        return await appeals.file(request.user.id, data, now=now)

    @get("/", summary="My appeals")
    async def mine(self, request: AuthedRequest) -> AppealList:
        """One's own appeals; an upheld one lets the same texts pass for oneself."""
        return AppealList(data=await appeals.list_own(request.user.id))


class Registry(Controller):
    """Names that nobody may use unless their side grants it."""

    path = "/registry/{entry_id:str}"
    tags = ("safety",)

    @get("/", summary="A protected name")
    async def one(self, request: AuthedRequest, entry_id: str) -> RegistryName:
        """The entry that a refusal names, and whether one speaks for it.

        Raises:
            RiffleError: not_found.
        """
        return await registry.get(entry_id, request.user.id)

    @post("/grants", summary="Let somebody use a name I speak for")
    async def grant(
        self, request: AuthedRequest, now: datetime, entry_id: str, data: CreateRegistryGrant
    ) -> RegistryGrant:
        """For rights holders and estates.

        Raises:
            RiffleError: not_found, forbidden, invalid_request.
        """
        return await registry.grant(entry_id, request.user.id, data, now=now)

    @get("/grants", summary="Who may use a name I speak for")
    async def grants(self, request: AuthedRequest, entry_id: str) -> RegistryGrantList:
        """For rights holders and estates.

        Raises:
            RiffleError: not_found, forbidden.
        """
        return RegistryGrantList(data=await registry.grants(entry_id, request.user.id))

    @delete("/grants/{grant_id:str}", status_code=200, summary="Withdraw such a grant")
    async def revoke(
        self, request: AuthedRequest, now: datetime, entry_id: str, grant_id: str
    ) -> RegistryGrant:
        """For every use from now on.

        Raises:
            RiffleError: not_found, forbidden, invalid_state.
        """
        return await registry.revoke(entry_id, grant_id, request.user.id, now=now)
