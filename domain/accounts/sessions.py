"""Sign-ins: access and refresh tokens, and tickets to the socket. Stored only as SHA-256 hashes."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

import msgspec

from db.engine import fetch, fetch_one, transaction
from db.tables.accounts import SessionTable, TokenTable
from domain.accounts.accounts import COLUMNS, AccountRow
from domain.ids import new_id
from schemas.errors import Code, RiffleError

# A stolen access token works for an hour at most; a phone that is opened once a month stays signed in.
ACCESS_S = 3600
REFRESH_S = 30 * 24 * 3600
# From the reply to hello on the socket, over a slow radio.
TICKET_S = 30
Tokens = tuple[str, str, int]


async def issue(account_id: str, family: str | None, now: datetime) -> Tokens:
    """Access token, refresh token, and seconds that the first lives; `family` None is a new sign-in."""
    access, refresh = f"ra_{secrets.token_urlsafe(32)}", f"rr_{secrets.token_urlsafe(32)}"
    async with transaction():
        if family is None:
            family = new_id("sess")
            await fetch(
                "INSERT INTO sessions (id, account_id, created_at) VALUES ($1, $2, $3)",
                family,
                account_id,
                now,
            )
            await fetch(
                """
                DELETE FROM tokens t USING sessions s
                WHERE s.id = t.session_id AND s.account_id = $1 AND t.expires_at <= $2
                """,
                account_id,
                now,
            )
        await fetch(
            """
            INSERT INTO tokens (hash, session_id, kind, expires_at)
            VALUES ($1, $3, 'access', $4), ($2, $3, 'refresh', $5)
            """,
            _hash(access),
            _hash(refresh),
            family,
            now + timedelta(seconds=ACCESS_S),
            now + timedelta(seconds=REFRESH_S),
        )
    return access, refresh, ACCESS_S


async def authenticate(access_token: str, now: datetime) -> AccountRow:
    """The account that a token speaks for.

    Raises:
        RiffleError: token_expired; unauthenticated, where it is unknown or was revoked.
    """
    found = await fetch_one(
        f"""
        SELECT {COLUMNS}, t.expires_at FROM tokens t JOIN sessions s ON s.id = t.session_id
        JOIN accounts a ON a.id = s.account_id
        WHERE t.hash = $1 AND t.kind = 'access' AND s.revoked_at IS NULL
        """,
        _hash(access_token),
    )
    if found is None:
        raise RiffleError(Code.UNAUTHENTICATED, "this access token is not valid: sign in")
    if found.pop("expires_at") <= now:
        raise RiffleError(Code.TOKEN_EXPIRED, "the access token has expired: refresh the session")
    return msgspec.convert(found, AccountRow)


async def rotate(refresh_token: str, now: datetime) -> tuple[AccountRow, Tokens]:
    """New tokens for a refresh token, which works once: whoever uses it again ends the whole session.

    Raises:
        RiffleError: token_expired; unauthenticated, where it is unknown, was used or was revoked.
    """
    async with transaction():
        found = await fetch_one(
            f"""
            SELECT {COLUMNS}, t.session_id, t.expires_at, t.used_at FROM tokens t
            JOIN sessions s ON s.id = t.session_id JOIN accounts a ON a.id = s.account_id
            WHERE t.hash = $1 AND t.kind = 'refresh' AND s.revoked_at IS NULL FOR UPDATE OF s, t
            """,
            _hash(refresh_token),
        )
        if found is not None:
            family, expires_at, used_at = (
                found.pop(name) for name in ("session_id", "expires_at", "used_at")
            )
            if used_at is not None:
                await SessionTable.update({SessionTable.revoked_at: now}).where(SessionTable.id == family)
            elif expires_at > now:
                token = TokenTable.hash == _hash(refresh_token)
                await TokenTable.update({TokenTable.used_at: now}).where(token)
                account = msgspec.convert(found, AccountRow)
                return account, await issue(account.id, family, now)
    # Outside the transaction, so that the family stays revoked.
    if found is not None and used_at is None:
        raise RiffleError(Code.TOKEN_EXPIRED, "the refresh token has expired: sign in")
    raise RiffleError(Code.UNAUTHENTICATED, "this refresh token is not valid: sign in")


async def revoke(access_token: str, now: datetime) -> None:
    """End the session that a token belongs to."""
    await fetch(
        """
        UPDATE sessions SET revoked_at = $2
        WHERE revoked_at IS NULL AND id = (SELECT session_id FROM tokens WHERE hash = $1)
        """,
        _hash(access_token),
        now,
    )


async def issue_ticket(account_id: str, now: datetime) -> str:
    """A ticket to the socket: single use, good for TICKET_S."""
    ticket = f"rt_{secrets.token_urlsafe(32)}"
    await fetch(
        "WITH old AS (DELETE FROM tickets WHERE account_id = $2 AND expires_at <= $3)"
        " INSERT INTO tickets (hash, account_id, expires_at) VALUES ($1, $2, $4)",
        _hash(ticket),
        account_id,
        now,
        now + timedelta(seconds=TICKET_S),
    )
    return ticket


async def redeem_ticket(ticket: str, now: datetime) -> str | None:
    """The account of a ticket, which is used up; None where it isn't good."""
    found = await fetch_one(
        "DELETE FROM tickets WHERE hash = $1 RETURNING account_id, expires_at", _hash(ticket)
    )
    return None if found is None or found["expires_at"] <= now else str(found["account_id"])


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
