"""Accounts, sign-ins, tickets, follows and blocks. Tokens are stored only as SHA-256 hashes."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

import msgspec

from db.engine import fetch, fetch_one, transaction
from db.tables.accounts import BlockTable, FollowTable
from domain.ids import new_id
from domain.videos.pricing import START_CREDITS
from schemas.accounts import Account
from schemas.base import unix_seconds
from schemas.errors import Code, RiffleError

# A stolen access token works for an hour at most; a phone that is opened once a month stays signed in.
ACCESS_S = 3600
REFRESH_S = 30 * 24 * 3600
# From the reply to hello on the socket, over a slow radio.
TICKET_S = 30
Tokens = tuple[str, str, int]


class AccountRow(msgspec.Struct, kw_only=True, frozen=True):
    """A person, with the hash that only sign-in compares."""

    id: str
    handle: str
    display_name: str
    password_hash: str
    demo: bool
    created_at: datetime


COLUMNS = "a.id, a.handle, a.display_name, a.password_hash, a.demo, a.created_at"


def to_account(row: AccountRow) -> Account:
    """The account as others see it."""
    return Account(
        id=row.id,
        handle=row.handle,
        display_name=row.display_name,
        created_at=unix_seconds(row.created_at),
        demo=row.demo,
    )


async def create(
    *, handle: str, display_name: str, password_hash: str, demo: bool, now: datetime
) -> AccountRow:
    """A new account with its first credits.

    Raises:
        RiffleError: handle_taken.
    """
    row = AccountRow(
        id=new_id("acct"),
        handle=handle,
        display_name=display_name,
        password_hash=password_hash,
        demo=demo,
        created_at=now,
    )
    made = await fetch(
        """
        WITH made AS (
            INSERT INTO accounts (id, handle, display_name, password_hash, demo, balance, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (handle) DO NOTHING RETURNING id
        )
        INSERT INTO credit_entries (account_id, kind, amount, at)
        SELECT id, 'start', $6, $7 FROM made RETURNING id
        """,
        row.id,
        handle,
        display_name,
        password_hash,
        demo,
        START_CREDITS,
        now,
    )
    if not made:
        raise RiffleError(Code.HANDLE_TAKEN, f"`{handle}` is taken", param="handle")
    return row


async def by_handle(handle: str) -> AccountRow | None:
    """The account of a handle."""
    return _row(await fetch_one(f"SELECT {COLUMNS} FROM accounts a WHERE a.handle = $1", handle))


async def by_id(account_id: str) -> AccountRow | None:
    """The account of an id."""
    return _row(await fetch_one(f"SELECT {COLUMNS} FROM accounts a WHERE a.id = $1", account_id))


async def issue_session(account_id: str, family: str | None, now: datetime) -> Tokens:
    """Access token, refresh token, and seconds that the first lives; `family` None is a new sign-in."""
    access, refresh = f"ra_{secrets.token_urlsafe(32)}", f"rr_{secrets.token_urlsafe(32)}"
    async with transaction():
        if family is None:
            family = new_id("sess")
            await fetch("INSERT INTO sessions VALUES ($1, $2, $3, NULL)", family, account_id, now)
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
                await fetch("UPDATE sessions SET revoked_at = $2 WHERE id = $1", family, now)
            elif expires_at > now:
                await fetch("UPDATE tokens SET used_at = $2 WHERE hash = $1", _hash(refresh_token), now)
                account = msgspec.convert(found, AccountRow)
                return account, await issue_session(account.id, family, now)
    # Outside the transaction, so that the family stays revoked.
    if found is not None and used_at is None:
        raise RiffleError(Code.TOKEN_EXPIRED, "the refresh token has expired: sign in")
    raise RiffleError(Code.UNAUTHENTICATED, "this refresh token is not valid: sign in")


async def revoke_family(access_token: str) -> None:
    """End the session that a token belongs to."""
    await fetch(
        """
        UPDATE sessions SET revoked_at = clock_timestamp()
        WHERE revoked_at IS NULL AND id = (SELECT session_id FROM tokens WHERE hash = $1)
        """,
        _hash(access_token),
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


async def follow(follower: str, followed: str, now: datetime) -> None:
    """Follow; twice is once.

    Raises:
        RiffleError: not_found, where either blocks the other.
    """
    between = await relation(follower, followed)
    if between.blocks or between.blocked:
        raise RiffleError(Code.NOT_FOUND, "there is nobody of that name to follow", param="handle")
    row = FollowTable(follower_id=follower, followed_id=followed, created_at=now)
    await FollowTable.insert(row).on_conflict(action="DO NOTHING")


async def unfollow(follower: str, followed: str) -> None:
    """Stop following."""
    await FollowTable.delete().where(
        (FollowTable.follower_id == follower) & (FollowTable.followed_id == followed)
    )


async def block(blocker: str, blocked: str, now: datetime) -> None:
    """Keep someone out; both stop following each other."""
    async with transaction():
        row = BlockTable(blocker_id=blocker, blocked_id=blocked, created_at=now)
        await BlockTable.insert(row).on_conflict(action="DO NOTHING")
        await unfollow(blocker, blocked)
        await unfollow(blocked, blocker)


async def unblock(blocker: str, blocked: str) -> None:
    """Let them back."""
    await BlockTable.delete().where((BlockTable.blocker_id == blocker) & (BlockTable.blocked_id == blocked))


class Relation(msgspec.Struct, kw_only=True, frozen=True):
    """What is between two accounts, seen from the first."""

    follows: bool
    followed: bool
    blocks: bool
    blocked: bool


async def relation(one: str, other: str) -> Relation:
    """Whether `one` follows or blocks `other`, and the other way round."""
    found = await fetch_one(
        """
        SELECT EXISTS (SELECT FROM follows WHERE follower_id = $1 AND followed_id = $2) AS follows,
            EXISTS (SELECT FROM follows WHERE follower_id = $2 AND followed_id = $1) AS followed,
            EXISTS (SELECT FROM blocks WHERE blocker_id = $1 AND blocked_id = $2) AS blocks,
            EXISTS (SELECT FROM blocks WHERE blocker_id = $2 AND blocked_id = $1) AS blocked
        """,
        one,
        other,
    )
    return msgspec.convert(found, Relation)


def _row(found: dict[str, object] | None) -> AccountRow | None:
    return None if found is None else msgspec.convert(found, AccountRow)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
