"""Sign up, in and out; who I am and what I can spend."""

from __future__ import annotations

from datetime import datetime

from litestar import Controller, delete, get, post

from api.http.auth import PUBLIC, AuthedRequest, PublicRequest
from api.http.rate_limits import SIGN_INS, rate_limited
from domain.accounts import accounts, credits, passwords, sessions
from domain.accounts.accounts import AccountRow
from schemas.accounts import (
    CreateAccount,
    CreateSession,
    Credits,
    Me,
    RefreshSession,
    Session,
    SignedIn,
)
from schemas.errors import Code, RiffleError

# Browsers name themselves in about 120.
MAX_DEVICE_CHARS = 200


class Accounts(Controller):
    """Accounts and sessions."""

    tags = ("accounts",)

    @post("/accounts", opt=PUBLIC, guards=[rate_limited(SIGN_INS)], summary="Sign up")
    async def sign_up(self, request: PublicRequest, now: datetime, data: CreateAccount) -> SignedIn:
        """Make an account and sign in to it.

        Raises:
            RiffleError: handle_taken, rate_limited.
        """
        account = await accounts.create(
            handle=data.handle,
            display_name=data.display_name or data.handle,
            password_hash=await passwords.hashed(data.password),
            demo=False,
            now=now,
        )
        return await _signed_in(account, request, now)

    @post("/sessions", opt=PUBLIC, guards=[rate_limited(SIGN_INS)], summary="Sign in")
    async def sign_in(self, request: PublicRequest, now: datetime, data: CreateSession) -> SignedIn:
        """Start a session. A wrong handle and a wrong password look and take the same.

        Raises:
            RiffleError: wrong_credentials, rate_limited.
        """
        account = await accounts.by_handle(data.handle)
        if (
            not await passwords.matches(data.password, account.password_hash if account else None)
            or account is None
        ):
            raise RiffleError(Code.WRONG_CREDENTIALS, "the handle or the password is wrong")
        return await _signed_in(account, request, now)

    @post("/sessions/refresh", opt=PUBLIC, status_code=200, summary="New tokens for a refresh token")
    async def refresh(self, now: datetime, data: RefreshSession) -> SignedIn:
        """Rotate. A refresh token works once: a second use ends the whole session.

        Within some seconds it is answered with the same tokens again: the first answer may have been lost.

        Raises:
            RiffleError: unauthenticated, token_expired.
        """
        account, tokens = await sessions.rotate(data.refresh_token, now)
        return SignedIn(account=accounts.to_account(account), session=_session(tokens))

    @delete("/sessions", status_code=204, summary="Sign out")
    async def sign_out(self, request: AuthedRequest, now: datetime) -> None:
        """End this session: its tokens stop working, and its sockets are closed."""
        await sessions.end(request.auth, now)

    @get("/me", summary="Who I am")
    async def me(self, request: AuthedRequest) -> Me:
        """The account behind the token, and its credits."""
        return Me(account=accounts.to_account(request.user), credits=await credits.balance(request.user.id))

    @get("/me/credits", summary="What I can spend")
    async def credits(self, request: AuthedRequest) -> Credits:
        """What can be spent, and what running work holds."""
        return await credits.balance(request.user.id)


async def _signed_in(account: AccountRow, request: PublicRequest, now: datetime) -> SignedIn:
    # What a client says of itself, for the list of sessions: printable, and no longer than a line or two.
    device = "".join(filter(str.isprintable, request.headers.get("user-agent", "")))[:MAX_DEVICE_CHARS]
    tokens = await sessions.issue(account.id, device, now)
    return SignedIn(account=accounts.to_account(account), session=_session(tokens))


def _session(tokens: tuple[str, str, int]) -> Session:
    access, refresh, expires_in = tokens
    return Session(access_token=access, refresh_token=refresh, expires_in=expires_in)
