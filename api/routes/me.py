"""My account: what it says of me, where I am signed in, my data, and the way out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime

from litestar import Controller, delete, get, patch, post
from litestar.response import Stream

from api.http.archive import ArchiveEntry, zipped
from api.http.auth import AuthedRequest, asker
from api.http.rate_limits import SIGN_INS, rate_limited, sign_in_attempt
from domain.accounts import accounts, credits, erasure, passwords, sessions, takeout
from domain.accounts.accounts import AccountRow
from domain.safety.screen import Screen
from media.store import MediaStore
from schemas.accounts import (
    AccountDeleted,
    AgeBracket,
    ChangePassword,
    Credits,
    DeleteAccount,
    Me,
    PatchMe,
    SessionList,
)
from schemas.errors import Code, RiffleError

# Media is read in pieces of this size, so an archive holds a megabyte at a time.
CHUNK_BYTES = 1024 * 1024
# Each reads one object after the other, and as fast as its phone takes it: at 1 MB/s 600 MB in ten minutes.
EXPORTS_AT_ONCE = 4
EXPORT_S = 600.0
# Accounts that take theirs along at this moment: one archive at a time for each.
_exporting: set[str] = set()
ABOUT = """All that Riffle keeps of your account. A .jsonl file holds a JSON object a line; times are in UTC.
videos/ and cameos/ hold your media under the ids that the files name.
"""


class OwnAccount(Controller):
    """One's own account."""

    path = "/me"
    tags = ("accounts",)

    @get("/", summary="Who I am")
    async def me(self, request: AuthedRequest) -> Me:
        """The account behind the token, and its credits."""
        return await _me(request.user)

    @patch("/", summary="Change my account")
    async def change(self, request: AuthedRequest, now: datetime, data: PatchMe, screen: Screen) -> Me:
        """Change the name that others see, or say how old one is; what is absent stays.

        Raises:
            RiffleError: likeness_protected, moderation_refused; invalid_state, where the age was declared.
        """
        await screen.check_name(asker(request, now), data.display_name)
        bracket = None if data.age_bracket is None else AgeBracket(data.age_bracket)
        return await _me(await accounts.change(request.user.id, data.display_name, bracket))

    @delete("/", status_code=202, guards=[rate_limited(SIGN_INS)], summary="Delete my account")
    async def leave(
        self, request: AuthedRequest, now: datetime, data: DeleteAccount | None = None
    ) -> AccountDeleted:
        """Delete the account for good: nobody sees anything of it from now on, and every session ends.

        Cameos are withdrawn and all that was made with them is deleted, videos, media and words are erased,
        within minutes. A session that somebody signed in to more than ten minutes ago needs the `password`.

        Raises:
            RiffleError: wrong_credentials, rate_limited.
        """
        password = None if data is None else data.password
        if password is not None:
            await _check_password(request, password)
        elif not await sessions.is_recent(request.auth, now):
            raise RiffleError(
                Code.WRONG_CREDENTIALS, "give your password to delete the account", param="password"
            )
        await erasure.request(request.user.id, now)
        return AccountDeleted(id=request.user.id)

    @get("/credits", summary="What I can spend")
    async def credits(self, request: AuthedRequest) -> Credits:
        """What can be spent, and what running work holds."""
        return await credits.balance(request.user.id)

    @post("/password", status_code=204, guards=[rate_limited(SIGN_INS)], summary="Change my password")
    async def change_password(self, request: AuthedRequest, now: datetime, data: ChangePassword) -> None:
        """Set another password. Every other session ends, with its sockets.

        Raises:
            RiffleError: wrong_credentials; invalid_request, for one that is easily guessed; rate_limited.
        """
        await _check_password(request, data.password)
        passwords.check_new(data.new_password, request.user.handle, "new_password")
        await sessions.change_password(
            request.user, await passwords.hashed(data.new_password), now, keep=request.auth
        )

    @get("/sessions", summary="Where I am signed in")
    async def sessions(self, request: AuthedRequest) -> SessionList:
        """Every session that lives, the one that was used last first; `current` is the one that asks."""
        return SessionList(data=await sessions.list_own(request.user.id, request.auth))

    @delete("/sessions", status_code=204, summary="Sign out everywhere else")
    async def end_others(self, request: AuthedRequest, now: datetime) -> None:
        """End every session but the one that asks."""
        await sessions.end_of_account(request.user.id, now, keep=request.auth)

    @delete("/sessions/{session_id:str}", status_code=204, summary="Sign out somewhere")
    async def end_one(self, request: AuthedRequest, now: datetime, session_id: str) -> None:
        """End one session, with its sockets.

        Raises:
            RiffleError: not_found.
        """
        await sessions.end_own(request.user.id, session_id, now)

    @post("/export", status_code=200, media_type="application/zip", summary="Take my data along")
    async def export(self, request: AuthedRequest, now: datetime, media: MediaStore) -> Stream:
        """One zip archive of all that is kept of the account: lines of JSON by subject, and its media.

        What its person may not see (any more) isn't in it.

        Raises:
            RiffleError: busy, while too many others take theirs; conflict, while this account takes its own.
        """
        if request.user.id in _exporting:
            raise RiffleError(Code.CONFLICT, "your archive is on its way already", retry_after_s=10)
        if len(_exporting) >= EXPORTS_AT_ONCE:
            raise RiffleError(Code.BUSY, "too many archives are being made: try again soon", retry_after_s=10)
        name = f"riffle-{request.user.handle}.zip"
        data = archive(request.user.id, media, now=now)
        # Takes its place before anybody else can ask; whoever drops it gives the place back.
        await anext(data)
        return Stream(
            data,
            media_type="application/zip",
            headers={
                "content-disposition": f'attachment; filename="{name}"',
                "cache-control": "private, no-store",
            },
        )


async def _me(account: AccountRow) -> Me:
    return Me(
        account=accounts.to_account(account),
        credits=await credits.balance(account.id),
        age_bracket=account.age_bracket,
    )


async def _check_password(request: AuthedRequest, password: str) -> None:
    with sign_in_attempt(request, request.user.handle) as attempt:
        if not await passwords.matches(password, request.user.password_hash):
            attempt.keep()
            raise RiffleError(Code.WRONG_CREDENTIALS, "the password is wrong", param="password")


async def archive(account_id: str, media: MediaStore, *, now: datetime) -> AsyncGenerator[bytes]:
    """The archive of an account, read as fast as it is taken; it breaks off after EXPORT_S.

    Its first piece is empty: from then on it has its place among EXPORTS_AT_ONCE.
    """
    _exporting.add(account_id)
    try:
        yield b""
        # Whoever reads too slowly gets a broken connection, and an archive that no program opens.
        async with asyncio.timeout(EXPORT_S):
            async for data in zipped(_entries(account_id, media, now)):
                yield data
    finally:
        _exporting.discard(account_id)


async def _entries(account_id: str, media: MediaStore, now: datetime) -> AsyncIterator[ArchiveEntry]:
    yield ArchiveEntry("README.txt", _once(ABOUT.encode()))
    for subject in takeout.SUBJECTS:
        yield ArchiveEntry(f"{subject}.jsonl", takeout.lines(account_id, subject))
    async for file in takeout.media_files(account_id, now=now):
        try:
            size = await media.size(file.key)
        except FileNotFoundError:
            continue
        yield ArchiveEntry(file.name, _read(media, file.key, size))


async def _read(media: MediaStore, key: str, size: int) -> AsyncIterator[bytes]:
    for start in range(0, size, CHUNK_BYTES):
        yield await media.get_range(key, start, min(start + CHUNK_BYTES, size))


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
