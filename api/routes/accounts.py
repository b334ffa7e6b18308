"""Sign up, in and out."""

from __future__ import annotations

from datetime import datetime

from litestar import Controller, delete, post

from api.http.auth import PUBLIC, AuthedRequest, PublicRequest
from api.http.rate_limits import SIGN_INS, rate_limited, sign_in_attempt
from domain.accounts import accounts, passwords, sessions
from domain.accounts.accounts import AccountRow
from domain.safety.screen import Screen
from schemas.accounts import (
    AgeBracket,
    CreateAccount,
    CreateSession,
    RefreshSession,
    Session,
    SignedIn,
)
from schemas.errors import Code, RiffleError
from settings import Settings

# Browsers name themselves in about 120.
MAX_DEVICE_CHARS = 200


class Accounts(Controller):
    """Accounts and sessions."""

    tags = ("accounts",)

    @post("/accounts", opt=PUBLIC, guards=[rate_limited(SIGN_INS)], summary="Sign up")
    async def sign_up(
        self, request: PublicRequest, now: datetime, data: CreateAccount, screen: Screen, settings: Settings
    ) -> SignedIn:
        """Make an account and sign in to it.

        Raises:
            RiffleError: handle_taken, rate_limited, likeness_protected, moderation_refused; forbidden, under
                the age of 13; invalid_request, for a password that is easily guessed.
        """
        if data.age_bracket == "under_13":
            raise RiffleError(Code.FORBIDDEN, "nobody under 13 may have an account here", param="age_bracket")
        passwords.check_new(data.password, data.handle)
        await screen.check_new_account(data.handle, data.display_name, now)
        account = await accounts.create(
            handle=data.handle,
            display_name=data.display_name or data.handle,
            password_hash=await passwords.hashed(data.password),
            demo=False,
            age_bracket=AgeBracket(data.age_bracket or AgeBracket.UNDECLARED),
            start_credits=settings.start_credits,
            now=now,
        )
        return await _signed_in(account, request, now)

    @post("/sessions", opt=PUBLIC, guards=[rate_limited(SIGN_INS)], summary="Sign in")
    async def sign_in(self, request: PublicRequest, now: datetime, data: CreateSession) -> SignedIn:
        """Start a session. A wrong handle and a wrong password look and take the same.

        Raises:
            RiffleError: wrong_credentials, rate_limited.
        """
        with sign_in_attempt(request, accounts.fold(data.handle)) as attempt:
            account = await accounts.by_handle(data.handle)
            if (
                not await passwords.matches(data.password, account.password_hash if account else None)
                or account is None
            ):
                attempt.keep()
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


async def _signed_in(account: AccountRow, request: PublicRequest, now: datetime) -> SignedIn:
    # What a client says of itself, for the list of sessions: printable, and no longer than a line or two.
    device = "".join(filter(str.isprintable, request.headers.get("user-agent", "")))[:MAX_DEVICE_CHARS]
    tokens = await sessions.issue(account.id, device, now, compared=account.password_hash)
    return SignedIn(account=accounts.to_account(account), session=_session(tokens))


def _session(tokens: tuple[str, str, int]) -> Session:
    access, refresh, expires_in = tokens
    return Session(access_token=access, refresh_token=refresh, expires_in=expires_in)
