"""Accounts, sessions and credits."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.base import RequestBody, ResponseBody, UnixSeconds

Handle = Annotated[str, Meta(pattern=r"^[a-z0-9_]{3,30}$", description="3 to 30 of a-z, 0-9, _")]
# argon2 hashes any length, so the upper bound only stops a body from being used as work.
Password = Annotated[str, Meta(min_length=8, max_length=128)]
DisplayName = Annotated[str, Meta(min_length=1, max_length=60)]


class CreateAccount(RequestBody, kw_only=True):
    """`POST /v1/accounts`."""

    handle: Handle
    password: Password
    display_name: DisplayName | None = None


class CreateSession(RequestBody, kw_only=True):
    """`POST /v1/sessions`. Looser than sign-up: a wrong handle is wrong credentials, never a hint."""

    handle: Annotated[str, Meta(max_length=128)]
    password: Annotated[str, Meta(max_length=128)]


class RefreshSession(RequestBody, kw_only=True):
    """`POST /v1/sessions/refresh`."""

    refresh_token: Annotated[str, Meta(max_length=256)]


class Account(ResponseBody, kw_only=True):
    """A person as others see them."""

    id: str
    handle: str
    display_name: str
    created_at: UnixSeconds
    demo: bool = False
    object: str = "account"


class Session(ResponseBody, kw_only=True):
    """A short-lived access token and the refresh token that replaces it; `expires_in` in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str = "Bearer"


class SignedIn(ResponseBody, kw_only=True):
    """Reply of sign-up, sign-in and refresh."""

    account: Account
    session: Session


class Credits(ResponseBody, kw_only=True):
    """`GET /v1/me/credits`: what can be spent, and what running work holds."""

    balance: int
    held: int
    object: str = "credits"


class Me(ResponseBody, kw_only=True):
    """`GET /v1/me`."""

    account: Account
    credits: Credits
