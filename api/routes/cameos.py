"""Cameos: a person's likeness, who may use it, and who asked."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Controller, Response, delete, get, patch, post
from litestar.params import Parameter

import domain.consent.ledger
from api.http.auth import AuthedRequest, asker
from api.http.idempotency import idempotent, idempotent_with_check
from domain.consent import cameos, enrolments, grants, reach, receipts
from domain.consent.ages import check_age
from domain.safety.screen import Screen
from domain.videos import visibility
from schemas.cameos import (
    MAX_LEDGER_PAGE,
    MAX_UNIX_S,
    Cameo,
    CameoList,
    CameoUseList,
    CreateCameo,
    Grant,
    GrantList,
    Ledger,
    PatchCameo,
    RequestCameo,
    RevocationReach,
    RevokeCameo,
    RevokeMode,
    WithdrawConsent,
)
from schemas.errors import Code, RiffleError
from schemas.feed import Deleted
from settings import Settings

# What a bigint holds.
MAX_SEQ = 2**63 - 1


class Cameos(Controller):
    """Likeness profiles and the requests to use them."""

    path = "/cameos"
    tags = ("cameos",)

    @post("/", summary="Make a cameo")
    async def create(
        self, request: AuthedRequest, now: datetime, data: CreateCameo, screen: Screen, settings: Settings
    ) -> Response[Cameo]:
        """Lend one's likeness, to an audience of one's choice.

        Raises:
            RiffleError: idempotency_mismatch, likeness_protected, moderation_refused, consent_refused (age).
        """

        async def check() -> None:
            check_age(request.user.age_bracket, settings.cameos_for)
            await screen.check_name(asker(request, now), data.display_name)

        async def create(_: None) -> Cameo:
            cameo = await cameos.create(request.user.id, data, now=now)
            challenge = await enrolments.new_challenge(cameo.id, request.user.id, now=now)
            return msgspec.structs.replace(cameo, challenge=challenge)

        async def reread(cameo_id: str) -> Cameo:
            cameo = await cameos.get(cameo_id, request.user.id)
            challenge = await enrolments.standing_challenge(cameo_id, now=now)
            return msgspec.structs.replace(cameo, challenge=challenge)

        return await idempotent_with_check(request, data, check, create, reread)

    @get("/", summary="My cameos")
    async def mine(self, request: AuthedRequest) -> CameoList:
        """One's own cameos, revoked ones too."""
        return CameoList(data=await cameos.list_own(request.user.id))

    @get("/{cameo_id:str}", summary="One cameo")
    async def one(self, request: AuthedRequest, cameo_id: str) -> Cameo:
        """A cameo; its restrictions only to its owner.

        Raises:
            RiffleError: not_found.
        """
        return await cameos.get(cameo_id, request.user.id)

    @patch("/{cameo_id:str}", summary="Change a cameo")
    async def change(
        self, request: AuthedRequest, now: datetime, cameo_id: str, data: PatchCameo, screen: Screen
    ) -> Cameo:
        """Change name, audience or restrictions: a new revision, for every use from now on.

        Raises:
            RiffleError: not_found, invalid_state, likeness_protected, moderation_refused.
        """
        await screen.check_name(asker(request, now), data.display_name)
        return await cameos.patch(cameo_id, request.user.id, data, now=now)

    @post("/{cameo_id:str}/requests", summary="Ask to use a cameo")
    async def ask(
        self,
        request: AuthedRequest,
        now: datetime,
        cameo_id: str,
        settings: Settings,
        data: RequestCameo | None = None,
    ) -> Response[Grant]:
        """Ask the owner, who hears of it at once.

        Raises:
            RiffleError: not_found, conflict, consent_refused, rate_limited.
        """
        check_age(request.user.age_bracket, settings.cameos_for)
        asked = data or RequestCameo()
        if asked.scope.until is not None and not 0 < asked.scope.until < MAX_UNIX_S:
            raise RiffleError(Code.INVALID_REQUEST, "scope.until must be unix seconds", param="scope.until")

        async def create() -> Grant:
            await grants.check_request_rate(request.user.id, now=now)
            return await grants.request(cameo_id, request.user.id, asked, now=now)

        async def reread(grant_id: str) -> Grant:
            return await grants.get_own_request(grant_id, request.user.id, now=now)

        return await idempotent(request, asked, create, reread)

    @post("/{cameo_id:str}/revoke", status_code=200, summary="Withdraw consent")
    async def revoke(
        self, request: AuthedRequest, now: datetime, cameo_id: str, data: WithdrawConsent
    ) -> Cameo:
        """Withdraw one grant, one person's leave, or (with neither, but a `mode`) the whole cameo, for good.

        `mode` block_new leaves alone what there is; hide_posts hides what is posted; tombstone deletes all
        that was made under that grant, by that person whatever allowed it, or by anybody.
        It counts at once, for what was made from it too; a stronger mode can follow. `reached` says how much.

        Raises:
            RiffleError: not_found; invalid_request, where nothing says what is withdrawn.
        """
        if data.mode is None and data.grant_id is None and data.grantee is None:
            # Nobody ends a whole cameo by a request that lost its body.
            raise RiffleError(
                Code.INVALID_REQUEST, "name a grant, a person, or a `mode` for the whole cameo", param="mode"
            )
        mode = data.mode or RevokeMode.HIDE_POSTS
        asked = RevokeCameo(mode=mode, grant_id=data.grant_id, grantee=data.grantee)
        return await cameos.revoke(cameo_id, request.user.id, asked, now=now)

    @get("/{cameo_id:str}/reach", summary="What withdrawing consent would do")
    async def reach(
        self,
        request: AuthedRequest,
        cameo_id: str,
        mode: RevokeMode = RevokeMode.HIDE_POSTS,
        grant_id: str | None = None,
        grantee: str | None = None,
    ) -> RevocationReach:
        """Count what `POST /v1/cameos/{id}/revoke` with the same fields would reach now; nothing is changed.

        Raises:
            RiffleError: not_found.
        """
        asked = RevokeCameo(mode=mode, grant_id=grant_id, grantee=grantee)
        return await reach.reach(cameo_id, request.user.id, asked)

    @get("/{cameo_id:str}/uses", summary="Where my cameo appears")
    async def uses(self, request: AuthedRequest, now: datetime, cameo_id: str) -> CameoUseList:
        """Every video with this cameo, drafts too: for its owner alone.

        Raises:
            RiffleError: not_found.
        """
        found = await receipts.list_uses(cameo_id, request.user.id)
        shown = await visibility.listed([use.video_id for use in found], request.user.id, now)
        return CameoUseList(
            data=[msgspec.structs.replace(use, visible=use.video_id in shown) for use in found]
        )

    @delete("/{cameo_id:str}/uses/{video_id:str}", status_code=200, summary="Delete a use of my cameo")
    async def delete_use(
        self, request: AuthedRequest, now: datetime, cameo_id: str, video_id: str
    ) -> Deleted:
        """Delete a video with this cameo, and what was made from it, whoever made it.

        Raises:
            RiffleError: not_found.
        """
        await receipts.delete_use(cameo_id, request.user.id, video_id, now=now)
        return Deleted(id=video_id)

    @get("/{cameo_id:str}/ledger", summary="All that ever changed its consent")
    async def ledger(
        self,
        request: AuthedRequest,
        cameo_id: str,
        after: Annotated[int, Parameter(ge=0, le=MAX_SEQ, description="the last seq of the page before")] = 0,
        limit: Annotated[int, Parameter(ge=1, le=MAX_LEDGER_PAGE)] = MAX_LEDGER_PAGE,
    ) -> Ledger:
        """The hash-chained record of every change, grant, receipt and revocation: for its owner alone.

        Raises:
            RiffleError: not_found.
        """
        return await domain.consent.ledger.read_page(cameo_id, request.user.id, after, limit)


class CameoRequests(Controller):
    """Requests to use cameos, from both sides."""

    path = "/cameo-requests"
    tags = ("cameos",)

    @get("/", summary="Requests that await me, or that I made")
    async def requests(
        self,
        request: AuthedRequest,
        now: datetime,
        role: Annotated[Literal["owner", "grantee"], Parameter(description="which side I am on")] = "owner",
    ) -> GrantList:
        """As `owner`: what awaits my answer or has got it; as `grantee`: what I asked for."""
        return GrantList(data=await grants.list_requests(request.user.id, role, now=now))

    @post("/{grant_id:str}/accept", status_code=200, summary="Accept")
    async def accept(self, request: AuthedRequest, now: datetime, grant_id: str) -> Grant:
        """Let them use it, within the scope that they asked for.

        Raises:
            RiffleError: not_found, invalid_state.
        """
        return await grants.answer(grant_id, request.user.id, True, now=now)

    @post("/{grant_id:str}/refuse", status_code=200, summary="Refuse")
    async def refuse(self, request: AuthedRequest, now: datetime, grant_id: str) -> Grant:
        """Say no; they are told that it was refused.

        Raises:
            RiffleError: not_found, invalid_state.
        """
        return await grants.answer(grant_id, request.user.id, False, now=now)
