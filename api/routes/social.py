"""Whom I follow and whom I keep out."""

from __future__ import annotations

from datetime import datetime

from litestar import Controller, delete, put

from api.http.auth import AuthedRequest
from db.engine import transaction
from domain.accounts import accounts, social
from domain.accounts.accounts import AccountRow
from domain.consent import revocations
from schemas.errors import Code, RiffleError


class Social(Controller):
    """Follows and blocks, by handle."""

    tags = ("social",)

    @put("/follows/{handle:str}", status_code=204, summary="Follow")
    async def follow(self, request: AuthedRequest, now: datetime, handle: str) -> None:
        """See their posts in the following cut; two who follow each other are mutuals.

        Raises:
            RiffleError: not_found; invalid_request for oneself; invalid_state, where one blocks them.
        """
        await social.follow(request.user.id, (await _other(request, handle)).id, now)

    @delete("/follows/{handle:str}", status_code=204, summary="Unfollow")
    async def unfollow(self, request: AuthedRequest, now: datetime, handle: str) -> None:
        """Stop following; fine where one did not.

        Raises:
            RiffleError: not_found; invalid_request for oneself.
        """
        other = await _other(request, handle)
        async with transaction():
            parted = await social.unfollow(request.user.id, other.id)
            await revocations.tell_watchers(between=(request.user.id, other.id), now=now)
            if parted:
                await social.tell_both(request.user.id, other.id, now)

    @put("/blocks/{handle:str}", status_code=204, summary="Block")
    async def block(self, request: AuthedRequest, now: datetime, handle: str) -> None:
        """Keep someone away from my posts and cameos.

        Raises:
            RiffleError: not_found; invalid_request for oneself.
        """
        other = await _other(request, handle)
        async with transaction():
            parted = await social.block(request.user.id, other.id, now)
            await revocations.tell_watchers(between=(request.user.id, other.id), now=now)
            if parted:
                await social.tell_both(request.user.id, other.id, now)

    @delete("/blocks/{handle:str}", status_code=204, summary="Unblock")
    async def unblock(self, request: AuthedRequest, handle: str) -> None:
        """Let them back; fine where they were not blocked.

        Raises:
            RiffleError: not_found; invalid_request for oneself.
        """
        await social.unblock(request.user.id, (await _other(request, handle)).id)


async def _other(request: AuthedRequest, handle: str) -> AccountRow:
    found = await accounts.by_handle(handle)
    if found is None:
        raise RiffleError(Code.NOT_FOUND, f"nobody is called `{handle}`", param="handle")
    if found.id == request.user.id:
        raise RiffleError(Code.INVALID_REQUEST, "that is you", param="handle")
    return found
