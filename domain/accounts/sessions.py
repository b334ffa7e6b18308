"""Sign-ins: access and refresh tokens. Stored only as SHA-256 hashes; tickets are in `tickets`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from db.engine import exists, fetch, fetch_one, transaction
from domain.accounts.accounts import COLUMNS, AccountRow
from domain.ids import new_id
from schemas.accounts import SessionInfo
from schemas.base import unix_seconds
from schemas.errors import Code, RiffleError

# A stolen access token works for an hour at most; a phone that is opened once a month stays signed in.
ACCESS_S = 3600
REFRESH_S = 30 * 24 * 3600
# A refresh whose answer was lost is sent again: three tries of at most 5 s with waits of 1.6 s between them.
REUSE_GRACE_S = 20
# The channel on which a trigger of the database names each session that has ended.
ENDED = "riffle_session"
# A person has a handful of devices; at this many the one that was longest unused is signed out.
MAX_SESSIONS = 50
# For so long after a sign-in the password need not be given again for what can't be undone.
RECENT_S = 600
Tokens = tuple[str, str, int]


async def issue(account_id: str, device: str, now: datetime, *, compared: str | None = None) -> Tokens:
    """A new sign-in on a `device`: access token, refresh token, and seconds that the first lives.

    `compared` is the hash that the person's password was compared with, a while ago.

    Raises:
        RiffleError: wrong_credentials, where the account was deleted, or its password changed, since.
    """
    access, refresh = f"ra_{secrets.token_urlsafe(32)}", f"rr_{secrets.token_urlsafe(32)}"
    async with transaction():
        # Locked, so that it comes before or after whatever ends all sessions.
        found = await fetch_one(
            "SELECT password_hash FROM accounts WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE",
            account_id,
        )
        if found is None or compared not in (None, found["password_hash"]):
            raise RiffleError(Code.WRONG_CREDENTIALS, "the handle or the password is wrong")
        await _make_room(account_id, now)
        session = new_id("sess")
        await fetch(
            """
            INSERT INTO sessions (id, account_id, device, created_at, refreshed_at)
            VALUES ($1, $2, $3, $4, $4)
            """,
            session,
            account_id,
            device,
            now,
        )
        await _store(session, access, refresh, now)
    return access, refresh, ACCESS_S


async def authenticate(access_token: str, now: datetime) -> tuple[AccountRow, str]:
    """The account that a token speaks for, and the id of its session.

    Raises:
        RiffleError: token_expired; unauthenticated, where it is unknown or was revoked.
    """
    found = await fetch_one(
        f"""
        SELECT {COLUMNS}, t.expires_at, t.session_id FROM tokens t JOIN sessions s ON s.id = t.session_id
        JOIN accounts a ON a.id = s.account_id
        WHERE t.hash = $1 AND t.kind = 'access' AND s.revoked_at IS NULL AND a.deleted_at IS NULL
        """,
        token_hash(access_token),
    )
    if found is None:
        raise RiffleError(Code.UNAUTHENTICATED, "this access token is not valid: sign in")
    if found.pop("expires_at") <= now:
        raise RiffleError(Code.TOKEN_EXPIRED, "the access token has expired: refresh the session")
    session = str(found.pop("session_id"))
    return msgspec.convert(found, AccountRow), session


async def rotate(refresh_token: str, now: datetime) -> tuple[AccountRow, Tokens]:
    """New tokens for a refresh token.

    Whoever sends it again within REUSE_GRACE_S gets the same ones, while these were not rotated themselves:
    the answer may have been lost. Any other second use ends the whole session.

    Raises:
        RiffleError: token_expired; unauthenticated, where it is unknown, was used or was revoked.
    """
    async with transaction():
        found = await fetch_one(
            f"""
            SELECT {COLUMNS}, t.session_id, t.expires_at, t.used_at, t.salt FROM tokens t
            JOIN sessions s ON s.id = t.session_id JOIN accounts a ON a.id = s.account_id
            WHERE t.hash = $1 AND t.kind = 'refresh' AND s.revoked_at IS NULL FOR UPDATE OF s, t
            """,
            token_hash(refresh_token),
        )
        if found is not None:
            session, expires_at, used_at, salt = (
                found.pop(name) for name in ("session_id", "expires_at", "used_at", "salt")
            )
            account = msgspec.convert(found, AccountRow)
            if used_at is not None:
                again = await _same_successors(refresh_token, salt, used_at, now)
                if again is not None:
                    return account, again
                await _end([session], now)
            elif expires_at > now:
                return account, await _advance(session, refresh_token, now)
    # Outside the transaction, so that the session stays ended.
    if found is not None and used_at is None:
        raise RiffleError(Code.TOKEN_EXPIRED, "the refresh token has expired: sign in")
    raise RiffleError(Code.UNAUTHENTICATED, "this refresh token is not valid: sign in")


async def end(session_id: str, now: datetime) -> None:
    """End one session: its tokens and tickets stop working, its sockets are closed."""
    await _end([session_id], now)


async def end_of_account(account_id: str, now: datetime, *, keep: str | None = None) -> None:
    """End every session of an account, except the one to `keep`."""
    rows = await fetch("SELECT id FROM sessions WHERE account_id = $1 AND revoked_at IS NULL", account_id)
    await _end([row["id"] for row in rows if row["id"] != keep], now)


async def change_password(account: AccountRow, password_hash: str, now: datetime, *, keep: str) -> None:
    """Replace the password that `account` had when it was compared; every session ends but `keep`.

    Raises:
        RiffleError: wrong_credentials, where it was changed, or the account deleted, since.
    """
    async with transaction():
        changed = await fetch(
            """
            UPDATE accounts SET password_hash = $2
            WHERE id = $1 AND password_hash = $3 AND deleted_at IS NULL RETURNING id
            """,
            account.id,
            password_hash,
            account.password_hash,
        )
        if not changed:
            raise RiffleError(Code.WRONG_CREDENTIALS, "the password is wrong", param="password")
        await end_of_account(account.id, now, keep=keep)


async def list_own(account_id: str, current: str) -> list[SessionInfo]:
    """The sessions of an account that live, the one that was used last first."""
    rows = await fetch(
        """
        SELECT id, device, created_at, refreshed_at, id = $2 AS current FROM sessions
        WHERE account_id = $1 AND revoked_at IS NULL ORDER BY refreshed_at DESC, id LIMIT $3
        """,
        account_id,
        current,
        MAX_SESSIONS,
    )
    for row in rows:
        row["created_at"], row["refreshed_at"] = (
            unix_seconds(row[name]) for name in ("created_at", "refreshed_at")
        )
    return msgspec.convert(rows, list[SessionInfo])


async def end_own(account_id: str, session_id: str, now: datetime) -> None:
    """End one session of an account.

    Raises:
        RiffleError: not_found, where it has no such session that lives.
    """
    if not await exists(
        "SELECT FROM sessions WHERE id = $1 AND account_id = $2 AND revoked_at IS NULL",
        session_id,
        account_id,
    ):
        raise RiffleError(Code.NOT_FOUND, f"there is no session `{session_id}` of yours")
    await _end([session_id], now)


async def is_recent(session_id: str, now: datetime) -> bool:
    """Whether somebody signed in to this session within the last RECENT_S, with a password then."""
    return await exists(
        "SELECT FROM sessions WHERE id = $1 AND created_at > $2",
        session_id,
        now - timedelta(seconds=RECENT_S),
    )


async def ended(session_ids: Sequence[str], now: datetime) -> set[str]:
    """Those of some sessions that are over: ended, or with no token left that could be refreshed."""
    rows = await fetch(
        """
        SELECT id FROM unnest($1::text[]) AS asked(id) WHERE NOT EXISTS (
            SELECT FROM sessions s JOIN tokens t ON t.session_id = s.id
            WHERE s.id = asked.id AND s.revoked_at IS NULL AND t.kind = 'refresh' AND t.expires_at > $2
        )
        """,
        list(session_ids),
        now,
    )
    return {row["id"] for row in rows}


def token_hash(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


async def _make_room(account_id: str, now: datetime) -> None:
    """Forget tokens that have run out, and end sessions past MAX_SESSIONS."""
    await fetch(
        """
        DELETE FROM tokens t USING sessions s
        WHERE s.id = t.session_id AND s.account_id = $1 AND t.expires_at <= $2
        """,
        account_id,
        now,
    )
    rows = await fetch(
        """
        SELECT id FROM sessions WHERE account_id = $1 AND revoked_at IS NULL
        ORDER BY refreshed_at DESC, id OFFSET $2
        """,
        account_id,
        MAX_SESSIONS - 1,
    )
    await _end([row["id"] for row in rows], now)


async def _advance(session: str, used: str, now: datetime) -> Tokens:
    """Use a refresh token up, and store what comes after it."""
    salt = secrets.token_bytes(32)
    # What came before it has arrived, since it was used: nobody needs to be given that again.
    await fetch("UPDATE tokens SET salt = NULL WHERE session_id = $1 AND salt IS NOT NULL", session)
    await fetch("UPDATE tokens SET used_at = $2, salt = $3 WHERE hash = $1", token_hash(used), now, salt)
    await fetch("UPDATE sessions SET refreshed_at = $2 WHERE id = $1", session, now)
    access, refresh = _successors(used, salt)
    await _store(session, access, refresh, now)
    return access, refresh, ACCESS_S


async def _same_successors(used: str, salt: bytes | None, used_at: datetime, now: datetime) -> Tokens | None:
    """The tokens that a rotation gave; None where it is too late to ask for them again."""
    since = (now - used_at).total_seconds()
    if salt is None or since >= REUSE_GRACE_S:
        return None
    return *_successors(used, salt), max(1, int(ACCESS_S - since))


def _successors(used: str, salt: bytes) -> tuple[str, str]:
    """Access and refresh token after a used one: neither the database nor the used token alone tells them."""

    def derive(kind: str) -> str:
        digest = hmac.digest(salt, f"{kind} {used}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    return f"ra_{derive('access')}", f"rr_{derive('refresh')}"


async def _store(session: str, access: str, refresh: str, now: datetime) -> None:
    await fetch(
        """
        INSERT INTO tokens (hash, session_id, kind, expires_at)
        VALUES ($1, $3, 'access', $4), ($2, $3, 'refresh', $5)
        """,
        token_hash(access),
        token_hash(refresh),
        session,
        now + timedelta(seconds=ACCESS_S),
        now + timedelta(seconds=REFRESH_S),
    )


async def _end(session_ids: Sequence[str], now: datetime) -> None:
    await fetch(
        "UPDATE sessions SET revoked_at = $2 WHERE revoked_at IS NULL AND id = ANY ($1::text[])",
        list(session_ids),
        now,
    )
