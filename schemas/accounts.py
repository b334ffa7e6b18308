"""Accounts, sessions and credits."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import RequestBody, ResponseBody, UnixSeconds, whole
from schemas.shown_text import LINE

HANDLE_WORDS = "3 to 30 of a-z, 0-9, _"
Handle = Annotated[str, Meta(pattern=whole(r"[a-z0-9_]{3,30}", HANDLE_WORDS), description=HANDLE_WORDS)]
# argon2 hashes any length, so the upper bound only stops a body from being used as work.
MIN_PASSWORD_CHARS = 8
Password = Annotated[str, Meta(min_length=MIN_PASSWORD_CHARS, max_length=128)]
DisplayName = Annotated[str, Meta(min_length=1, max_length=60, extra=LINE)]


class AgeBracket(StrEnum):
    """What a person has said of their age; nobody under 13 may have an account."""

    UNDECLARED = "undeclared"
    TEEN = "13_17"
    ADULT = "18_plus"


DeclaredAge = Annotated[
    Literal["under_13", "13_17", "18_plus"], Meta(description="as the person says; under_13 is refused")
]


class CreateAccount(RequestBody, kw_only=True):
    """`POST /v1/accounts`. Without `age_bracket` the age is undeclared."""

    handle: Handle
    password: Password
    display_name: DisplayName | None = None
    age_bracket: DeclaredAge | None = None


class PatchMe(RequestBody, kw_only=True):
    """`PATCH /v1/me`; what is absent stays. An age can be declared once."""

    display_name: DisplayName | None = None
    age_bracket: Literal["13_17", "18_plus"] | None = None


class ChangePassword(RequestBody, kw_only=True):
    """`POST /v1/me/password`: ends every other session."""

    password: Annotated[str, Meta(max_length=128)]
    new_password: Password


class DeleteAccount(RequestBody, kw_only=True):
    """`DELETE /v1/me`. A session that is some minutes old needs the password too."""

    password: Annotated[str, Meta(max_length=128)] | None = None


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
    age_bracket: AgeBracket = AgeBracket.UNDECLARED


class SessionInfo(ResponseBody, kw_only=True):
    """One sign-in. `device` is what its client calls itself, `current` the one that asks."""

    id: str
    device: str
    created_at: UnixSeconds
    refreshed_at: UnixSeconds
    current: bool
    object: str = "session"


class SessionList(ResponseBody, kw_only=True):
    """`GET /v1/me/sessions`: the one that was used last stands first."""

    data: list[SessionInfo]
    object: str = "list"


class AccountDeleted(ResponseBody, kw_only=True):
    """Reply of `DELETE /v1/me`: nobody can sign in or see the account; the rest is erased within minutes."""

    id: str
    deleted: bool = True
    object: str = "account.deleted"
